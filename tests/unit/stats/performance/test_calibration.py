"""Reliability curve, calibration error and the parts of the Brier score."""

from typing import Any

import numpy as np
import pytest

from stream.stats.performance.calibration import reliability_curve
from stream.stats.performance.cells import ScoreCells

RNG = np.random.default_rng(29)
TENTHS = ScoreCells.between(np.arange(1, 10) / 10)


def counted(edges: Any, scores: Any, hits: Any) -> Any:
    of = np.searchsorted(edges, scores)
    return np.stack([np.bincount(of[hits == k], minlength=len(edges) + 1) for k in (0, 1)])


def test_nothing_counted_has_no_curve() -> None:
    assert reliability_curve(np.zeros((2, 10), dtype=np.int64), TENTHS) is None


def test_a_cell_with_most_rows_is_one_bin() -> None:
    counts = np.zeros((2, 10), dtype=np.int64)
    counts[0, 3], counts[1, 3], counts[1, 9] = 700, 300, 5
    curve = reliability_curve(counts, TENTHS)
    assert curve is not None
    assert [tuple(np.round(of, 9)) for of in curve.bins()] == [(0.35, 0.3, 1_000), (0.95, 1.0, 5)]


@pytest.mark.parametrize("cells", [12, 40, 400])
def test_errors_are_within_their_bounds(cells: int) -> None:
    edges = np.unique(np.concatenate([[0.0], RNG.random(cells), [np.nextafter(1, 0)]]))
    scores = np.clip(RNG.beta(0.5, 2, 3_000), 0, 1)
    scores[:50], scores[50:80] = 0.0, 1.0
    hits = RNG.random(3_000) < scores**1.3
    curve = reliability_curve(counted(edges, scores, hits), ScoreCells.between(edges))
    assert curve is not None
    assert curve.rows.sum() == 3_000
    order = np.argsort(scores, kind="stable")
    ends = np.cumsum(curve.rows)
    bins = np.split(order, ends[:-1])
    means = np.array([scores[of].mean() for of in bins])
    observed = np.array([hits[of].mean() for of in bins])
    assert curve.observed == pytest.approx(observed)
    assert np.all(np.abs(curve.means - means) <= curve.means_error_max + 1e-12)
    weights = curve.rows / 3_000
    true = float(weights @ np.abs(means - observed))
    assert abs(curve.calibration_error - true) <= curve.calibration_error_error_max + 1e-12
    split = curve.brier_split()
    true = float(weights @ (means - observed) ** 2)
    assert abs(split.reliability - true) <= split.reliability_error_max + 1e-12


def test_parts_of_the_brier_score_make_it_up() -> None:
    values = np.array([0.0, 0.2, 0.5, 1.0])
    edges = np.unique(np.concatenate([values[:3], np.nextafter(values[1:], 0)]))
    scores = RNG.choice(values, 2_000)
    hits = RNG.random(2_000) < scores * 0.8
    curve = reliability_curve(counted(edges, scores, hits), ScoreCells.between(edges))
    assert curve is not None
    split = curve.brier_split()
    assert split.reliability_error_max == 0.0
    brier = float(((scores - hits) ** 2).mean())
    parts = split.reliability - split.resolution + split.uncertainty
    assert parts == pytest.approx(brier, abs=1e-12)


def test_calibrated_probabilities_have_a_small_error() -> None:
    edges = np.arange(1, 400) / 400
    scores = RNG.random(20_000)
    honest = reliability_curve(
        counted(edges, scores, RNG.random(20_000) < scores), ScoreCells.between(edges)
    )
    wrong = reliability_curve(
        counted(edges, scores, RNG.random(20_000) < scores**2), ScoreCells.between(edges)
    )
    assert honest is not None
    assert wrong is not None
    assert honest.calibration_error < 0.02
    # The mean of s - s**2.
    assert wrong.calibration_error == pytest.approx(1 / 6, abs=0.02)
