"""Our figures beside Evidently's on California housing, week by week, and with an extreme value.

Evidently is not installed here: its numbers were recorded, see `peers/README.md`. Its rules, as
its source has them and as this file repeats them:

* Classes, and numbers of which the reference has at most 20 different values, are compared value
  by value; each new value is a cell. Other numbers: Sturges' bins of both samples together.
* For `psi`, a share of 0 becomes 1e-4, or, where the smallest share above 0 of that sample is at
  most 1e-4, a millionth of that share. Ours raises every share below 1e-4 to 1e-4, and new values
  are one cell. So the two agree where at most one value is new and no share lies below 1e-4.
* `jensenshannon` is the distance with natural logarithms: ours times the root of ln 2. New values
  add the same whether they share a cell or not.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from schemas.features import FeatureKind
from stream.arrays import FloatArray, IntArray
from stream.stats.drift.decision import decide
from stream.stats.drift.figures import drift_figures
from stream.stats.reference import Reference
from tests.golden.peers.housing import CATEGORICAL, FEW_VALUED, read_columns, read_weeks
from tests.golden.peers.ours import (
    baselines_of,
    class_counts,
    counts_of,
    figures_of,
    read_recording,
    with_new_joined,
)
from tests.golden.peers.synthetic import EXTREME, rare_categories, shifted

RECORDED = read_recording("evidently.json")
REFERENCE = read_columns("reference")
WEEKS = read_weeks()
BASELINES = baselines_of({name: REFERENCE[name] for name in CATEGORICAL})
SHARE_MIN = 1e-4


def ours(column: str, figure: str) -> FloatArray:
    return np.array([figures_of(BASELINES[column], week[column])[figure] for week in WEEKS])


def theirs(column: str, method: str) -> FloatArray:
    return np.array(RECORDED["values"][column][method])


def tables(column: str) -> list[tuple[IntArray, int]]:
    """Counts by value and the number of new values, of each week."""
    return [class_counts(REFERENCE[column], week[column]) for week in WEEKS]


def filled_as_theirs(shares: FloatArray) -> FloatArray:
    smallest = shares[shares > 0].min()
    return np.where(shares == 0, smallest / 1e6 if smallest <= SHARE_MIN else SHARE_MIN, shares)


def filled_as_ours(shares: FloatArray) -> FloatArray:
    return np.maximum(shares, SHARE_MIN)


def index_of(table: Any, fill: Callable[[FloatArray], FloatArray]) -> float:
    """Population stability index of two rows of counts."""
    reference, current = (fill(counts / counts.sum()) for counts in np.asarray(table))
    return float(np.sum((current - reference) * np.log(current / reference)))


def pooled_histogram(reference: FloatArray, current: FloatArray) -> Any:
    """Sturges' bins of both samples together."""
    bins = np.histogram_bin_edges(np.concatenate([reference, current]), "sturges")
    return [np.histogram(values, bins)[0] for values in (reference, current)]


def test_weeks_hold_the_same_rows() -> None:
    assert RECORDED["rows"] == [len(week[FEW_VALUED]) for week in WEEKS]


@pytest.mark.parametrize("column", [*CATEGORICAL, FEW_VALUED])
def test_their_index_is_what_their_rule_says(column: Any) -> None:
    expected = [index_of(table, filled_as_theirs) for table, _ in tables(column)]
    assert theirs(column, "psi") == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize("column", ["AgeBand", "Class", "Zone"])
def test_psi_is_theirs(column: Any) -> None:
    """Empty cells or not: below 10,000 rows no share but 0 is less than 1e-4."""
    assert max(new for _, new in tables(column)) <= 1
    assert ours(column, "psi") == pytest.approx(theirs(column, "psi"), rel=0, abs=1e-9)


def test_weeks_with_and_without_empty_cells_were_compared() -> None:
    empty = [(table == 0).any() for table, _ in tables("AgeBand")]
    assert any(empty)
    assert not all(empty)


