"""The contract in words, in structs, in JSON Schema and in AsyncAPI says one thing."""

import itertools
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from schemas.activations import Activation, Plan
from schemas.alerts import AlertEvent, Severity, Status
from schemas.asyncapi import CONTENT_TYPES
from schemas.canonical import canonical_json
from schemas.config import parse_config
from schemas.errors import REMEDIES, Reason
from schemas.events import LabelEvent, MeasurementEvent, PredictionEvent
from schemas.features import FeatureConfig, FeatureDriftConfig, FeatureKind
from schemas.json_schemas import SCHEMAS, field_descriptions
from schemas.keys import LIVE_FIELDS, REDIS_KEYS, SERIES_ENTRIES_MAX
from schemas.metric_names import (
    CUSTOM_STATISTICS,
    FAIRNESS_METRIC_NAMES,
    FEATURE_METRIC_NAMES,
    METRIC_NAMES,
)
from schemas.metrics import BaselineRef, Window, WindowReport
from schemas.models import AbsentMeans, DriftConfig, LabelsConfig, ModelConfig, Task
from schemas.rejected import RejectedHeaders
from schemas.rules import DEFAULT_RULE_NAMES, RULE_FALLBACK, NoData, RuleConfig, SilenceConfig
from schemas.topics import NAMESPACE_DEFAULT, PARTITIONS_DEFAULT, TOPICS, topic_name
from schemas.windows import WindowConfig

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "contract.md").read_text("utf-8")
ASYNCAPI = yaml.safe_load((ROOT / "schemas" / "asyncapi.yaml").read_text("utf-8"))
JSON_SCHEMAS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "schemas" / "json").glob("*.json"))
}

# Described in words only, since the file's example has one model and one rule.
NOT_IN_THE_EXAMPLE = {"drift_detection_interval"}


