"""What applying a configuration changes."""

from typing import Any

import pytest

from schemas.activations import Activation, plan_of
from schemas.baselines import Baseline
from schemas.config import parse_config
from schemas.records import ConfigRecord, record_key
from stream.baseline.errors import BaselineError
from stream.baseline.store import Stored, activation_for, find_baseline
from stream.configure import changes, moment, replanned

NOW = 1_790_002_800_000
BASELINE = "ab" * 32


def records(document: Any) -> Any:
    parsed = parse_config(document)
    both: list[ConfigRecord] = [*parsed.models, *parsed.rules]
    return {record_key(r): r for r in both}


def model(**fields: Any) -> Any:
    return records([{"model_name": "credit", **fields}])


def activation(
    version: Any = "3", start: Any = 0, plan_from: Any = None, baseline: Any = BASELINE
) -> Any:
    config = next(iter((plan_from or model()).values()))
    made = Activation(
        model_name="credit",
        model_version=version,
        effective_from=start,
        plan=plan_of(config),
        baseline_id=baseline,
    )
    return {record_key(made): made}


def test_a_new_model_shows_what_is_not_the_default() -> None:
    (change,) = changes({}, model(task="binary", features={"age": {"min": 0}}).values())
    assert change.kind == "added"
    assert change.fields == {"task": ("auto", "binary"), "features.age.min": (None, 0.0)}


def test_the_same_again_changes_nothing() -> None:
    present = model(task="binary", windows=["24h", "5m"])
    (change,) = changes(present, model(task="binary", windows=["1d", "5m"]).values())
    assert (change.kind, change.fields) == ("unchanged", {})


def test_changes_are_shown_field_by_field() -> None:
    before = model(drift={"min_effect": 0.02}, features={"age": {"min": 0}})
    after = model(drift={"min_effect": 0.05}, segments=["country"])
    (change,) = changes(before, after.values())
    assert change.kind == "changed"
    assert change.fields == {
        "drift.min_effect": (0.02, 0.05),
        "segments": ((), ("country",)),
        "features.age.min": (0.0, None),
    }


def test_rules_are_compared_alike() -> None:
    before = records({"rules": [{"name": "latency", "for": "1m"}]})
    after = records({"rules": [{"name": "latency", "for": "2m"}]})
    (change,) = changes(before, after.values())
    assert change.fields == {"for": ("1m", "2m")}


def test_a_changed_counting_plan_is_activated_from_now_on_with_the_same_baseline() -> None:
    before = model()
    after = model(segments=["country"])
    present = before | activation("3") | activation("4")
    plans = replanned(present, list(after.values()), NOW)
    assert [(p.model_version, p.effective_from, p.baseline_id) for p in plans] == [
        ("3", NOW, BASELINE),
        ("4", NOW, BASELINE),
    ]
    assert {p.plan.segments for p in plans} == {("country",)}


def test_what_does_not_touch_counting_activates_nothing() -> None:
    present = model() | activation()
    assert replanned(present, list(model(retention_days=7, windows=["1h"]).values()), NOW) == []


def test_a_version_with_a_configuration_of_its_own_is_not_replanned_by_the_rest() -> None:
    present = model() | model(model_version="3") | activation("3")
    assert replanned(present, list(model(segments=["country"]).values()), NOW) == []


def test_a_model_without_baseline_needs_no_activation() -> None:
    assert replanned(model(), list(model(segments=["country"]).values()), NOW) == []


# -- baselines -------------------------------------------------------------------------------------


EMPTY = Baseline(model_name="credit", model_version="3", rows=2, features={})


def activated(*arguments: Any) -> Any:
    return activation_for(*arguments)


def test_the_first_baseline_counts_from_the_beginning_and_later_ones_from_now() -> None:
    first = activated(model(), "credit", "3", BASELINE, None, NOW)
    assert first.effective_from == 0
    present = model() | {record_key(first): first}
    assert activated(present, "credit", "3", BASELINE, None, NOW) is None
    second = activated(present, "credit", "3", "cd" * 32, None, NOW)
    assert second.effective_from == NOW
    assert activated(present, "credit", "4", BASELINE, None, NOW).effective_from == 0


def test_a_start_can_be_given_but_an_activation_is_never_changed() -> None:
    present = model() | activation("3")
    assert activated(present, "credit", "3", "cd" * 32, 5, NOW).effective_from == 5
    with pytest.raises(BaselineError, match="never changes"):
        activated(present, "credit", "3", "cd" * 32, 0, NOW)


def test_the_plan_is_the_configurations() -> None:
    made = activated(model(segments=["country"]), "credit", "3", BASELINE, None, NOW)
    assert made.plan.segments == ("country",)


def test_a_baseline_is_found_by_the_start_of_its_id() -> None:
    stored = {name: Stored(name, EMPTY, None, None) for name in ("abcd1", "abcd2", "ef012")}
    assert find_baseline(stored, "ef01").id == "ef012"
    for prefix, words in (("abcd", "2 baselines"), ("9999", "no baseline"), ("ab", "at least 4")):
        with pytest.raises(BaselineError, match=words):
            find_baseline(stored, prefix)


def test_header_times_are_rfc_3339() -> None:
    assert moment(NOW + 250) == "2026-09-21T15:00:00.250Z"
