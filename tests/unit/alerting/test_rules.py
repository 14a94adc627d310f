from pathlib import Path
from typing import Any

import pytest

from schemas.alerts import Severity
from schemas.rules import DEFAULT_RULE_NAMES, RuleConfig
from stream.alerting.rules import Clause, compile_rules

ROOT = Path(__file__).parents[3]


def rule_of(name: Any, *configured: Any) -> Any:
    return next(rule for rule in compile_rules(configured) if rule.name == name)


def test_default_rules_exist_without_configuration() -> None:
    assert [rule.name for rule in compile_rules([])] == [
        "accuracy-drop",
        "data-drift",
        "data-quality",
        "error-rate",
        "f1-drop",
        "latency",
        "no-traffic",
        "pipeline-lag",
        "prediction-drift",
        "rmse-rise",
    ]


def test_each_default_rule_of_the_contract_has_its_runbook() -> None:
    rules = {rule.name: rule for rule in compile_rules([])}
    assert rules.keys() == set(DEFAULT_RULE_NAMES)
    assert {rule.runbook_url for rule in rules.values()} == {
        f"docs/runbooks/{path.name}" for path in (ROOT / "docs" / "runbooks").glob("*.md")
    }


@pytest.mark.parametrize(
    ("name", "window", "for_ms", "severities"),
    [
        ("error-rate", "5m", 300_000, {"error"}),
        ("latency", "5m", 600_000, {"warning"}),
        ("data-drift", None, 0, {"error", "warning", "info"}),
        ("prediction-drift", None, 0, {"warning"}),
        ("data-quality", "1h", 0, {"warning"}),
        ("accuracy-drop", "1d", 0, {"error"}),
        ("f1-drop", "1d", 0, {"error"}),
        ("rmse-rise", "1d", 0, {"error"}),
    ],
)
def test_default_rules_are_those_of_the_contract(
    name: Any, window: Any, for_ms: Any, severities: Any
) -> None:
    rule = rule_of(name)
    assert (rule.window, rule.for_ms) == (window, for_ms)
    assert {level.severity for level in rule.levels} == severities


def test_part_of_a_default_rule_is_overridden() -> None:
    rule = rule_of("error-rate", RuleConfig(name="error-rate", for_="0s", condition="> 0.2"))
    assert (rule.window, rule.for_ms) == ("5m", 0)
    assert rule.levels[0].clauses == (Clause.parse("error_rate > 0.2"),)
    assert rule.levels[0].severity is Severity.ERROR


def test_an_overridden_severity_is_that_of_every_level() -> None:
    rule = rule_of("data-drift", RuleConfig(name="data-drift", severity=Severity.CRITICAL))
    assert {level.severity for level in rule.levels} == {"critical"}
    assert [len(level.clauses) for level in rule.levels] == [3, 3, 2, 1]


def test_a_rule_of_its_own_is_taken_as_it_is() -> None:
    given = RuleConfig(
        name="slow", metric="latency_ms", window="60m", condition="> 100", cooldown="1h"
    )
    rule = rule_of("slow", given)
    assert rule.levels[0].clauses[0].metric == "latency_p95_ms"  # an alias
    assert (rule.window, rule.cooldown_ms, rule.runbook_url) == ("1h", 3_600_000, None)


def test_rules_on_performance_rest_on_labels() -> None:
    resting = {rule.name for rule in compile_rules([]) if rule.rests_on_labels}
    assert resting == {"accuracy-drop", "f1-drop", "rmse-rise"}