def section(heading: str) -> str:
    """The text below a heading, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, _, rest = DOC.partition(f"\n{heading}")
    assert rest, f"no heading {heading!r}"
    return re.split(rf"\n#{{1,{level}}} ", rest)[0]


def table(heading: str, first_header: str) -> list[list[str]]:
    """The rows of the table under a heading whose first column has this header."""
    lines = iter(section(heading).splitlines())
    assert any(line.startswith(f"| {first_header} |") for line in lines), first_header
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    cells = [re.split(r"(?<!\\) ?\| ?", row.strip())[1:-1] for row in rows]
    return [[cell.strip() for cell in row] for row in cells[1:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def first_names(heading: str, first_header: str) -> list[str]:
    return [names(row[0])[0] for row in table(heading, first_header)]


def block(heading: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", section(heading), re.DOTALL)
    assert found
    return found[1]


def fields(kind: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def structs(kinds: tuple[Any, ...]) -> list[type[msgspec.Struct]]:
    """Structs reachable from these, by their JSON Schema components."""
    _, components = msgspec.json.schema_components(kinds)
    known = {
        kind.__name__: kind
        for kind in msgspec.Struct.__subclasses__()
        if kind.__module__.startswith("schemas.")
    }
    return [known[name] for name in components if name in known]


# --- structs and JSON Schema


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_json_schema_has_the_fields_of_its_struct(name: str) -> None:
    schema = JSON_SCHEMAS[name]
    definitions = {SCHEMAS[name].__name__: schema, **schema.get("$defs", {})}
    for kind in structs((SCHEMAS[name],)):
        described = definitions[kind.__name__]
        assert list(described["properties"]) == fields(kind)
        required = [f.encode_name for f in msgspec.structs.fields(kind) if f.required]
        assert described["required"] == required
        closed = kind.__struct_config__.forbid_unknown_fields
        assert described.get("additionalProperties", True) is not closed


@pytest.mark.parametrize("kind", structs(tuple(SCHEMAS.values())), ids=lambda kind: kind.__name__)
def test_every_field_is_described(kind: type[msgspec.Struct]) -> None:
    assert list(field_descriptions(kind.__doc__ or "")) == fields(kind)


def test_there_is_a_file_for_every_schema_and_no_other() -> None:
    assert list(JSON_SCHEMAS) == sorted(SCHEMAS)


# --- topics


def test_topics() -> None:
    rows = table("## Topics", "topic")
    expected = [topic_name(NAMESPACE_DEFAULT, topic) for topic in TOPICS]
    assert [names(row[0])[0] for row in rows] == expected
    for row, spec in zip(rows, TOPICS.values(), strict=True):
        _, key, value, cleanup, _ = row
        assert key.replace("`", "") == spec.key
        assert value.replace("`", "").startswith(spec.value.split(";")[0].split(" records")[0])
        assert cleanup_of(cleanup) == (
            spec.cleanup,
            spec.retention_ms,
            spec.min_compaction_lag_ms,
        )


def cleanup_of(cell: str) -> tuple[str, int | None, int | None]:
    """The policy, the retention and the compaction lag of a cell like `compact,delete 30 d`."""
    policy = re.split(r", | ", cell)[0]
    span = re.search(r"(\d+) (d|h)\b", cell)
    span_ms = int(span[1]) * {"h": 3_600_000, "d": 86_400_000}[span[2]] if span else None
    lag = "min.compaction.lag.ms" in cell
    return policy, None if lag else span_ms, span_ms if lag else None


def test_defaults_of_topics() -> None:
    assert f"(setting `namespace`, default `{NAMESPACE_DEFAULT}`)" in DOC
    assert f"| topic partitions | {PARTITIONS_DEFAULT} |" in DOC


def test_asyncapi_has_every_topic_with_its_settings() -> None:
    channels = ASYNCAPI["channels"]
    assert list(channels) == [str(topic) for topic in TOPICS]
    for spec in TOPICS.values():
        channel = channels[spec.topic]
        namespace = channel["parameters"]["namespace"]["default"]
        address = channel["address"].replace("{namespace}", namespace)
        assert address == topic_name(NAMESPACE_DEFAULT, spec.topic)
        configured = channel["bindings"]["kafka"]["topicConfiguration"]
        assert configured["cleanup.policy"] == spec.cleanup.split(",")
        assert configured.get("retention.ms") == spec.retention_ms
        assert configured.get("min.compaction.lag.ms") == spec.min_compaction_lag_ms
        assert configured["message.timestamp.type"] == "LogAppendTime"


def references(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for item in value.values() for ref in references(item)]
    return [ref for item in value for ref in references(item)] if isinstance(value, list) else []


def test_asyncapi_refers_to_what_exists_and_to_every_message() -> None:
    pointed = references(ASYNCAPI)
    files = {Path(ref).stem for ref in pointed if not ref.startswith("#")}
    # A file of models is on no topic, nor is what is posted to the API.
    assert files == set(SCHEMAS) - {"config", "sent-alert"}
    for ref in (ref for ref in pointed if ref.startswith("#/")):
        place = ASYNCAPI
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]


def test_asyncapi_names_structs() -> None:
    messages = ASYNCAPI["components"]["messages"]
    named = {name: m["name"] for name, m in messages.items() if name != "rejected"}
    assert named == {name: SCHEMAS[name].__name__ for name in named}


# --- events


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### Prediction event", PredictionEvent),
        ("### Label event", LabelEvent),
        ("### Measurement event", MeasurementEvent),
    ],
)
def test_fields_of_events(heading: str, kind: type[msgspec.Struct]) -> None:
    assert first_names(heading, "field") == fields(kind)


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### Prediction event", PredictionEvent),
        ("### Label event", LabelEvent),
        ("### Measurement event", MeasurementEvent),
    ],
)
def test_required_fields_of_events(heading: str, kind: type[msgspec.Struct]) -> None:
    rows = table(heading, "field")
    required = [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
    assert [names(row[0])[0] for row in rows if row[2] == "yes"] == required


def test_content_types() -> None:
    rows = table("### Prediction event", "`content-type` header")
    listed = {name: row[1] for row in rows for name in names(row[0]) if "/" in name}
    assert list(listed) == list(CONTENT_TYPES)
    assert all(CONTENT_TYPES[name].startswith(text) for name, text in listed.items())


def test_reasons() -> None:
    heading = "### Rejected record"
    rows = table(heading, "reason")
    assert {names(row[0])[0]: row[1] for row in rows} == {str(k): v for k, v in REMEDIES.items()}
    assert list(REMEDIES) == list(Reason)
    closed_list = re.search(r"\(closed list.*?…\)", section(heading), re.DOTALL)
    assert closed_list
    assert set(names(closed_list[0])) - {"schemas/errors.py"} <= {str(reason) for reason in Reason}


def test_rejected_headers() -> None:
    named = set(names(section("### Rejected record")))
    assert set(fields(RejectedHeaders)) <= named


# --- reports

ABSENT_FROM_REPORT = {"errors", "confusion", "classes", "reliability"}


def test_the_example_of_a_report_has_every_field() -> None:
    document = json.loads(block("### Window report", "json"))
    assert list(document) == [f for f in fields(WindowReport) if f not in ABSENT_FROM_REPORT]
    assert list(document["window"]) == fields(Window)
    assert list(document["baseline"]) == fields(BaselineRef)
    msgspec.convert(document, type=WindowReport)
    assert set(document["metrics"]) - {"…"} <= set(METRIC_NAMES)
    assert set(document["features"]["age"]) - {"…"} <= set(FEATURE_METRIC_NAMES)


def expanded(name: str) -> list[str]:
    """`a_{b,c}_d` as `a_b_d` and `a_c_d`."""
    parts = [part.split(",") for part in re.split(r"[{}]", name)]
    return ["".join(choice) for choice in itertools.product(*parts)]


def test_metric_names() -> None:
    _, _, listed = section("### Window report").partition("Metric names, unit last:\n")
    bullets = dict(line[2:].split(": ", 1) for line in listed.splitlines() if line.startswith("- "))
    of_feature = names(bullets.pop("per feature"))
    custom = names(bullets.pop("custom"))
    fairness = names(bullets.pop("fairness"))
    found = [each for text in bullets.values() for name in names(text) for each in expanded(name)]
    derived = {"x", "x_low", "x_high", "x_change", "estimated_x_error"}
    beside = {*ABSENT_FROM_REPORT, "metrics", *derived}
    assert [name for name in found if name not in beside] == list(METRIC_NAMES)
    assert ["kind", *of_feature] == list(FEATURE_METRIC_NAMES)
    assert expanded(custom[0]) == [f"metric.<name>.{s}" for s in CUSTOM_STATISTICS]
    assert expanded(fairness[0]) == [f"fairness.<column>.{n}" for n in FAIRNESS_METRIC_NAMES]


def test_figures_have_the_unit_and_meaning_of_the_registry() -> None:
    rows = table("## Figures", "figure")
    expected = [[f"`{m.name}`", m.group, m.unit, m.meaning] for m in METRIC_NAMES.values()]
    assert rows == expected
    rows = table("## Figures", "figure of a feature")
    assert rows == [[f"`{m.name}`", m.unit, m.meaning] for m in FEATURE_METRIC_NAMES.values()]
    rows = table("## Figures", "figure between segments of a column")
    assert rows == [[f"`{m.name}`", m.unit, m.meaning] for m in FAIRNESS_METRIC_NAMES.values()]


# --- alerts


def test_the_example_of_an_alert_has_every_field() -> None:
    document = json.loads(block("### Alert event", "json"))
    assert list(document) == fields(AlertEvent)
    msgspec.convert(document, type=AlertEvent)


def test_statuses_and_severities() -> None:
    text = section("### Alert event")
    for word, kind in (("status", Status), ("severity", Severity)):
        listed = re.search(rf"`{word}`: ((?:`\w+`(?:, )?)+)\.", text)
        assert listed
        assert names(listed[1]) == [str(choice) for choice in kind]


def test_default_rules() -> None:
    rows = table("### Alert event", "rule")
    assert [name for row in rows for name in names(row[0])] == list(DEFAULT_RULE_NAMES)


# --- configuration

CONFIGURATION = "## Configuration of models and rules"


def test_the_example_of_a_configuration_is_accepted_and_has_every_field() -> None:
    document = tomllib.loads(block(CONFIGURATION, "toml"))
    config = parse_config(document)
    (model,), (rule,) = document["models"], document["rules"]
    assert set(model) | NOT_IN_THE_EXAMPLE == set(fields(ModelConfig))
    assert list(rule) == fields(RuleConfig)
    assert list(model["drift"]) == fields(DriftConfig)
    assert list(model["labels"]) == [f for f in fields(LabelsConfig) if f != "absent_means"]
    assert set(model["features"]["age"]) <= set(fields(FeatureConfig))
    by_feature = [name for of in model["features"].values() for name in of["drift"]]
    assert by_feature == fields(FeatureDriftConfig)
    assert (config.models[0].model_name, config.rules[0].name) == ("credit", "accuracy-drop")


def test_comments_in_the_example() -> None:
    text = block(CONFIGURATION, "toml")
    for kind in (Task, FeatureKind):
        assert f"# {' | '.join(str(choice) for choice in kind)}\n" in text
    assert f"# {' | '.join(str(choice) for choice in NoData)}\n" in text
    constraints = set(fields(FeatureConfig)) - {"kind", "drift"}
    listed = re.search(r"# constraints: (.*)", text)
    assert listed
    assert set(listed[1].split(", ")) == constraints
    for commented in (*fields(WindowConfig), *fields(AbsentMeans), "absent_means"):
        assert re.search(rf"#.*\b{commented} = ", text), commented
    for field in NOT_IN_THE_EXAMPLE:
        assert f"`{field}`" in section(CONFIGURATION)


def test_defaults_of_models_and_rules() -> None:
    rows = table(CONFIGURATION, "model")
    listed = [(names(row[0])[0], names(row[1])[0]) for row in rows]
    model = msgspec.to_builtins(ModelConfig(model_name="m"))
    optional = [f.encode_name for f in msgspec.structs.fields(ModelConfig) if not f.required]
    present = {name: canonical_json(model[name]).decode() for name in optional}
    absent = {"drift_detection_interval": "null"}
    model["labels"] = msgspec.structs.asdict(LabelsConfig())
    del model["labels"]["absent_means"]
    present["labels"] = canonical_json(model["labels"]).decode()
    assert dict(listed) | absent == present
    listed = [(names(row[3])[0], names(row[4])[0]) for row in rows if row[3]]
    rule = msgspec.to_builtins(RULE_FALLBACK)
    del rule["name"]
    assert dict(listed) == {name: canonical_json(value).decode() for name, value in rule.items()}


def test_other_records() -> None:
    assert first_names(CONFIGURATION, "silence") == fields(SilenceConfig)
    assert first_names(CONFIGURATION, "activation") == fields(Activation)
    (plan,) = [row for row in table(CONFIGURATION, "activation") if row[0] == "`plan`"]
    assert names(plan[1]) == fields(Plan)


# --- Redis


def test_redis_keys() -> None:
    rows = table("## Redis", "key")
    types = {"–": "private", "pub/sub": "channel"}
    listed = [(names(row[0])[0], types.get(row[1], row[1].split(",")[0])) for row in rows]
    assert listed == [(key.pattern, key.type) for key in REDIS_KEYS]
    assert f"STREAM, ≤ {SERIES_ENTRIES_MAX} entries" in DOC


def test_fields_of_the_live_window() -> None:
    (row,) = [r for r in table("## Redis", "key") if r[0] == "`ml:{credit}:m:<version>:<window>`"]
    beside = {"window_end", "every"}  # in the sentence before the list
    assert set(names(row[2])) | beside == {*LIVE_FIELDS, "every"}
