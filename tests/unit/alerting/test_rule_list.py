"""The rules in force: where each comes from, and what deleting it leaves."""

from typing import Any

import msgspec
import pytest

from schemas.config import parse_model, parse_rule
from schemas.models import ModelConfig
from schemas.rules import DEFAULT_RULE_NAMES, RuleConfig
from stream.alerting.rule_list import ListedRule, listed_rules, restored


def model(**fields: Any) -> ModelConfig:
    return parse_model({"model_name": "credit", **fields})


def listed(*rules: dict[str, Any], models: tuple[ModelConfig, ...] = ()) -> dict[str, ListedRule]:
    given = [parse_rule(rule) for rule in rules]
    found = listed_rules({rule.name: rule for rule in given}, models)
    assert [rule.name for rule in found] == sorted(rule.name for rule in found)
    return {rule.name: rule for rule in found}


def test_default_rules_are_there_without_configuration() -> None:
    found = listed()
    assert set(found) == set(DEFAULT_RULE_NAMES)
    assert {rule.origin for rule in found.values()} == {"default"}
    rule = found["error-rate"]
    (level,) = rule.levels
    assert (level.severity, level.conditions) == ("error", ("error_rate > 0.05",))
    assert (rule.window, rule.for_, rule.channels, rule.clear) == ("5m", "5m", None, None)
    assert rule.runbook_url == "docs/runbooks/error-rate.md"
    assert found["data-drift"].severities[0] == "info"
    assert ("drift_share >= 0.3", "drifted_features >= 2") in [
        level.conditions for level in found["data-drift"].levels
    ]
    (drop,) = found["accuracy-drop"].levels
    assert (drop.conditions, drop.if_known) == (
        ("accuracy < baseline - 0.1",),
        ("accuracy_high < baseline",),
    )


def test_an_override_says_what_it_sets_and_keeps_the_rest() -> None:
    rule = listed({"name": "error-rate", "condition": "> 0.02", "for": "0s"})["error-rate"]
    assert (rule.origin, rule.overrides) == ("default, overridden", ("condition", "for"))
    assert (rule.levels[0].conditions, rule.levels[0].severity) == (("error_rate > 0.02",), "error")
    assert (rule.window, rule.for_) == ("5m", "0s")


def test_a_configured_rule_with_everything() -> None:
    rule = listed(
        {
            "name": "slow",
            "condition": "latency_ms > 2 * previous + 1.5",
            "match": {"model_name": "cred*", "model_version": 3},
            "window": "24h",
            "clear": "< 100",
            "for": "90m",
            "keep_firing_for": "60s",
            "cooldown_minutes": 30,
            "min_count": 100,
            "no_data": "ok",
            "severity": "critical",
            "channels": ["pager"],
            "summary": "slow",
            "runbook_url": "https://example.org/slow",
        }
    )["slow"]
    assert msgspec.json.decode(msgspec.json.encode(rule)) == {
        "name": "slow",
        "origin": "configured",
        "overrides": [],
        "levels": [
            {
                "severity": "critical",
                "conditions": ["latency_p95_ms > 2 * previous + 1.5"],
                "if_known": [],
            }
        ],
        "window": "1d",
        "match": {"model_name": "cred*", "model_version": "3"},
        "except_versions": [],
        "clear": "< 100",
        "for": "90m",
        "keep_firing_for": "1m",
        "cooldown": "30m",
        "min_count": 100,
        "no_data": "ok",
        "channels": ["pager"],
        "summary": "slow",
        "runbook_url": "https://example.org/slow",
        "warnings": [],
    }


def test_bounds_of_models_are_rules() -> None:
    models = (
        model(performance_threshold={"accuracy": 0.9, "bias": 2}),
        model(model_version="3", performance_threshold={"accuracy": 0.8}),
    )
    found = listed_rules({}, models)
    bounds = [rule for rule in found if rule.origin == "performance_threshold"]
    assert [
        (rule.name, rule.match.get("model_version"), rule.except_versions, len(rule.levels))
        for rule in bounds
    ] == [
        ("credit-accuracy", None, ("3",), 1),
        ("credit-accuracy", "3", (), 1),
        ("credit-bias", None, ("3",), 2),
    ]
    mine = {"name": "credit-accuracy", "condition": "accuracy < 0.7"}
    assert listed(mine, models=models)["credit-accuracy"].origin == "configured"


def test_a_rule_that_is_never_judged_is_marked() -> None:
    rules = listed({"name": "mine", "condition": "acuracy < 1", "window": "1d"})
    assert "did you mean `accuracy`?" in rules["mine"].warnings[0]
    hourly = listed(models=(model(windows=["1h", "1d"]),))
    assert {name for name, rule in hourly.items() if rule.warnings} == {"error-rate", "latency"}


@pytest.mark.parametrize(
    ("name", "after"),
    [("latency", "default"), ("credit-f1", "performance_threshold"), ("slow", None)],
)
def test_what_counts_once_a_rule_is_deleted(name: str, after: str | None) -> None:
    models = (model(performance_threshold={"f1": 0.9}),)
    assert restored(name, models) == after
    rule = RuleConfig(name=name, metric="f1", window="1d", condition="< 1")
    with_it = listed_rules({name: rule}, models)
    without = listed_rules({}, models)
    assert {one.origin for one in with_it if one.name == name} == {
        "default, overridden" if after == "default" else "configured"
    }
    assert {one.origin for one in without if one.name == name} == ({after} if after else set())
