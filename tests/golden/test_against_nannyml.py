"""Our figures beside NannyML's on California housing, week by week.

NannyML is not installed here: its numbers were recorded, see `peers/README.md`.
"""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from schemas.baselines import FeatureBaseline
from stream.arrays import FloatArray
from stream.stats.drift.wasserstein import Wasserstein, wasserstein
from stream.stats.reference import MISMATCH, Reference
from tests.golden.peers.housing import CATEGORICAL, NUMERIC, read_columns, read_weeks, week_starts
from tests.golden.peers.ours import (
    baselines_of,
    class_counts,
    counts_of,
    figures_of,
    read_recording,
    with_new_joined,
)
from tests.golden.peers.synthetic import large

RECORDED = read_recording("nannyml.json")
REFERENCE = read_columns("reference")
WEEKS = read_weeks()
BASELINES = baselines_of({name: REFERENCE[name] for name in (*NUMERIC, *CATEGORICAL)})
LARGEST_CELL = 1 / 256  # of several values, by the grid's guarantee


def ours(column: str, figure: str) -> FloatArray:
    return np.array([figures_of(BASELINES[column], week[column])[figure] for week in WEEKS])


def theirs(column: str, method: str) -> FloatArray:
    return np.array(RECORDED["values"][column][method])


def tables(column: str) -> list[Any]:
    """Counts by class and the number of new classes, of each week."""
    return [class_counts(REFERENCE[column], week[column]) for week in WEEKS]


def pearson(table: Any, *, yates: bool = False) -> float:
    return float(stats.chi2_contingency(table, correction=yates).statistic)


def largest_gap(table: Any) -> float:
    reference, current = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(reference - current).max())


def test_weeks_hold_the_same_rows() -> None:
    starts, rows = np.unique(week_starts("analysis"), return_counts=True)
    assert [str(start.astype("datetime64[D]")) for start in starts.astype("datetime64[ms]")] == (
        RECORDED["weeks"]
    )
    assert rows.tolist() == RECORDED["rows"] == [len(week["MedInc"]) for week in WEEKS]


@pytest.mark.parametrize("figure", ["js", "hellinger"])
@pytest.mark.parametrize("column", [*NUMERIC, *CATEGORICAL])
def test_distances_are_theirs(column: Any, figure: Any) -> None:
    method = {"js": "jensen_shannon"}.get(figure, figure)
    assert ours(column, figure) == pytest.approx(theirs(column, method), rel=0, abs=1e-9)


@pytest.mark.parametrize("column", NUMERIC)
def test_ks_is_theirs_within_a_cell(column: Any) -> None:
    exact, found = theirs(column, "kolmogorov_smirnov"), ours(column, "ks")
    assert np.all(found <= exact + 1e-12)
    assert np.all(found >= exact - LARGEST_CELL)


@pytest.mark.parametrize("column", ["AgeBand", "Class", "Zone"])
def test_l_infinity_is_theirs(column: Any) -> None:
    assert max(new for _, new in tables(column)) <= 1
    assert ours(column, "l_infinity") == pytest.approx(
        theirs(column, "l_infinity"), rel=0, abs=1e-9
    )


@pytest.mark.parametrize("column", ["AgeBand", "Square", "Zone"])
def test_chi2_is_theirs(column: Any) -> None:
    """New classes may share a cell: each adds its count times m/n, so the sum stays the same."""
    assert ours(column, "chi2") == pytest.approx(theirs(column, "chi2"), rel=1e-9)


def test_new_classes_are_one_cell_of_l_infinity_here_and_as_many_there() -> None:
    """A grid is fixed before the new classes come, so they share a cell; NannyML tells them apart.

    Both figures then are what their cells make them, and equal where at most one class is new.
    """
    several = np.array([new > 1 for _, new in tables("Square")])
    assert several.any()
    assert not several.all()
    mine, peers = ours("Square", "l_infinity"), theirs("Square", "l_infinity")
    joined = [largest_gap(with_new_joined(*table)) for table in tables("Square")]
    assert mine == pytest.approx(joined, rel=0, abs=1e-9)
    apart = [largest_gap(table) for table, _ in tables("Square")]
    assert peers == pytest.approx(apart, rel=0, abs=1e-9)
    assert mine[~several] == pytest.approx(peers[~several], rel=0, abs=1e-9)
    # A cell of several can only hold more than each of them.
    assert np.all(mine >= peers - 1e-12)


def test_chi2_of_two_classes_has_yates_correction_there_and_none_here() -> None:
    found = [table for table, _ in tables("Class")]
    assert {table.shape for table in found} == {(2, 2)}
    assert ours("Class", "chi2") == pytest.approx([pearson(t) for t in found], rel=1e-9)
    corrected = [pearson(t, yates=True) for t in found]
    assert theirs("Class", "chi2") == pytest.approx(corrected, rel=1e-9)


def area_between(column: FeatureBaseline, values: FloatArray) -> Wasserstein:
    """Our Wasserstein distance, its exact sums of excess taken from the values themselves."""
    excess = (
        float(np.maximum(column.edges[0] - values, 0.0).sum()),
        float(np.maximum(values - column.edges[-1], 0.0).sum()),
    )
    cumulated = np.cumsum(counts_of(column, values)[:MISMATCH])
    found = wasserstein(Reference.from_baseline(column), cumulated, excess)
    assert found is not None
    return found


@pytest.mark.parametrize("column", NUMERIC)
def test_wasserstein_is_theirs_within_its_bound(column: Any) -> None:
    for week, exact in zip(WEEKS, theirs(column, "wasserstein"), strict=True):
        values = week[column][~np.isnan(week[column])]
        found = area_between(BASELINES[column], values)
        assert abs(found.distance - exact) <= found.error_max + 1e-9 * exact
        # A bound of the distance's own size would say nothing.
        assert found.error_max < exact / 2


def test_a_large_reference_is_compared_exactly_there_no_more() -> None:
    """From 10,000 rows on NannyML counts in 10,000 equal bins, too wide for long tails."""
    reference, current = large()
    column = baselines_of({"x": reference})["x"]
    exact = stats.ks_2samp(reference, current).statistic
    found = figures_of(column, current)["ks"]
    assert exact - LARGEST_CELL <= found <= exact + 1e-12
    assert RECORDED["large_reference"]["kolmogorov_smirnov"] < exact / 2
    exact = stats.wasserstein_distance(reference, current)
    area = area_between(column, current)
    error = abs(area.distance - exact)
    assert error <= area.error_max
    assert error < abs(RECORDED["large_reference"]["wasserstein"] - exact)


def test_the_recording_is_of_the_pinned_version() -> None:
    assert RECORDED["versions"]["nannyml"] == "0.13.1"
