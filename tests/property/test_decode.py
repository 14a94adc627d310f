"""Both ways of decoding take the same events: what is counted must not depend on what is known."""

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import Rejected
from stream.ingest.decode import DecodedEvent, Decoder
from stream.ingest.step import _version_name

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**255, 10**256]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.5, 3.0, 2.0**60, 1e300]),
    st.text(max_size=5),
    st.sampled_from(["1", "v 1", "", "x" * 129, "x" * 257, "2026-09-21T10:00:00Z"]),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["type", "message", "1", "a"]), SCALARS, max_size=3),
)
FIELDS = (
    "model_version",
    "request_id",
    "timestamp",
    "features",
    "prediction",
    "probability",
    "latency_ms",
    "error",
    "metrics",
    "label",
    "tags",
    "schema_version",
    "unknown",
)
# Hypothesis reads its table of characters at the first draw.
SLOW_START = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
EVENTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4)


def new_decoder(models: dict[str, Any]) -> Decoder:
    return Decoder(models, event_bytes_max=100_000, features_max=100, models_max=10)


def verdict(decoded: DecodedEvent | Rejected) -> Any:
    """What becomes of an event: its fields, or why it is rejected, here or in the next step."""
    if isinstance(decoded, Rejected):
        if decoded.detail == "missing `prediction`":
            return "no prediction"
        bad_version = decoded.detail.startswith("model_version: Expected `str` matching")
        return "no version" if bad_version else decoded
    if decoded.model_version is not None and _version_name(decoded.model_version) is None:
        return "no version"
    if decoded.prediction is None and decoded.error is None:
        return "no prediction"
    return msgspec.structs.asdict(decoded)


@SLOW_START
@given(EVENTS, st.booleans())
def test_a_known_model_takes_the_events_that_an_unknown_one_does(
    fields: dict[str, Any], predicts: bool
) -> None:
    event = {"model_name": "credit", **({"prediction": 1} if predicts else {}), **fields}
    payload = json.dumps(event).encode()
    explained = new_decoder({}).explain(payload)
    known = new_decoder({})
    known.decode([b'{"model_name":"credit","prediction":1}'])
    [quick] = known.decode([payload])
    assert repr(verdict(quick)) == repr(verdict(explained))


@SLOW_START
@given(EVENTS, st.dictionaries(st.sampled_from(["age", "job", "x"]), VALUES))
def test_a_model_with_a_plan_takes_the_same_events_again(
    fields: dict[str, Any], features: dict[str, Any]
) -> None:
    event = {"model_name": "credit", "prediction": 1, **fields, "features": features}
    payload = json.dumps(event).encode()
    plain = new_decoder({}).explain(payload)
    planned = new_decoder({"credit": {"age": True, "job": False}})
    [quick] = planned.decode([payload])
    assert isinstance(verdict(quick), Rejected | str) == isinstance(verdict(plain), Rejected | str)
    slow = planned.explain(payload)
    if not isinstance(quick, Rejected) and not isinstance(slow, Rejected):
        assert repr(quick.features) == repr(slow.features)
