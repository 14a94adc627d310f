"""Bounds of a model's configuration become rules."""

from typing import Any

import pytest

from schemas.alerts import AlertEvent, Severity, Status, fingerprint
from schemas.models import ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.evaluate import observe
from stream.alerting.figures import References
from stream.alerting.retire import is_spoken_of
from stream.alerting.rules import compile_rules


def bounded(bounds: Any, **config: Any) -> ModelConfig:
    return ModelConfig(model_name="credit", performance_threshold=bounds, **config)


def rules_of(*models: ModelConfig, configured: Any = ()) -> Any:
    return [rule for rule in compile_rules(configured, models) if rule.name.startswith("credit-")]


@pytest.mark.parametrize(
    ("figure", "bound", "good", "bad"),
    [
        ("accuracy", 0.95, [0.95, 0.96], [0.94]),
        ("estimated_f1", 0.5, [0.6], [0.4]),
        ("r2", 0.0, [0.1], [-0.1]),
        ("log_loss", 0.3, [0.3, 0.2], [0.4]),
        ("rmse", 2.0, [1.9], [2.1]),
        ("latency_ms", 100, [100], [101]),
        ("error_rate", 0.01, [0.01], [0.02]),
        ("drift_share", 0.2, [0.2], [0.3]),
        ("bias", 0.5, [0.4, -0.4], [0.6, -0.6]),
        ("bias", -0.5, [0.4, -0.4], [0.6, -0.6]),
        ("accuracy_low", 0.9, [0.91], [0.89]),
        ("fairness.sex.equal_opportunity_difference", 0.1, [0.1], [0.2]),
        ("fairness.sex.equal_opportunity_ratio", 0.8, [0.8], [0.7]),
    ],
)
def test_which_side_of_a_bound_is_wrong(
    make_report: Any, figure: str, bound: float, good: list[float], bad: list[float]
) -> None:
    (rule,) = rules_of(bounded({figure: bound}))
    assert rule.name == f"credit-{figure}"
    assert {level.severity for level in rule.levels} == {"warning"}
    metric = rule.levels[0].clauses[0].metric

    def holds(value: float) -> bool:
        report = make_report(window=rule.window or "1h", metrics={metric: value})
        (seen,) = observe(rule, report, References())
        return seen.holds

    assert [value for value in good + bad if holds(value)] == bad


@pytest.mark.parametrize(
    ("figure", "windows", "window", "for_ms"),
    [
        ("accuracy", ("1m", "5m", "1h", "1d", "7d"), "1d", 0),
        ("accuracy", ("1h", "7d"), "7d", 0),
        ("accuracy", ("5m", "1h"), "1h", 0),
        ("estimated_accuracy", ("1h", "1d"), "1d", 0),
        ("error_rate", ("1m", "5m", "1h"), "5m", 300_000),
        ("latency_ms", ("1m", "15m"), "15m", 300_000),
        ("missing_rate", ("5m", "1h", "1d"), "1h", 0),
        ("drifted_features", ("5m", "1d"), None, 0),  # windows that decide
        ("prediction_psi", ("5m", "1d"), "1d", 0),
    ],
)
def test_over_which_window(figure: str, windows: Any, window: Any, for_ms: int) -> None:
    (rule,) = rules_of(bounded({figure: 1.0}, windows=windows))
    assert (rule.window, rule.for_ms) == (window, for_ms)


def test_a_version_of_its_own_has_its_own_bounds(make_report: Any) -> None:
    rules = rules_of(
        bounded({"accuracy": 0.9}),
        bounded({"accuracy": 0.8}, model_version="3"),
        bounded({}, model_version="4"),
    )
    assert [rule.name for rule in rules] == ["credit-accuracy"] * 2

    def limits(version: str) -> list[float]:
        report = make_report(window="1d", model_version=version, metrics={"accuracy": 0.5})
        seen = [one for rule in rules for one in observe(rule, report, References())]
        return [one.readings[0].threshold for one in seen]

    assert [limits(version) for version in ("2", "3", "4")] == [[0.9], [0.8], []]


def test_an_alert_ends_with_the_bound_it_came_from() -> None:
    everyone = bounded({"accuracy": 0.9})
    another, none = (bounded(of, model_version="3") for of in ({"accuracy": 0.8}, {}))
    labels = {"model_name": "credit", "model_version": "3", "window": "1d"}
    alert = AlertEvent(
        id="",
        fingerprint=fingerprint("credit-accuracy", labels),
        status=Status.FIRING,
        severity=Severity.WARNING,
        rule="credit-accuracy",
        labels=labels,
        summary="",
        starts_at=0,
    )
    assert is_spoken_of(alert, compile_rules((), [everyone]))
    assert is_spoken_of(alert, compile_rules((), [everyone, another]))
    assert not is_spoken_of(alert, compile_rules((), [everyone, none]))
    assert not is_spoken_of(alert, compile_rules(()))


def test_a_configured_rule_takes_the_place_of_a_bound() -> None:
    mine = RuleConfig(name="credit-accuracy", metric="accuracy", window="1h", condition="< 0.5")
    (rule,) = rules_of(bounded({"accuracy": 0.9}), configured=[mine])
    assert (rule.window, rule.levels[0].clauses[0].condition.offset) == ("1h", 0.5)


def test_segments_are_not_what_a_bound_is_for(make_report: Any) -> None:
    (rule,) = rules_of(bounded({"accuracy": 0.9}))
    report = make_report(window="1d", segment="country=FR", metrics={"accuracy": 0.1})
    assert observe(rule, report, References()) == []


@pytest.mark.parametrize("figure", ["prediction_mean", "metric.revenue.mean", "acuracy"])
def test_a_figure_that_is_better_neither_way_makes_no_rule(figure: str) -> None:
    assert rules_of(bounded({figure: 1.0})) == []


def test_the_name_of_a_rule_is_not_longer_than_names_are() -> None:
    model = ModelConfig(model_name="m" * 128, performance_threshold={"accuracy": 0.9})
    (rule,) = [rule for rule in compile_rules((), [model]) if rule.match]
    assert rule.name == "m" * 119 + "-accuracy"
