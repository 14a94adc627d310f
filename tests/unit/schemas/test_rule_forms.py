"""Rules as guides write them become rules; what contradicts itself is refused in one sentence."""

from typing import Any

import pytest

from schemas.config import ConfigError, parse_config, parse_rule
from schemas.models import ModelConfig
from schemas.rule_forms import legal_name
from schemas.rules import RuleConfig
from stream.alerting.thresholds import thresholds


def test_a_rule_of_the_guides() -> None:
    rule = parse_rule(
        {
            "name": "high-latency",
            "condition": "latency_ms > 100",
            "window_minutes": 5,
            "cooldown_minutes": 60,
            "severity": "warning",
            "channels": ["email", "slack"],
            "enabled": True,
        }
    )
    assert rule == RuleConfig(
        name="high-latency",
        metric="latency_p95_ms",
        condition="> 100",
        window="5m",
        cooldown="1h",
        severity=rule.severity,
        channels=("email", "slack"),
    )
    assert rule.severity == "warning"


@pytest.mark.parametrize(
    ("condition", "metric", "plain"),
    [
        ("accuracy < 0.85", "accuracy", "< 0.85"),
        ("accuracy<0.85", "accuracy", "<0.85"),
        (" feature.home.city.psi >= 0.2", "feature.home.city.psi", ">= 0.2"),
        ("feature.*.psi > 2 * previous", "feature.*.psi", "> 2 * previous"),
        ("f1 < 0.9 * baseline - 0.1", "f1", "< 0.9 * baseline - 0.1"),
        ("latency_ms != 1", "latency_p95_ms", "!= 1"),
    ],
)
def test_a_condition_may_name_its_figure(condition: str, metric: str, plain: str) -> None:
    rule = parse_rule({"name": "mine", "condition": condition, "window": "1d"})
    assert (rule.metric, rule.condition) == (metric, plain)


def test_clear_may_name_it_too() -> None:
    rule = parse_rule({"name": "m", "condition": "latency_ms > 9", "clear": "latency_p95_ms < 5"})
    assert (rule.metric, rule.clear) == ("latency_p95_ms", "< 5")


@pytest.mark.parametrize(
    ("figure", "window"),
    [
        ("error_rate", "5m"),
        ("latency_ms", "5m"),
        ("missing_rate", "1h"),
        ("accuracy", "1d"),
        ("rmse", "1d"),
        ("ndcg_at_10", "1d"),
        ("estimated_f1", "1d"),
    ],
)
def test_without_a_window_it_is_that_of_a_bound_on_the_figure(figure: str, window: str) -> None:
    assert parse_rule({"name": "mine", "condition": f"{figure} > 1"}).window == window
    bounded = ModelConfig(model_name="m", performance_threshold={figure: 1.0})
    assert [bound.window for bound in thresholds([bounded])] == [window]


def test_a_default_rule_keeps_its_own_window() -> None:
    assert parse_rule({"name": "data-quality", "condition": "error_rate > 0.1"}).window is None


@pytest.mark.parametrize(
    "figure", ["drift_share", "prediction_psi", "feature.age.psi", "metric.cost.mean", "acuracy"]
)
def test_where_no_window_suggests_itself_it_is_needed(figure: str) -> None:
    with pytest.raises(ConfigError, match="`window` is needed"):
        parse_rule({"name": "mine", "condition": f"{figure} > 1"})


@pytest.mark.parametrize(
    ("minutes", "duration"), [(60, "1h"), (1.5, "90s"), (0, "0s"), (1440, "1d"), (90.0, "90m")]
)
def test_minutes(minutes: float, duration: str) -> None:
    rule = {"name": "m", "condition": "error_rate > 1", "cooldown_minutes": minutes}
    assert parse_rule(rule).cooldown == duration


GOOD = {"name": "mine", "condition": "accuracy < 0.85", "window": "1d"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"window_minutes": 5}, "rule 'mine': `window` and `window_minutes` say the same"),
        ({"cooldown": "1h", "cooldown_minutes": 60}, "`cooldown` and `cooldown_minutes` say"),
        ({"window": None, "window_minutes": "5"}, "give one of them"),
        ({"cooldown_minutes": "5"}, "`cooldown_minutes`: expected a number of minutes, got '5'"),
        ({"cooldown_minutes": True}, "expected a number of minutes, got True"),
        ({"cooldown_minutes": -1}, "-1 minutes are no whole seconds"),
        ({"cooldown_minutes": float("nan")}, "nan minutes"),
        ({"metric": "f1"}, "`condition` speaks of 'accuracy', and the rule of 'f1'"),
        ({"clear": "f1 > 0.9"}, "`clear` speaks of 'f1', and the rule of 'accuracy'"),
        ({"enabled": False}, "leave the rule out"),
        ({"enabled": "yes"}, "`enabled`: expected true, got 'yes'"),
        ({"name": "High Error Rate"}, "did you mean `high-error-rate`?"),
        ({"name": "a/b"}, "did you mean `a-b`?"),
        ({"condition": "accuracy below 0.85"}, "'accuracy below 0.85' is no condition"),
        ({"condition": "accuracy < 0.85 and f1 < 0.8"}, "'< 0.85 and f1 < 0.8' is no condition"),
        ({"condition": "0.05 < error_rate"}, "'0.05 < error_rate' is no condition"),
        ({"windw_minutes": 5}, "unknown key `windw_minutes`: did you mean `window_minutes`?"),
        ({"chanels": []}, "unknown key `chanels`: did you mean `channels`?"),
        ({"severity": "fatal"}, "'fatal' is not allowed"),
    ],
)
def test_one_sentence_says_what_is_wrong(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rule(GOOD | fields)
    assert says in str(caught.value)
    assert str(caught.value).startswith("rule ")
    assert "\n" not in str(caught.value)


def test_a_metric_that_is_named_twice_alike_is_no_conflict() -> None:
    rule = parse_rule(
        {"name": "m", "metric": "latency_ms", "condition": "latency_p95_ms > 1", "clear": "< 1"}
    )
    assert (rule.metric, rule.condition, rule.clear) == ("latency_p95_ms", "> 1", "< 1")


def test_names_that_are_suggested_are_legal() -> None:
    assert legal_name("x" * 200) == "x" * 128
    assert legal_name("Überlast 90%") == "berlast-90"
    parse_rule(GOOD | {"name": legal_name("High Error Rate")})


def test_a_file_may_hold_tests_of_its_rules() -> None:
    config = parse_config({"rules": [GOOD], "tests": [{"anything": 1}], "rule_files": ["x"]})
    assert [rule.name for rule in config.rules] == ["mine"]
    assert config.rules[0].metric == "accuracy"
