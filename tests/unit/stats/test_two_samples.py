"""Two versions side by side: size without a difference, power with one, intervals that hold."""

from typing import Any

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.reference import Reference
from stream.stats.two_samples import (
    distribution_difference,
    mean_difference,
    quantile_difference,
    quantile_interval,
    share_difference,
    wilson_interval,
)

RNG = np.random.default_rng(61)
BASELINE = build_baseline(
    {"x": RNG.normal(size=5_000)}, model_name="m", model_version="1"
).features["x"]
REFERENCE = Reference.from_baseline(BASELINE)
GRID = NumericGrid.from_baseline(BASELINE)
NAMED = Reference.from_baseline(
    FeatureBaseline(
        kind=FeatureKind.CATEGORICAL, categories=("a", "b", "c"), counts=(50, 30, 20, 0, 0, 0)
    )
)


def row(mean: float = 0.0, std: float = 1.0, n: int = 300) -> Any:
    return GRID.count_sorted(np.sort(RNG.normal(mean, std, n)))


def test_an_interval_holds_the_true_difference() -> None:
    held = 0
    for _ in range(500):
        found = share_difference(int(RNG.binomial(80, 0.1)), 80, int(RNG.binomial(50, 0.3)), 50)
        assert found is not None
        held += found.low <= 0.2 <= found.high
    assert held >= 0.92 * 500  # 95 % less three standard errors


@pytest.mark.parametrize("hits", [(0, 20, 0, 30), (20, 20, 30, 30)])
def test_equal_extremes_do_not_differ(hits: Any) -> None:
    found = share_difference(*hits)
    assert found is not None
    assert found.estimate == 0.0
    assert found.p_value == 1.0
    assert found.low < 0.0 < found.high


def test_opposite_extremes_stay_within_one() -> None:
    found = share_difference(0, 20, 30, 30)
    assert found is not None
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert found.low > 0.7
    assert found.p_value is not None
    assert found.p_value < 1e-9


@pytest.mark.parametrize("n", [(0, 5), (5, 0)])
def test_nothing_is_compared_with_nothing(n: Any) -> None:
    assert share_difference(0, n[0], 0, n[1]) is None


def test_wilson_is_within_zero_and_one() -> None:
    assert wilson_interval(0, 10)[0] == 0.0
    assert wilson_interval(10, 10)[1] == 1.0


def test_means_need_two_values_that_vary() -> None:
    assert mean_difference(1.0, 0.5, 1, 2.0, 0.5, 10) is None
    assert mean_difference(1.0, 0.0, 10, 2.0, 0.0, 10) is None
    found = mean_difference(1.0, 0.0, 10, 2.0, 0.5, 10)
    assert found is not None
    assert found.low < 1.0 < found.high


def test_false_alarms_between_two_samples_of_one_distribution() -> None:
    """Of 400 pairs at 5 %: 20 on average, less for the two tests; at most three sigma more."""
    alarms = 0
    for _ in range(400):
        found = distribution_difference(REFERENCE, row(n=60), row(n=200))
        assert found is not None
        alarms += found.p_value <= 0.05
    assert alarms <= 33


@pytest.mark.parametrize(("mean", "std"), [(0.7, 1.0), (0.0, 0.5)])
def test_a_difference_is_found(mean: float, std: float) -> None:
    found = distribution_difference(REFERENCE, row(), row(mean, std))
    assert found is not None
    assert found.p_value < 1e-3
    assert found.effect is not None
    assert found.effect > 0.05


def test_it_is_the_same_the_other_way_round() -> None:
    a, b = row(n=100), row(0.3, n=500)
    assert distribution_difference(REFERENCE, a, b) == distribution_difference(REFERENCE, b, a)


def test_categories_have_no_ks() -> None:
    found = distribution_difference(NAMED, np.array([50, 50, 0, 9, 0, 0]), np.array([9] * 6))
    assert found is not None
    assert found.ks is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0, 0, 0, 0, 5, 5], [1, 2, 3, 0, 0, 0]),
        ([1, 2, 3, 0, 0, 0], [0, 0, 0, 0, 5, 5]),
        ([9, 0, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0]),
    ],
)
def test_nothing_to_test(a: Any, b: Any) -> None:
    assert distribution_difference(NAMED, np.array(a), np.array(b)) is None


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("n", [80, 1_000])
def test_an_interval_holds_the_true_quantile(probability: float, n: int) -> None:
    true = float(np.quantile(RNG.normal(size=400_000), probability))
    intervals = [quantile_interval(REFERENCE, row(n=n), probability) for _ in range(200)]
    known = [interval for interval in intervals if interval is not None]
    assert len(known) > 100
    held = sum(low <= true <= high for low, high in known)
    assert held >= 0.92 * len(known)
    width = np.median([high - low for low, high in known])
    assert width < 12 / n**0.5


def test_no_interval_from_too_few_values_or_beyond_the_range() -> None:
    assert quantile_interval(REFERENCE, row(n=5), 0.5) is None
    assert quantile_interval(REFERENCE, row(n=0), 0.5) is None
    assert quantile_interval(REFERENCE, row(n=30), 0.05) is None
    assert quantile_interval(REFERENCE, row(n=30), 0.95) is None
    assert quantile_interval(REFERENCE, row(50.0), 0.5) is None
    assert quantile_interval(NAMED, np.array([50, 30, 20, 0, 0, 0]), 0.5) is None


def test_quantiles_side_by_side() -> None:
    found = quantile_difference(REFERENCE, row(0.0), row(0.8), 0.5)
    assert found is not None
    assert 0.2 < found[0] < 0.8 < found[1] < 1.4
    assert quantile_difference(REFERENCE, row(0.0), row(50.0), 0.5) is None
