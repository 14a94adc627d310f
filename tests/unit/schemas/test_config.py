"""Files of models and rules; what every field may be is in the fixtures."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.activations import plan_id, plan_of
from schemas.alerts import Severity
from schemas.config import ConfigError, parse_config, parse_model, parse_rule
from schemas.features import FeatureKind
from schemas.models import WINDOWS_DEFAULT, ModelConfig, Task, config_id, window_specs
from schemas.records import decode_record, encode_record, record_key
from schemas.rules import RULE_FALLBACK, RuleConfig, filled_rule
from schemas.windows import WindowConfig

FIXTURES = Path(__file__).parents[2] / "golden" / "contract"


def test_guides_own_json() -> None:
    document = json.loads((FIXTURES / "config/valid/of_the_guides.json").read_text("utf-8"))
    (model,) = parse_config(document).models
    assert model.model_name == "credit"
    assert model.performance_threshold == {"accuracy": 0.95, "latency_ms": 100, "error_rate": 0.01}
    assert (model.retention_days, model.sampling_rate, model.log_predictions) == (90, 1.0, True)
    assert model.drift_detection_interval == 3600


def test_other_spellings_become_the_canonical_form() -> None:
    document = json.loads((FIXTURES / "config/valid/other_spellings.json").read_text("utf-8"))
    config = parse_config(document)
    model = config.models[0]
    assert (model.model_version, model.positive_class) == ("3", "1")
    assert model.windows == ("1m", "1d", WindowConfig(size="1h", every="5m"))
    assert config.rules[0].match == {"model_version": "3"}


def test_defaults() -> None:
    model = parse_model({"model_name": "credit"})
    assert (model.model_version, model.task, model.baseline) == ("*", Task.AUTO, "inherit")
    assert [spec.name for spec in window_specs(model)] == list(WINDOWS_DEFAULT)
    assert model.labels.join_horizon == "7d"
    assert model.drift.false_alarms_per_month == 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"wndows": []}, ["model 'credit'", "`wndows`", "`windows`"]),
        ({"retention_days": "90"}, ["`retention_days`", "a whole number", "a string"]),
        ({"task": "binry"}, ["`task`", "'binry'", "`binary`"]),
        ({"features": {"age": {"kynd": "numeric"}}}, ["feature 'age'", "`kynd`", "`kind`"]),
        ({"features": {"age": {"min": math.inf}}}, ["inf", "leave it out"]),
        ({"features": {"age": 7}}, ["feature 'age'", "a table", "a whole number"]),
        ({"labels": {"absent_means": {"value": 0, "aftr": "7d"}}}, ["absent_means.aftr", "after"]),
        ({"windows": "1h"}, ["`windows`", "a list", "a string"]),
        ({"windows": [{"size": "1h", "evry": "5m"}]}, ["windows[0].evry", "`every`"]),
        ({"model_version": "3 "}, ["`model_version`", "A-Z a-z 0-9", "'*'"]),
        ({"baseline": "latest"}, ["`baseline`", "rolling"]),
        ({"performance_threshold": {"acuracy": 0.9}}, ["'acuracy'", "did you mean `accuracy`?"]),
        (
            {"performance_threshold": {"prediction_mean": 1}},
            ["'prediction_mean'", "neither", "rule"],
        ),
        (
            {"performance_threshold": {"metric.revenue.mean": 1}},
            ["'metric.revenue.mean'", "write a rule with a condition"],
        ),
        ({"performance_threshold": {"revenue!": 1}}, ["'revenue!'", "not known which way"]),
    ],
)
def test_an_error_names_model_field_and_choices(table: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"models": [{"model_name": "credit", **table}]})
    text = str(caught.value)
    assert [word for word in words if word not in text] == []
    assert "\n" not in text


@pytest.mark.parametrize("document", [None, 7, "credit", [7], {"models": [7]}, {"rules": ["x"]}])
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(ConfigError):
        parse_config(document)


def test_a_rule_may_override_a_default_in_part() -> None:
    rule = parse_rule({"name": "error-rate", "condition": "> 0.02"})
    base = RuleConfig(name="error-rate", metric="error_rate", window="5m", condition="> 0.05")
    filled = filled_rule(filled_rule(rule, base), RULE_FALLBACK)
    assert (filled.name, filled.metric, filled.condition) == ("error-rate", "error_rate", "> 0.02")
    assert filled.severity is Severity.WARNING
    assert filled.for_ == "0s"


def test_a_rule_is_written_with_the_word_for() -> None:
    rule = parse_rule({"name": "latency", "for": "10m"})
    assert json.loads(encode_record(rule)) == {"name": "latency", "for": "10m"}


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("model/valid/full", "model/credit/*"),
        ("model/valid/one_version", "model/credit/3"),
        ("rule/valid/full", "rule/accuracy-drop"),
        ("silence/valid/of_a_model", "silence/s-1"),
        ("activation/valid/from_the_beginning", "activation/credit/3/0"),
    ],
)
def test_records_know_their_keys(kind: str, key: str) -> None:
    record = decode_record(key, (FIXTURES / f"{kind}.json").read_bytes())
    assert record_key(record) == key
    assert decode_record(key, encode_record(record)) == record


@pytest.mark.parametrize("key", ["model/other/*", "modul/credit/*", "", "rule/credit"])
def test_a_record_under_another_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"record key|unknown field"):
        decode_record(key, b'{"model_name": "credit"}')


def test_ids_depend_on_content() -> None:
    one = parse_model({"model_name": "credit", "windows": ["24h"]})
    same = parse_model({"model_id": "credit", "windows": ["1d"], "sampling_rate": 1})
    assert config_id(one) == config_id(same)
    assert config_id(one) != config_id(ModelConfig(model_name="credit"))


def test_windows_and_rules_are_no_part_of_a_plan() -> None:
    one = parse_model({"model_name": "credit", "windows": ["1h"], "segments": ["country"]})
    other = msgspec.structs.replace(one, windows=("1d",), alert_channels=("pager",))
    assert plan_id(plan_of(one)) == plan_id(plan_of(other))
    counted = parse_model({"model_name": "credit", "features": {"age": {"kind": "numeric"}}})
    assert plan_of(counted).features["age"].kind is FeatureKind.NUMERIC
    assert plan_id(plan_of(counted)) != plan_id(plan_of(one))


def test_auto_segments_are_resolved_before_activation() -> None:
    model = parse_model({"model_name": "credit", "segments": "auto"})
    assert plan_of(model).segments == ()
    assert plan_of(model, {"country": ("FR",)}).segments == ("country",)
