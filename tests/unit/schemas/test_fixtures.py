"""The contract's fixtures: valid ones decode and fit their JSON Schema, invalid ones do neither."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas.config import ConfigError, parse_config
from schemas.decoding import decode_event
from schemas.errors import Reason, Rejected
from schemas.events import LabelEvent, MeasurementEvent, PredictionEvent, encode_event
from schemas.json_schemas import SCHEMAS, json_schema
from schemas.timestamps import parse_timestamp_ms

FIXTURES = Path(__file__).parents[2] / "golden" / "contract"
EVENTS: dict[str, Any] = {
    "prediction": PredictionEvent,
    "label": LabelEvent,
    "measurement": MeasurementEvent,
}
DIFFERS = json.loads((FIXTURES / "schema-differs.json").read_text("utf-8"))
VALID = sorted(FIXTURES.glob("*/valid/*.json"))
INVALID = sorted(FIXTURES.glob("*/invalid/*.json"))


def name_of(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


def kind_of(path: Path) -> str:
    return path.parts[-3]


def decoded(path: Path) -> Any:
    """The decoded document, or a `Rejected`, or whatever is raised."""
    data, kind = path.read_bytes(), kind_of(path)
    if kind in EVENTS:
        event = decode_event(data, EVENTS[kind])
        if isinstance(event, Rejected) or event.timestamp is None:
            return event
        timestamp_ms = parse_timestamp_ms(event.timestamp)
        return timestamp_ms if isinstance(timestamp_ms, Rejected) else event
    if kind == "config":
        return parse_config(json.loads(data))
    return msgspec.json.decode(data, type=SCHEMAS[kind])


def fits_schema(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    schema = json_schema(kind_of(path))
    return jsonschema.Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_one_and_has_fixtures(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(name))
    assert [path for path in VALID if kind_of(path) == name]
    assert [path for path in INVALID if kind_of(path) == name]


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_valid_decodes(path: Path) -> None:
    assert not isinstance(decoded(path), Rejected)


@pytest.mark.parametrize("path", [p for p in INVALID if kind_of(p) in EVENTS], ids=name_of)
def test_invalid_event_is_a_value_with_the_reason_in_its_file_name(path: Path) -> None:
    outcome = decoded(path)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason(path.name.split(".")[0])
    assert outcome.detail


@pytest.mark.parametrize("path", [p for p in INVALID if kind_of(p) not in EVENTS], ids=name_of)
def test_invalid_record_is_an_error(path: Path) -> None:
    with pytest.raises((msgspec.ValidationError, ConfigError)):
        decoded(path)


@pytest.mark.parametrize("path", [*VALID, *INVALID], ids=name_of)
def test_schema_agrees_with_struct_unless_listed(path: Path) -> None:
    agrees = fits_schema(path) == (path.parts[-2] == "valid")
    assert agrees != (name_of(path) in DIFFERS)


def test_listed_differences_exist() -> None:
    assert set(DIFFERS) <= {name_of(path) for path in (*VALID, *INVALID)}


@pytest.mark.parametrize("path", [p for p in VALID if kind_of(p) in EVENTS], ids=name_of)
def test_events_round_trip(path: Path) -> None:
    event = decoded(path)
    assert decode_event(encode_event(event), type(event)) == event


@pytest.mark.parametrize(
    "path", [p for p in VALID if kind_of(p) not in {*EVENTS, "config"}], ids=name_of
)
def test_records_round_trip_and_their_own_writing_fits_the_schema(path: Path) -> None:
    record = decoded(path)
    written = msgspec.json.encode(record)
    assert msgspec.json.decode(written, type=type(record)) == record
    jsonschema.Draft202012Validator(json_schema(kind_of(path))).validate(json.loads(written))


@pytest.mark.parametrize("path", [p for p in VALID if kind_of(p) == "config"], ids=name_of)
def test_parsed_files_fit_the_schema_of_their_canonical_form(path: Path) -> None:
    written = msgspec.json.decode(msgspec.json.encode(decoded(path)))
    jsonschema.Draft202012Validator(json_schema("config")).validate(written)
    assert parse_config(written) == decoded(path)
