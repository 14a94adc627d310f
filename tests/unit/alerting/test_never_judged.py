"""Rules that can't ever fire are told so, and no others are."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.alerts import Severity
from schemas.config import parse_model, parse_rule
from schemas.models import ModelConfig
from stream.alerting.never_judged import never_judged, rule_warnings
from stream.alerting.rules import Clause, Level, Rule, compile_rules


def model(name: str = "credit", *windows: str, **fields: Any) -> ModelConfig:
    given = {"windows": list(windows)} if windows else {}
    return parse_model({"model_name": name, **given, **fields})


def warned(models: list[ModelConfig] | None = None, **rule: Any) -> list[str]:
    fields = {"name": "mine", "metric": "error_rate", "window": "5m", "condition": "> 1"}
    return rule_warnings(["mine"], [parse_rule(fields | rule)], models or [])


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"metric": "feature.*.psi", "match": {"feature": "a*", "segment": "*"}},
        {"metric": "accuracy", "window": "1h", "condition": "< baseline - 0.1"},
        {"metric": "accuracy_low", "window": "7d"},
        {"metric": "metric.cost.mean", "condition": "> 2 * baseline"},
        {"metric": "drift_share", "window": "7d"},
        {"condition": "> 2 * previous"},
        {"metric": "count", "condition": "< 100"},
    ],
)
def test_nothing_is_said_of_rules_that_can_be_judged(rule: dict[str, Any]) -> None:
    assert warned(**rule) == []
    assert warned([model()], **rule) == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"metric": "eror_rate"}, "did you mean `error_rate`?"),
        ({"metric": "error_rate_spike"}, "shown of the live window only"),
        ({"metric": "accuracy"}, "labels are counted in windows of 1h and longer"),
        ({"metric": "label_coverage"}, "`label_coverage` is in no report over 5m"),
        ({"condition": "> 2 * baseline"}, "no baseline holds `error_rate`"),
        ({"metric": "drift_share"}, "drift is not decided over 5m, but over 1h, 1d, 7d"),
        ({"match": {"model": "credit"}}, "no report has a label 'model': there are model_name"),
        ({"window": "2h"}, "models without configuration have no windows of 2h, but of 1m, 5m"),
    ],
)
def test_why_a_rule_is_never_judged(rule: dict[str, Any], says: str) -> None:
    (sentence,) = warned(**rule)
    assert sentence.startswith("rule mine is never judged: ")
    assert says in sentence


def test_the_windows_there_are_are_named() -> None:
    models = [model("credit", "1h", "1d"), model("fraud", "10m")]
    (sentence,) = warned(models, window="2h")
    assert sentence.endswith("has windows of 2h: there are 10m, 1h, 1d")
    assert warned(models, window="10m") == []
    (sentence,) = warned(models, window="10m", match={"model_name": "credit"})
    assert sentence == (
        "rule mine is never judged: no configured model that it is about has windows of 10m: "
        "there are 1h, 1d"
    )
    assert warned(models, window="5m", match={"model_name": "other"}) == []
    (sentence,) = warned(models, window="5m")
    assert sentence.startswith("rule mine is judged at most for models without configuration: ")


def test_a_version_with_windows_of_its_own() -> None:
    models = [model("credit", "1h"), model("credit", "5m", model_version="3")]
    assert warned(models, match={"model_version": "3"}) == []
    assert len(warned(models, window="1h", match={"model_version": "3"})) == 1
    assert warned(models, window="1h", match={"model_version": "4"}) == []
    assert len(warned(models, match={"model_name": "credit", "model_version": "4"})) == 1


def test_decision_windows_are_windows_too() -> None:
    by_rate = model("credit", "5m")
    assert warned([by_rate], metric="drift_share", window="7d") == []
    (sentence,) = warned([by_rate], window="7d")
    assert "never judged unless drift is decided over 7d: " in sentence
    fixed = model("credit", "5m", drift={"decision_window": "24h"})
    assert warned([fixed], window="1d") == []
    (sentence,) = warned([fixed], metric="drifted_features", window="7d")
    assert sentence.endswith("drift is not decided over 7d, but over 1d")


def test_default_rules_can_be_judged_of_models_as_they_come() -> None:
    assert [never_judged(rule, [model()]) for rule in compile_rules([])] == [[]] * 10
    slow = next(rule for rule in compile_rules([]) if rule.name == "latency")
    assert len(never_judged(slow, [model("credit", "1h")])) == 1


def test_what_counts_only_where_it_is_known_is_in_nobodys_way() -> None:
    needed, known = Clause.parse("error_rate > 1"), Clause.parse("?eror_rate > 1")
    levels = (Level(Severity.ERROR, (needed, known)),)
    assert never_judged(Rule("mine", levels, "5m"), []) == []
    levels = (Level(Severity.ERROR, (needed, replace(known, if_known=False))),)
    assert len(never_judged(Rule("mine", levels, "5m"), [])) == 1


def test_one_level_that_can_hold_is_enough() -> None:
    good, bad = (
        Level(Severity.ERROR, (Clause.parse(text),)) for text in ("error_rate > 1", "eror_rate > 1")
    )
    assert never_judged(Rule("mine", (bad, good), "5m"), []) == []
    assert len(never_judged(Rule("mine", (bad, bad), "5m"), [])) == 1
