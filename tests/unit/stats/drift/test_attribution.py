from typing import Any

import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.stats.drift.attribution import in_words, rank

AGE = FeatureBaseline(kind=FeatureKind.NUMERIC, edges=(18.0, 80.0), mean=41.2, std=10.0)
COUNTRY = FeatureBaseline(kind=FeatureKind.CATEGORICAL, categories=("DE", "FR"))


def test_only_what_drifted_is_ranked() -> None:
    features: dict[str, dict[str, Any]] = {
        "a": {"drifted": True, "effect": 0.1},
        "b": {"drifted": True, "effect": 0.3},
        "c": {"drifted": False, "effect": 9.0},
        "d": {"effect": 9.0},
    }
    ranked = rank(features)
    assert [name for name, _ in ranked] == ["b", "a"]
    assert [share for _, share in ranked] == pytest.approx([0.75, 0.25])
    assert rank({}) == []
    assert rank({"c": features["c"]}) == []


def test_missing_values_count_only_when_there_are_more() -> None:
    fewer = {"drifted": True, "effect": 0.1, "missing_rate": 0.0, "missing_increase": -0.5}
    more = {"drifted": True, "missing_rate": 1.0, "missing_increase": 1.0}
    found = dict(rank({"fewer": fewer, "more": more}))
    assert found["more"] == pytest.approx(4 / 4.1)


def test_features_by_fixed_thresholds_share_equally() -> None:
    assert rank({"b": {"drifted": True}, "a": {"drifted": True}}) == [("a", 0.5), ("b", 0.5)]


SHAPE = {"drift_from_shape": 1.0}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"mean": 48.9}, "moved up by 0.8 of a standard deviation (mean 41.2 → 48.9)"),
        ({"mean": 11.2}, "moved down by 3.0 standard deviations (mean 41.2 → 11.2)"),
        ({"mean": 41.2, "std": 20.0}, "spread wider (standard deviation 10 → 20)"),
        ({"mean": 41.2, "std": 5.0}, "spread narrower (standard deviation 10 → 5)"),
        ({"mean": 41.2, "std": 10.0}, "other shape, with mean and spread as before"),
        ({}, "its values lie elsewhere"),
    ],
)
def test_how_values_moved(figures: Any, words: str) -> None:
    assert in_words("age", figures, SHAPE, AGE) == f"age: {words}"


def test_causes_come_by_their_shares_and_small_ones_not_at_all() -> None:
    decomposition = {
        "drift_from_shape": 0.2,
        "drift_from_missing": 0.75,
        "drift_from_above": 0.04,
        "drift_from_below": 0.01,
    }
    figures = {"mean": 48.9, "missing_rate": 0.12, "missing_increase": 0.1, "above_range_rate": 0.9}
    assert in_words("age", figures, decomposition, AGE) == (
        "age: 12 % missing (was 2 %), moved up by 0.8 of a standard deviation (mean 41.2 → 48.9)"
    )


def test_categories() -> None:
    decomposition = {"drift_from_unseen": 0.6, "drift_from_shape": 0.4}
    assert in_words("country", {"unseen_rate": 0.082}, decomposition, COUNTRY) == (
        "country: 8.2 % in categories never seen before, its categories have other shares"
    )


def test_no_words_for_nothing() -> None:
    assert in_words("age", {}, {}, AGE) == "age: no difference beyond chance"
