"""Average precision: exact in its bounds and its expectation, by all orders of small cells."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from stream.stats.performance.average_precision import average_precision

WIDE, ALONE = np.zeros(2, dtype=bool), np.ones(2, dtype=bool)


def of_order(hits: list[bool]) -> float:
    """Average precision of rows without ties, from the highest score down."""
    found, precisions = 0, []
    for rank, hit in enumerate(hits, 1):
        found += hit
        if hit:
            precisions.append(found / rank)
    return sum(precisions) / found


def orders(q: int, p: int) -> list[list[bool]]:
    return [[i in chosen for i in range(p + q)] for chosen in combinations(range(p + q), p)]


@pytest.mark.parametrize(
    "counts", [[[2, 1], [3, 2]], [[5, 0], [1, 2]], [[3, 2], [0, 3]], [[0, 3], [4, 1]]]
)
def test_the_value_is_the_mean_over_all_orders_in_cells(counts: Any) -> None:
    (q_low, q_high), (p_low, p_high) = counts
    all_orders = [
        of_order(high + low) for high in orders(q_high, p_high) for low in orders(q_low, p_low)
    ]
    found = average_precision(np.array(counts), WIDE)
    assert found is not None
    assert found.value == pytest.approx(np.mean(all_orders), abs=1e-12)
    assert found.least == pytest.approx(min(all_orders), abs=1e-12)
    assert found.most >= max(all_orders) - 1e-12


def test_at_most_rows_of_the_class_are_first_and_tied() -> None:
    found = average_precision(np.array([[4, 5], [2, 1]]), WIDE)
    assert found is not None
    assert found.most == pytest.approx((1 + 2 * 3 / 8) / 3)


@pytest.mark.parametrize("size", [1, 999, 1_001, 300_000])
def test_large_cells_are_summed_without_loss(size: int) -> None:
    """A long sum, term by term, on both sides of where the series begins."""
    counts = np.array([[700, 2 * size], [1_500, 40]])
    found = average_precision(counts, WIDE)
    assert found is not None
    i = np.arange(1, 41)
    j = np.arange(1, 1_501)
    least = (i / (i + 2 * size)).sum() + ((40 + j) / (40 + j + 2 * size + 700)).sum()
    assert found.least == pytest.approx(least / 1_540, abs=1e-12)


def test_one_class_has_none() -> None:
    assert average_precision(np.array([[3, 4], [0, 0]]), WIDE) is None
    assert average_precision(np.array([[0, 0], [3, 4]]), WIDE) is None


def test_tied_scores_lose_nothing() -> None:
    found = average_precision(np.array([[4, 1], [1, 3]]), ALONE)
    assert found is not None
    assert found.value == found.least == found.most == pytest.approx((3 * 3 / 4 + 4 / 9) / 4)


def test_classes_that_are_told_apart_are_not_sure() -> None:
    found = average_precision(np.array([[50, 0], [0, 8]]), ALONE)
    assert found is not None
    assert found.value == found.figure.high == 1.0
    assert found.figure.low is not None
    assert 0.6 < found.figure.low < 0.7
