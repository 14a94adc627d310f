"""Intervals of shares, means and averages."""

import numpy as np
import pytest

from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.intervals import (
    Figure,
    Z,
    average_figure,
    mean_figure,
    mean_magnitude_figure,
    share_figure,
)

RNG = np.random.default_rng(11)


def test_ninety_five_percent() -> None:
    assert pytest.approx(1.959963984540054, abs=1e-15) == Z


def test_nothing_has_no_figure() -> None:
    assert share_figure(0, 0) is None
    assert mean_figure(ExactSums()) is None
    assert mean_magnitude_figure(ExactSums()) is None
    assert average_figure([]) is None


@pytest.mark.parametrize("hits", [0, 20])
def test_a_share_of_none_or_all_is_not_sure(hits: int) -> None:
    found = share_figure(hits, 20)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value == hits / 20
    assert found.high - found.low > 0.1


def test_one_value_has_a_mean_without_interval() -> None:
    assert mean_figure(ExactSums.of([2.5])) == Figure(2.5)
    assert mean_magnitude_figure(ExactSums.of([-2.5])) == Figure(2.5)


def test_the_interval_of_a_mean_stays_where_means_can_be() -> None:
    found = mean_figure(ExactSums.of([0.0, 0.0, 1.0]), 0.0, 1.0)
    assert found is not None
    assert found.low == 0.0
    assert found.high == pytest.approx(1 / 3 + Z / 3)


def test_the_interval_of_a_mean_holds_it() -> None:
    held = 0
    for _ in range(300):
        found = mean_figure(ExactSums.of(RNG.exponential(2.0, 200)))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 2.0 <= found.high
    assert held >= 0.91 * 300  # 95 % less three standard errors


def test_a_sum_beyond_doubles_has_no_mean() -> None:
    huge = ExactSums.of([1.7e308] * 3)
    assert mean_figure(huge) is None
    assert mean_magnitude_figure(huge) is None


def test_a_mean_whose_squares_are_beyond_doubles_has_no_interval() -> None:
    found = mean_figure(ExactSums.of([1e200, -1e200, 3e200]))
    assert found is not None
    assert found.value == pytest.approx(1e200)
    assert found.low is None


def test_an_average_of_figures_without_interval_has_none() -> None:
    assert average_figure([Figure(0.5, 0.25, 0.75), Figure(0.25)]) == Figure(0.375)
