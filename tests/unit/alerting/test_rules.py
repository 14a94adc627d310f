from typing import Any

import pytest

from schemas.alerts import Severity
from schemas.rules import RuleConfig
from stream.alerting.rules import Clause, compile_rules


def rule_of(name: Any, *configured: Any) -> Any:
    return next(rule for rule in compile_rules(configured) if rule.name == name)


def test_default_rules_exist_without_configuration() -> None:
    assert [rule.name for rule in compile_rules([])] == [
        "data-drift",
        "data-quality",
        "error-rate",
        "latency",
        "no-traffic",
        "pipeline-lag",
        "prediction-drift",
    ]
    assert all(rule.runbook_url == f"docs/runbooks/{rule.name}.md" for rule in compile_rules([]))


@pytest.mark.parametrize(
    ("name", "window", "for_ms", "severities"),
    [
        ("error-rate", "5m", 300_000, {"error"}),
        ("latency", "5m", 600_000, {"warning"}),
        ("data-drift", None, 0, {"warning", "info"}),
        ("prediction-drift", None, 0, {"warning"}),
        ("data-quality", "1h", 0, {"warning"}),
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
    assert [level.severity for level in rule.levels] == ["critical", "critical"]
    assert len(rule.levels[0].clauses) == 2


def test_a_rule_of_its_own_is_taken_as_it_is() -> None:
    given = RuleConfig(
        name="slow", metric="latency_ms", window="60m", condition="> 100", cooldown="1h"
    )
    rule = rule_of("slow", given)
    assert rule.levels[0].clauses[0].metric == "latency_p95_ms"  # an alias
    assert (rule.window, rule.cooldown_ms, rule.runbook_url) == ("1h", 3_600_000, None)


def test_part_of_a_rule_whose_figures_do_not_exist_yet_is_left_out() -> None:
    given = RuleConfig(name="accuracy-drop", severity=Severity.CRITICAL)
    assert "accuracy-drop" not in {rule.name for rule in compile_rules([given])}
