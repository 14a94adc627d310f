"""The KS distance from counts lies within one cell of that of the values, and never above it.

The cell is the one with the largest share of the reference among those wider than one float: a
value with more than 1/256 of the reference has a cell of its own, so that share is at most 1/256.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from schemas.baselines import FeatureBaseline
from stream.arrays import FloatArray
from tests.golden.peers.housing import NUMERIC, read_columns, read_weeks
from tests.golden.peers.ours import baselines_of, figures_of

SHARE_MAX = 1 / 256
ROUNDING = 1e-12


def zeros_or(draw: Callable[[np.random.Generator, int], FloatArray]) -> Any:
    return lambda rng, n: np.where(rng.random(n) < 0.3, 0.0, draw(rng, n))


SHAPES: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "30 % zeros": zeros_or(lambda rng, n: rng.exponential(size=n)),
    "30 % zeros within": zeros_or(lambda rng, n: rng.normal(size=n)),
    "capped on both sides": lambda rng, n: np.clip(rng.normal(size=n), -1.0, 0.5),
    "atoms between": lambda rng, n: np.where(
        rng.random(n) < 0.5, rng.integers(0, 9, n), rng.random(n)
    ),
    "coarse ties": lambda rng, n: np.round(rng.normal(size=n), 1),
    "fine ties": lambda rng, n: np.round(rng.exponential(size=n), 3),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "two scales": lambda rng, n: rng.normal(size=n) * 10.0 ** rng.integers(-6, 7, n),
}


def largest_cell(baseline: FeatureBaseline, values: FloatArray) -> float:
    """Largest share of the reference in a cell that is wider than one float."""
    edges = np.array(baseline.edges)
    shares = np.diff(np.searchsorted(np.sort(values), edges, side="right")) / len(values)
    wide = np.nextafter(edges[:-1], np.inf) < edges[1:]
    return float(shares[wide].max(initial=0.0))


def assert_within_a_cell(
    baseline: FeatureBaseline, values: FloatArray, current: FloatArray
) -> None:
    found = figures_of(baseline, current)["ks"]
    exact = float(stats.ks_2samp(current, values, method="asymp").statistic)
    bound = largest_cell(baseline, values)
    assert bound <= SHARE_MAX
    assert exact - bound - ROUNDING <= found <= exact + ROUNDING


@pytest.mark.parametrize("column", NUMERIC)
def test_on_housing(column: Any) -> None:
    values = read_columns("reference")[column]
    baseline = baselines_of({column: values})[column]
    present = values[~np.isnan(values)]
    for week in read_weeks():
        current = week[column]
        assert_within_a_cell(baseline, present, current[~np.isnan(current)])


@pytest.mark.parametrize("rows", [30, 256, 257, 2_000, 20_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_on_zeros_caps_ties_and_tails(shape: Any, rows: Any) -> None:
    rng = np.random.default_rng(rows)
    values = SHAPES[shape](rng, rows)
    baseline = baselines_of({"x": values})["x"]
    for shift, scale in ((0.0, 1.0), (0.3, 1.0), (0.0, 1.5), (-9.0, 0.1)):
        current = SHAPES[shape](rng, 300) * scale + shift
        assert_within_a_cell(baseline, values, current)


def test_the_bound_is_reached() -> None:
    """All current values lie just behind an edge, and all of the cell's reference values later."""
    values = np.arange(25_600.0)
    baseline = baselines_of({"x": values})["x"]
    current = np.full(100, np.nextafter(baseline.edges[1], np.inf))
    assert_within_a_cell(baseline, values, current)
    exact = stats.ks_2samp(current, values, method="asymp").statistic
    assert exact - figures_of(baseline, current)["ks"] == pytest.approx(SHARE_MAX)