@pytest.mark.parametrize("kind", [FeatureKind.DISCRETE, FeatureKind.CATEGORICAL])
def test_psi_of_few_valued_numbers_is_theirs(kind: Any) -> None:
    assert max(new for _, new in tables(FEW_VALUED)) == 0
    reference = {FEW_VALUED: REFERENCE[FEW_VALUED]}
    baseline = baselines_of(reference, kinds={FEW_VALUED: kind})[FEW_VALUED]
    found = [figures_of(baseline, week[FEW_VALUED])["psi"] for week in WEEKS]
    assert found == pytest.approx(theirs(FEW_VALUED, "psi"), rel=0, abs=1e-9)


def test_new_values_are_one_cell_here_and_as_many_there() -> None:
    found = tables("Square")
    several = np.array([new > 1 for _, new in found])
    assert several.any()
    assert not several.all()
    joined = [index_of(with_new_joined(*table), filled_as_ours) for table in found]
    assert ours("Square", "psi") == pytest.approx(joined, rel=0, abs=1e-9)
    assert ours("Square", "psi")[~several] == pytest.approx(
        theirs("Square", "psi")[~several], rel=0, abs=1e-9
    )


def test_shares_below_the_floor_are_raised_here_and_empty_ones_lowered_there() -> None:
    reference, current = (np.array(values) for values in rare_categories())
    table, new = class_counts(reference, current)
    assert new == 1
    figures = figures_of(baselines_of({"x": reference})["x"], current)
    recorded = RECORDED["rare_categories"]
    assert recorded["psi"] == pytest.approx(index_of(table, filled_as_theirs), abs=1e-9)
    assert figures["psi"] == pytest.approx(index_of(table, filled_as_ours), abs=1e-9)
    assert recorded["psi"] > 2 * figures["psi"]
    assert recorded["jensenshannon"] == pytest.approx(figures["js"] * math.sqrt(math.log(2)))


@pytest.mark.parametrize("column", CATEGORICAL)
def test_js_is_theirs_in_another_base(column: Any) -> None:
    expected = ours(column, "js") * math.sqrt(math.log(2))
    assert theirs(column, "jensenshannon") == pytest.approx(expected, rel=0, abs=1e-9)


def test_one_extreme_value_hides_a_shift_there() -> None:
    reference, current = shifted()
    with_extreme = np.append(current, EXTREME)
    for recorded, values in (("shifted", current), ("shifted_with_an_extreme", with_extreme)):
        expected = index_of(pooled_histogram(reference, values), filled_as_theirs)
        assert RECORDED[recorded]["psi"] == pytest.approx(expected, abs=1e-9)
    assert RECORDED["shifted"]["psi"] > 0.9
    assert RECORDED["shifted_with_an_extreme"]["psi"] < 0.01


def test_one_extreme_value_moves_psi_by_one_count_here() -> None:
    reference, current = shifted()
    baseline = baselines_of({"x": reference})["x"]
    plain = figures_of(baseline, current)["psi"]
    found = figures_of(baseline, np.append(current, EXTREME))["psi"]
    # Any other value of the top decile moves it to the same place ...
    assert found == figures_of(baseline, np.append(current, 2.0))["psi"]
    # ... which is no further than one count can: the shares move by at most 2/(n + 1) in sum, the
    # index by at most that times its steepest slope, |ln(c/r) + 1 - r/c|, on the way.
    edges = np.concatenate([[-np.inf], np.quantile(reference, np.arange(1, 10) / 10), [np.inf]])
    shares = [np.histogram(x, edges)[0] / len(x) for x in (current, np.append(current, EXTREME))]
    ratios = np.maximum(shares, SHARE_MIN) * 10
    steepest = float(np.abs(np.log(ratios) + 1 - 1 / ratios).max())
    assert abs(found - plain) <= steepest * 2 / (len(current) + 1)
    assert found > 0.9
    test = drift_figures(
        Reference.from_baseline(baseline), counts_of(baseline, np.append(current, EXTREME))
    ).test
    assert test is not None
    assert decide({"x": test}, alpha=1e-6)["x"].drifted


def test_the_recording_is_of_the_pinned_version() -> None:
    assert RECORDED["versions"]["evidently"] == "0.7.23"
