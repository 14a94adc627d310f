"""The drift check: what it finds in events that a worker counted, and what it says of it."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline
from schemas.features import FeatureConfig, FeatureDriftConfig
from schemas.models import DriftConfig, ModelConfig
from stream.baseline.build import build_baseline
from stream.reading.drift_check import EVENTS_MIN, DriftCheck, check_drift
from stream.reading.errors import ReadingError
from stream.reading.severity import Severity
from stream.reading.wording import cause_of, document, notes, verdict

CITIES = ("Oslo", "Rome", "Wien")


def rows(seed: int, n: int = 3_000) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age = rng.normal(41, 13, n)
    return {
        "age": age,
        "income": 50 + age + rng.normal(0, 10, n),
        "city": rng.choice(CITIES, n, p=[0.5, 0.3, 0.2]),
        "prediction": rng.integers(0, 2, n),
    }


def events(seed: int, n: int = 3_000) -> list[dict[str, Any]]:
    data = rows(seed, n)
    return [
        {
            "features": {
                "age": float(data["age"][i]),
                "income": float(data["income"][i]),
                "city": str(data["city"][i]),
            },
            "prediction": int(data["prediction"][i]),
        }
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build_baseline(rows(0), model_name="credit", model_version="1")


@pytest.fixture
def check(counted_window: Any, baseline: Baseline) -> Any:
    def check(found: Any, **more: Any) -> DriftCheck:
        return check_drift(counted_window(baseline, found, **more))

    return check


def test_nothing_has_drifted(check: Any) -> None:
    found = check(events(1))
    assert (found.drifted, found.severity) == (False, Severity.NONE)
    assert (found.drifted_features, found.tested_features) == (0, 3)
    assert [one.name for one in found.features] == ["age", "city", "income"]
    assert [one.name for one in found.outputs] == ["prediction"]
    assert verdict(found) == (
        "credit 1, 1h to 2026-09-21 15:00 UTC: no drift in 3 features, nor in what the model"
        " answers"
    )
    (blind_spot,) = found.min_detectable_shift.values()
    assert 0.05 < blind_spot < 0.5
    assert any("would have been found in four of five" in line for line in notes(found))


def test_what_drifted_is_ranked_and_told(check: Any) -> None:
    moved = events(2)
    for number, event in enumerate(moved):
        event["features"]["age"] += 13.0
        if number % 5 == 0:
            event["features"]["city"] = "Lima"
    found = check(moved)
    first, second, third = found.features
    assert (first.name, first.severity) == ("age", Severity.STRONG)
    assert "moved up by 1.0" in cause_of(first)
    assert "mean 4" in cause_of(first)
    assert second.name == "city"
    assert "20 % in categories never seen before" in cause_of(second)
    assert (third.name, third.drifted, third.in_words) == ("income", False, None)
    assert first.attribution is not None
    assert second.attribution is not None
    assert first.attribution + second.attribution == pytest.approx(1.0)
    assert found.severity is Severity.STRONG
    assert "strong drift in 2 of 3 features (age, city); what the model answers has not" in (
        verdict(found)
    )
    assert found.together is not None


def test_features_that_vary_together_otherwise(check: Any) -> None:
    swapped = events(3)
    incomes = sorted(event["features"]["income"] for event in swapped)
    by_age = sorted(swapped, key=lambda event: -event["features"]["age"])
    for income, event in zip(incomes, by_age, strict=True):
        event["features"]["income"] = income
    found = check(swapped)
    assert not found.drifted
    assert found.together is not None
    change = found.together.changes[0]
    assert (change["first"], change["second"]) == ("age", "income")
    assert float(change["before"]) > 0.7
    assert float(change["after"]) < -0.7


def test_an_output_that_changes_while_inputs_do_not(check: Any) -> None:
    other = events(4)
    for event in other:
        event["prediction"] = 1
    found = check(other)
    assert found.drifted_features == 0
    assert "drift in the prediction" in verdict(found)
    assert any("though no feature drifted" in line for line in notes(found))


def test_lost_and_gained_features_are_told(check: Any) -> None:
    changed = events(5)
    for event in changed:
        del event["features"]["city"]
        event["features"]["zip"] = "1010"
    found = check(changed)
    assert found.schema_changes == {"city": "lost", "zip": "gained"}
    said = " / ".join(notes(found))
    assert "features that no event has any more: city" in said
    assert "the baseline does not have: zip" in said
    (city,) = [one for one in found.features if one.name == "city"]
    assert "100 % missing (was 0 %)" in cause_of(city)


def test_a_segment_may_drift_alone(counted_window: Any) -> None:
    split = ("city",)
    baseline = build_baseline(rows(0), model_name="credit", model_version="1", segments=split)
    moved = events(6)
    for event in moved:
        if event["features"]["city"] == "Wien":
            event["features"]["age"] += 13.0
    window = counted_window(
        baseline,
        moved,
        config=ModelConfig(model_name="credit", segments=split),
        segment_values={"city": CITIES},
    )
    found = check_drift(window)
    (one,) = found.segments
    assert (one.segment, one.drifted) == ("city=Wien", ["age"])
    assert any(f"segment city=Wien ({one.count:,} events): age drifted" in n for n in notes(found))


def test_a_fixed_threshold_decides_what_it_is_set_for(check: Any) -> None:
    fixed = FeatureConfig(drift=FeatureDriftConfig(metric="psi", threshold=0.0))  # type: ignore[arg-type]
    config = ModelConfig(model_name="credit", features={"age": fixed})
    found = check(events(7), config=config)
    (age,) = [one for one in found.features if one.name == "age"]
    assert (age.drifted, age.severity) == (True, Severity.SLIGHT)
    assert age.attribution == 1.0
    assert age.in_words is not None


def test_the_budget_is_the_configured_one(check: Any) -> None:
    config = ModelConfig(
        model_name="credit", drift=DriftConfig(false_alarms_per_month=30, min_effect=0.5)
    )
    found = check(events(8), config=config, window="1d")
    assert found.alpha == pytest.approx(1.0)
    assert found.min_effect == 0.5


def test_the_document_is_json_and_says_it_in_words(check: Any) -> None:
    told = document(check(events(9)))
    again = msgspec.json.decode(msgspec.json.encode(told))
    assert again["verdict"] == told["verdict"]
    assert set(msgspec.structs.asdict(check(events(9)))) < set(again)
    assert again["baseline"]["time_ordered"] is False
    assert any("has no times" in line for line in again["notes"])


def test_without_a_baseline_or_events_it_is_one_sentence(
    counted_window: Any, baseline: Baseline
) -> None:
    with pytest.raises(ReadingError, match="credit 1 has no baseline yet"):
        check_drift(counted_window(None, events(1, 100)))
    few = counted_window(baseline, events(1, EVENTS_MIN - 1))
    with pytest.raises(ReadingError, match=f"^{EVENTS_MIN - 1} events of the 1h of credit 1 can"):
        check_drift(few)
