"""Unseen values are found though they drown in a large cell, and chance ones raise no alarm."""

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.stats.drift.decision import decide
from stream.stats.drift.figures import DriftFigures, drift_figures
from stream.stats.drift.unseen import seen_once, unseen_test
from stream.stats.reference import Reference

TWO_LARGE = Reference.from_baseline(
    FeatureBaseline(kind=FeatureKind.BOOLEAN, categories=("0", "1"), counts=(2_600, 2_400, 0, 0, 0))
)


def compared(*counts: int) -> DriftFigures:
    return drift_figures(TWO_LARGE, np.array(counts))


def drifted(found: DriftFigures, alpha: float = 0.001) -> bool:
    assert found.test is not None
    return decide({"x": found.test}, alpha)["x"].drifted


def test_a_tenth_unseen_beside_two_large_classes_is_drift() -> None:
    found = compared(234, 216, 50, 0, 0)
    assert drifted(found)
    assert found.test is not None
    assert (found.test.effect or 0.0) < 0.02  # the joined cells alone would not tell
    assert found.figures["effect"] == pytest.approx(found.test.unseen_effect)


def test_less_than_a_hundredth_is_too_little() -> None:
    assert not drifted(compared(10_000, 9_200, 180, 0, 0))
    assert drifted(compared(10_000, 9_200, 220, 0, 0))


def test_one_unseen_value_is_no_drift() -> None:
    assert not drifted(compared(26, 24, 1, 0, 0), alpha=0.01)


def test_nothing_unseen_is_no_question() -> None:
    assert unseen_test(0, 100, 3, 5_000) is None
    assert unseen_test(5, 0, 3, 5_000) is None
    assert unseen_test(5, 100, 0, 0) is None
    test = compared(260, 240, 0, 0, 0).test
    assert test is not None
    assert test.unseen_p_value is None
    assert test.p_value == test.value_p_value


def test_a_full_baseline_does_not_know_what_is_unseen() -> None:
    full = Reference.from_baseline(
        FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=("a", "b"), counts=(2_500, 2_000, 500, 0, 0)
        )
    )
    test = drift_figures(full, np.array([250, 200, 50, 0, 0])).test
    assert test is not None
    assert test.unseen_p_value is None


def test_rare_classes_that_the_reference_missed_raise_no_alarm_too_many() -> None:
    """Two large classes and 40 of one in ten thousand: references miss many; 3 standard errors."""
    rng = np.random.default_rng(9)
    shares = np.array([0.5, 0.496, *([1e-4] * 40)])
    new = 0
    alpha, alarms, windows = 0.02, 0, 0
    for _ in range(40):
        reference = rng.multinomial(5_000, shares)
        known = np.flatnonzero(reference)
        names = tuple(f"c{k:02}" for k in known)
        baseline = FeatureBaseline(
            kind=FeatureKind.CATEGORICAL,
            categories=names,
            counts=(*reference[known].tolist(), 0, 0, 0),
        )
        compiled = Reference.from_baseline(baseline)
        for window in rng.multinomial(500, shares, 40):
            row = np.array([*window[known], 500 - window[known].sum(), 0, 0])
            test = drift_figures(compiled, row).test
            assert test is not None
            new += row[-3] > 0
            alarms += decide({"x": test}, alpha, effect_min=0.0)["x"].drifted
            windows += 1
    assert new > windows / 2
    assert alarms / windows <= 1.5 * alpha + 3 * (1.5 * alpha / windows) ** 0.5


def test_values_that_share_a_cell_may_all_occur_once() -> None:
    baseline = FeatureBaseline(
        kind=FeatureKind.CATEGORICAL,
        categories=("a", "b", "c"),
        other_categories=("x", "y"),
        counts=(50, 1, 1, 9, 0, 4, 7),
    )
    assert seen_once(baseline) == (4, 61)
