from typing import Any

import pytest

from schemas.baselines import Baseline, BaselinePerformance, FeatureBaseline
from schemas.features import FeatureKind
from schemas.models import Task
from schemas.rules import RuleConfig
from stream.alerting.evaluate import observe
from stream.alerting.figures import References, matches
from stream.alerting.rules import compile_rules

BASELINE = Baseline(
    model_name="credit",
    model_version="3",
    rows=100,
    features={
        "age": FeatureBaseline(kind=FeatureKind.NUMERIC, missing_count=10),
        "city": FeatureBaseline(kind=FeatureKind.CATEGORICAL, missing_count=10),
    },
)


LABELLED = Baseline(
    model_name="credit",
    model_version="3",
    rows=100,
    features={},
    performance=BaselinePerformance(
        task=Task.BINARY,
        positive_class="1",
        labelled=1000,
        figures={"accuracy": 0.95, "f1": 0.8, "rmse": 2.0},
    ),
)


def rule_of(name: Any, **config: Any) -> Any:
    configured = [RuleConfig(name=name, **config)] if config else []
    return next(rule for rule in compile_rules(configured) if rule.name == name)


def only(rule: Any, report: Any, **references: Any) -> Any:
    (found,) = observe(rule, report, References(**references))
    return found


@pytest.mark.parametrize(
    ("condition", "value", "references", "holds"),
    [
        ("> 0.05", 0.05, {}, False),
        (">= 0.05", 0.05, {}, True),
        ("< 0.05", 0.04, {}, True),
        ("<= 0.05", 0.06, {}, False),
        ("== 1", True, {}, True),
        ("!= 1", 1, {}, False),
        ("> 2 * previous", 0.3, {"previous": {"missing_rate": 0.1}}, True),
        ("> 2 * previous", 0.2, {"previous": {"missing_rate": 0.1}}, False),
        ("> previous - 0.05", 0.06, {"previous": {"missing_rate": 0.1}}, True),
        ("> baseline + 0.05", 0.16, {"baseline": BASELINE}, True),
        ("> 2 * baseline", 0.16, {"baseline": BASELINE}, False),
    ],
)
def test_conditions(
    make_report: Any, condition: Any, value: Any, references: Any, holds: Any
) -> None:
    rule = rule_of("mine", metric="missing_rate", window="5m", condition=condition)
    report = make_report(metrics={"missing_rate": value})
    assert only(rule, report, **references).holds is holds


@pytest.mark.parametrize(
    ("metrics", "config", "fields"),
    [
        ({}, {}, {}),  # the figure is absent
        ({"error_rate": 0.5}, {"window": "1h"}, {}),
        ({"error_rate": 0.5}, {"min_count": 101}, {}),
        ({"error_rate": 0.5}, {"match": {"model_name": "other"}}, {}),
        ({"error_rate": 0.5}, {"match": {"segment": "*"}}, {}),
        ({"error_rate": 0.5}, {}, {"segment": "country=FR"}),  # defaults look at all traffic
        ({"error_rate": 0.5}, {"condition": "> previous"}, {}),  # not known
    ],
)
def test_what_a_rule_does_not_speak_of_is_not_observed(
    make_report: Any, metrics: Any, config: Any, fields: Any
) -> None:
    rule = rule_of("error-rate", **config) if config else rule_of("error-rate")
    assert observe(rule, make_report(metrics=metrics, **fields), References()) == []


def test_labels_are_those_that_apply(make_report: Any) -> None:
    seen = only(rule_of("error-rate"), make_report(metrics={"error_rate": 0.1}))
    assert seen.labels == {"model_name": "credit", "model_version": "3", "window": "5m"}
    assert (seen.holds, seen.sample_count) == (True, 100)


