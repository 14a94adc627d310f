"""Area under the ROC curve: what is absent, ties, and intervals that hold."""

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from stream.arrays import FloatArray, IntArray
from stream.stats.performance.roc_auc import roc_auc

RNG = np.random.default_rng(17)
WIDE, ALONE = np.zeros(3, dtype=bool), np.ones(3, dtype=bool)


@pytest.mark.parametrize("counts", [[[1, 2, 3], [0, 0, 0]], [[0, 0, 0], [1, 2, 3]], [[0] * 3] * 2])
def test_one_class_has_no_area(counts: Any) -> None:
    assert roc_auc(np.array(counts), WIDE) is None


def test_what_is_lost_inside_cells() -> None:
    counts = np.array([[4, 4, 0], [0, 4, 4]])
    found = roc_auc(counts, WIDE)
    assert found is not None
    assert (found.value, found.least, found.most) == (0.875, 0.75, 1.0)
    tied = roc_auc(counts, ALONE)
    assert tied is not None
    assert (tied.value, tied.error_max) == (0.875, 0.0)


@pytest.mark.parametrize("rows", [1, 2, 10, 1_000])
def test_classes_that_are_told_apart_are_not_sure(rows: int) -> None:
    found = roc_auc(np.array([[50, 50, 0], [0, 0, rows]]), ALONE)
    assert found is not None
    assert found.value == found.figure.high == 1.0
    assert found.figure.low is not None
    assert 0 <= found.figure.low < 1
    inverse = roc_auc(np.array([[0, 50, 50], [rows, 0, 0]]), ALONE)
    assert inverse is not None
    assert inverse.value == inverse.figure.low == 0.0
    assert inverse.figure.high == pytest.approx(1 - found.figure.low, abs=1e-9)


def test_more_rows_are_surer() -> None:
    counts = np.array([[6, 3, 1], [1, 2, 4]])
    widths = []
    for factor in (1, 10, 100, 10_000):
        found = roc_auc(counts * factor, ALONE)
        assert found is not None
        assert found.figure.low is not None
        assert found.figure.high is not None
        widths.append(found.figure.high - found.figure.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.01


@pytest.mark.parametrize(
    ("distance", "spread", "rows", "others"),
    [(1.0, 1.0, 30, 100), (3.0, 1.0, 12, 800), (1.5, 3.0, 100, 300)],
)
def test_the_interval_holds_the_true_area(
    distance: Any, spread: Any, rows: Any, others: Any
) -> None:
    true = float(ndtr(distance / np.hypot(1, spread)))
    edges = np.linspace(-9, 15, 4_000)
    alone = np.ones(len(edges) + 1, dtype=bool)
    held = 0
    for _ in range(300):
        counts = np.stack(
            [
                _counted(edges, RNG.normal(0, 1, others)),
                _counted(edges, RNG.normal(distance, spread, rows)),
            ]
        )
        found = roc_auc(counts, alone)
        assert found is not None
        assert found.figure.low is not None
        assert found.figure.high is not None
        held += found.figure.low <= true <= found.figure.high
    assert held >= 0.91 * 300


def _counted(edges: FloatArray, scores: FloatArray) -> IntArray:
    return np.bincount(np.searchsorted(edges, scores), minlength=len(edges) + 1)
