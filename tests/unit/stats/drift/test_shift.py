"""How the two tests of values share the level, and what of a shift is large."""

import numpy as np
import pytest

from stream.arrays import IntArray
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.effect import order_effect, share_effect
from stream.stats.drift.kolmogorov_smirnov import grid_p_value
from stream.stats.drift.shift import ORDER_WEIGHT, Order, Shift, shift_test
from stream.stats.reference import CoarseCells

TENTHS = np.full(10, 500)


def cells(counts: list[int]) -> CoarseCells:
    found = CoarseCells(np.arange(len(counts)), ring=False)
    found.compare_with(np.cumsum(counts))
    return found


def shift_of(current: IntArray, distance: float) -> Shift:
    reference = cells(TENTHS.tolist())
    order = Order(distance, 1 / 256)
    return shift_test(current, reference, chi_squared(current, reference.counts), order)


def test_each_test_has_its_part_of_the_level() -> None:
    current = np.array([18, 32, 25, 25, 25, 25, 25, 25, 25, 25])
    by_order = grid_p_value(0.13, 250, 5_000, 1 / 256)
    assert shift_of(current, 0.13).p_value == pytest.approx(by_order / ORDER_WEIGHT)
    uneven = np.array([60, 5, 40, 10, 25, 25, 35, 15, 30, 5])
    statistic = chi_squared(uneven, TENTHS)
    assert statistic is not None
    by_cells = chi_squared_p_value(*statistic)
    assert shift_of(uneven, 0.03).p_value == pytest.approx(by_cells / (1 - ORDER_WEIGHT))


def test_the_larger_effect_counts() -> None:
    even = np.full(10, 25)
    assert shift_of(even, 0.13).effect == pytest.approx(order_effect(0.13, 250, 5_000))
    assert shift_of(even, 0.01).effect == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_distance_never_claims_more_than_the_cells_hold(seed: int) -> None:
    """4 D**2 is at most Pearson's measure, on any cells that show D."""
    rng = np.random.default_rng(seed)
    shares, expected = rng.dirichlet(np.full(6, 0.7), 2)
    distance = float(np.abs(np.cumsum(shares - expected)).max())
    pearson = float(((shares - expected) ** 2 / ((shares + expected) / 2)).sum())
    assert order_effect(distance, 10**12, 10**12) <= pearson + 1e-9


def test_without_drift_the_effect_of_order_is_small() -> None:
    rng = np.random.default_rng(1)
    grid = np.arange(1, 401) / 400
    found = []
    for _ in range(400):
        values = np.sort(rng.random(400))
        distance = float(np.abs(np.searchsorted(values, grid) / 400 - grid).max())
        found.append(order_effect(distance, 400, 10**9))
    assert 0.0 < np.mean(found) < 0.004


def test_cells_that_the_smaller_sample_has_too_few_of_are_joined() -> None:
    """A hundred classes seen once or twice each say nothing, however many rows a window has."""
    reference = cells([2_500, 2_400, *([1] * 100)])
    current = np.array([25_000, 24_000, *([10] * 100)])
    found = shift_test(current, reference, chi_squared(current, reference.counts), None)
    joined = np.array([25_000, 24_000, *([50] * 20)])
    rest = chi_squared(joined, np.array([2_500, 2_400, *([5] * 20)]))
    assert rest is not None
    assert found.p_value == pytest.approx(chi_squared_p_value(*rest))


def test_the_effect_of_a_share_is_pearsons_of_equal_samples() -> None:
    n = 2_000
    found = chi_squared(np.array([60, n - 60]), np.array([20, n - 20]))
    assert found is not None
    assert share_effect(0.03, 0.01) == pytest.approx(found[0] / (n / 2))
    assert share_effect(0.01, 0.03) == 0.0