def test_a_pattern_speaks_of_each_feature(make_report: Any) -> None:
    rule = rule_of(
        "shift",
        metric="feature.*.psi",
        window="5m",
        condition="> 0.2",
        match={"feature": "a*"},
    )
    features = {
        "age": {"psi": 0.3, "count": 50},
        "amount": {"psi": 0.1},
        "city": {"psi": 0.9},
        "a.b": {"kind": "categorical"},
    }
    found = observe(rule, make_report(features=features), References())
    assert [(s.labels["feature"], s.holds, s.sample_count) for s in found] == [
        ("age", True, 50),
        ("amount", False, 100),
    ]


@pytest.mark.parametrize(
    ("share", "features", "holds", "severity"),
    [
        (0.0, 0, False, "info"),
        (0.1, 1, True, "info"),
        (0.5, 1, True, "info"),  # one of two: a share, but not two features
        (0.3, 3, True, "warning"),
        (0.2, 2, True, "info"),
    ],
)
def test_data_drift_has_two_levels(
    make_report: Any, share: Any, features: Any, holds: Any, severity: Any
) -> None:
    report = make_report(window="1d", metrics={"drift_share": share, "drifted_features": features})
    seen = only(rule_of("data-drift"), report)
    assert (seen.holds, seen.severity) == (holds, severity)


def test_drift_without_decisions_is_not_observed(make_report: Any) -> None:
    assert observe(rule_of("data-drift"), make_report(), References()) == []


def test_latency_compares_with_what_is_known(make_report: Any) -> None:
    rule = rule_of("latency")
    report = make_report(metrics={"latency_p95_ms": 50.0})
    assert observe(rule, report, References()) == []
    assert not only(rule, report, previous={"latency_p95_ms": 30.0}).holds
    assert only(rule, report, previous={"latency_p95_ms": 20.0}).holds


def test_data_quality_needs_no_baseline_for_wrong_types(make_report: Any) -> None:
    report = make_report(window="1h", metrics={"missing_rate": 0.9, "type_mismatch_rate": 0.02})
    seen = only(rule_of("data-quality"), report)
    assert [reading.metric for reading in seen.readings] == ["type_mismatch_rate"]
    seen = only(rule_of("data-quality"), report, baseline=BASELINE)
    assert [reading.metric for reading in seen.readings] == ["missing_rate"]
    assert seen.readings[0].reference == 0.1


@pytest.mark.parametrize(
    ("rule", "metrics", "holds"),
    [
        ("accuracy-drop", {"accuracy": 0.84}, True),
        ("accuracy-drop", {"accuracy": 0.86}, False),
        ("f1-drop", {"f1": 0.69}, True),
        ("f1-drop", {"f1": 0.71}, False),
        ("rmse-rise", {"rmse": 2.5}, True),
        ("rmse-rise", {"rmse": 2.3}, False),
    ],
)
def test_performance_is_compared_with_the_baselines_own(
    make_report: Any, rule: str, metrics: Any, holds: bool
) -> None:
    report = make_report(window="1d", metrics=metrics, label_count=480)
    seen = only(rule_of(rule), report, baseline=LABELLED)
    assert (seen.holds, seen.sample_count) == (holds, 480)
    assert observe(rule_of(rule), report, References(BASELINE)) == []  # without labels
    assert observe(rule_of(rule), report, References()) == []


def test_an_estimate_is_compared_with_what_was_measured(make_report: Any) -> None:
    rule = rule_of("guess", metric="estimated_accuracy", window="1d", condition="< baseline - 0.1")
    seen = only(
        rule, make_report(window="1d", metrics={"estimated_accuracy": 0.8}), baseline=LABELLED
    )
    assert (seen.holds, seen.readings[0].reference) == (True, 0.95)


def test_hysteresis_clears_later_than_it_holds(make_report: Any) -> None:
    rule = rule_of("error-rate", clear="< 0.02")
    for value, holds, clears in ((0.06, True, False), (0.03, False, False), (0.01, False, True)):
        seen = only(rule, make_report(metrics={"error_rate": value}))
        assert (seen.holds, seen.clears) == (holds, clears)


def test_only_the_star_is_special() -> None:
    assert matches("a.c*", "a.c/d")
    assert not matches("a.c", "abc")
    assert matches("*", "")
