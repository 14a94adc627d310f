"""A baseline's figures of one feature, compiled once for comparing many windows with them."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.baselines import HOURS_OF_WEEK, FeatureBaseline
from stream.arrays import FloatArray, IntArray
from stream.sketches.grid import category_cells, full_edges
from stream.stats.coarse import (
    category_map,
    given_cells,
    joined_columns,
    kept_cells,
    map_of,
)
from stream.stats.outliers import outlier_cells
from stream.stats.seasons import season_counts

MISMATCH, MISSING = -2, -1
"""Cells of a count row for values of another type and for missing ones; see `stream.sketches`."""
COARSE_CELLS_MAX = 32
"""Value cells of a segment's row: deciles, both ends, and as many again for quantiles."""
SEASON_ROWS_MIN = 200
"""Rows below which the reference of some hours is none: as many as the smallest decision window
holds (`stream.stats.drift.budget`), so that it is no less sure than what it is compared with."""


@dataclass(frozen=True, slots=True)
class CoarseCells:
    """Cells that are unions of neighbouring grid cells.

    Attributes
    ----------
    last : (k,) place of the last grid cell of each coarse cell, ascending
    ring : whether what lies before the first and behind the last belongs together, as one cell
    counts : reference rows by coarse cell
    shares : the same, of all reference values
    total : reference rows in all of them
    smallest : the smallest share
    """

    last: npt.NDArray[np.intp]
    ring: bool
    counts: IntArray = field(init=False)
    shares: FloatArray = field(init=False)
    total: int = field(init=False)
    smallest: float = field(init=False)

    def compare_with(self, cumulated: IntArray) -> None:
        """Set the reference's own counts, from its cumulated grid cells."""
        counts = self.of(cumulated)
        total = int(counts.sum())
        shares = counts / max(1, total)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "shares", shares)
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "smallest", float(shares.min()))

    def of(self, cumulated: IntArray) -> IntArray:
        """Add grid cells up.

        Parameters
        ----------
        cumulated : (cells,) running sum of the counts of the grid cells

        Returns
        -------
        (k,) counts
        """
        reached = cumulated.take(self.last)
        counts = reached.copy()
        counts[1:] -= reached[:-1]
        if self.ring:
            counts[-1] += counts[0]
            return counts[1:]
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a feature, the prediction or the probability is compared with.

    Value cells are the grid cells of a count row without its last two, `MISMATCH` and `MISSING`.
    Kinds whose values have no cells of their own (text, embedding, set, id) have one, for values
    that are there.

    Attributes
    ----------
    baseline : what it was compiled from; its own counts are those of the grid, not always these
    counts : (cells,) its rows by cell
    cells : length of a count row
    rows : its rows, those without a value included
    missing : rows without a value
    total : rows with a value of the right type
    cumulative_shares : (value cells,) reference distribution function at the cells' upper ends
    tested : cells of `psi` and `chi2`: deciles, or every value cell of a categorical feature
    compared : cells of `js`, `hellinger` and `l_infinity`: Doane's bins and one for what lies
        outside of them, or every value cell of a categorical feature
    uppers : (value cells,) upper ends of numeric cells; empty where categorical
    below, above : last value cell below the reference's minimum, and last one inside its range
    grid_range : last value cell below the baseline's edges, and last one between them
    outlying : number of value cells below the lower outlier fence, and first one above the upper;
        None where there are no fences (`stream.stats.outliers`)
    seasons : (168, tested cells + 1) rows by hour of the week, missing last; (0, 0) without
    """

    baseline: FeatureBaseline
    counts: IntArray
    cells: int
    rows: int
    missing: int
    total: int
    cumulative_shares: FloatArray
    tested: CoarseCells
    compared: CoarseCells
    uppers: FloatArray
    below: int
    above: int
    grid_range: tuple[int, int]
    outlying: tuple[int, int] | None
    seasons: IntArray

    @property
    def numeric(self) -> bool:
        """Whether values have an order."""
        return len(self.uppers) > 0

    @property
    def tells_values(self) -> bool:
        """Whether values have cells, so that their distribution can be compared."""
        return len(self.tested.last) > 1

    @property
    def tells_unseen(self) -> bool:
        """Whether the cell `unseen` holds nothing that the baseline had seen.

        A baseline names only so many values; where it had more, its own rows lie in that cell.
        """
        return not self.numeric and self.tells_values and int(self.counts[-3]) == 0

    @classmethod
    def from_baseline(cls, baseline: FeatureBaseline) -> "Reference":
        """Compile a baseline.

        A baseline without counts compiles: figures of the window alone can be computed then.

        Raises
        ------
        ValueError
            When the counts or the seasons are not in the layout of a window's count row.
        """
        uppers = full_edges(np.array(baseline.edges))[:-1] if baseline.edges else np.empty(0)
        cells = len(uppers) + 2 if baseline.edges else category_cells(baseline)
        counts = np.array(baseline.counts or [0] * cells, dtype=np.int64)
        if len(counts) != cells:
            raise ValueError(f"the baseline has {len(counts)} counts for {cells} cells")
        last = cells - 3
        below = above = last
        grid_range = (last, last)
        outlying = None
        if baseline.edges:
            tested = CoarseCells(_places(uppers, baseline.decile_edges, last), ring=False)
            compared = CoarseCells(
                _places(uppers, baseline.doane_edges, last), ring=len(baseline.doane_edges) > 0
            )
            range_edges = baseline.doane_edges or baseline.edges
            below, above = _outermost(uppers, range_edges)
            grid_range = _outermost(uppers, baseline.edges)
            outlying = outlier_cells(np.cumsum(counts[:MISMATCH]), uppers, grid_range)
        else:
            tested = CoarseCells(np.arange(last + 1), ring=False)
            compared = CoarseCells(np.arange(last + 1), ring=False)
        return cls(
            baseline=baseline,
            cells=cells,
            tested=tested,
            compared=compared,
            uppers=uppers,
            below=below,
            above=above,
            grid_range=grid_range,
            outlying=outlying,
            seasons=_seasons(baseline, len(tested.last) + 1),
            **_summed(counts, tested, compared),
        )

    def for_hours(self, weights: FloatArray) -> "Reference | None":
        """Reference of some hours of the week, for windows that lie in them.

        Parameters
        ----------
        weights : (168,) share of the window's time in each hour of the week, from Monday 00:00
            UTC on

        Returns
        -------
        In the same cells. None without seasons, and below `SEASON_ROWS_MIN` rows with a value.

        Notes
        -----
        See `stream.stats.seasons` for how hours are joined, and for how many rows they count.

        Examples
        --------
        >>> from schemas.baselines import FeatureBaseline
        >>> seasons = [(0, 0, 0, 0)] * 168
        >>> seasons[9], seasons[10] = (280, 20, 0, 0), (100, 200, 0, 0)
        >>> reference = Reference.from_baseline(
        ...     FeatureBaseline(
        ...         kind="categorical",
        ...         categories=("DE", "FR"),
        ...         counts=(380, 220, 0, 0, 0),
        ...         seasons=tuple(seasons),
        ...     )
        ... )
        >>> at_nine = reference.for_hours(np.eye(168)[9])
        >>> at_nine.counts.tolist()
        [280, 20, 0, 0, 0]
        """
        if len(self.seasons) == 0:
            return None
        values, missing = season_counts(self.seasons, weights, self.counts, self.tested.last)
        if int(values.sum()) < SEASON_ROWS_MIN:
            return None
        return self.with_counts(np.concatenate([values, [0, missing]]))

    def with_counts(self, counts: IntArray) -> "Reference":
        """Reference of other rows in the same cells, such as those of a segment.

        Parameters
        ----------
        counts : (cells,) the other rows

        Raises
        ------
        ValueError
            When they are not as many cells.
        """
        if len(counts) != self.cells:
            raise ValueError(f"there are {len(counts)} counts for {self.cells} cells")
        tested, compared = (
            CoarseCells(cells.last, cells.ring) for cells in (self.tested, self.compared)
        )
        return replace(self, tested=tested, compared=compared, **_summed(counts, tested, compared))

    def coarsened(self, cells_max: int = COARSE_CELLS_MAX) -> tuple["Reference", IntArray]:
        """Reference in fewer cells, for rows of which there are many: those of segments.

        Parameters
        ----------
        cells_max : bound on the value cells, at least 16

        Returns
        -------
        reference : the coarse one
        cell_map : (cells,) coarse cell of each cell; ``np.bincount(cell_map, row)`` is the coarse
            row

        Notes
        -----
        A numeric row keeps the edges of its range, its outlier fences and its deciles, so that
        `psi`, `chi2` and rates stay what they are; further cells, where the reference has most,
        bound the error of quantiles and of `ks`, which is at most the largest cell's share. Doane's
        bins are kept if they fit; if not, `js`, `hellinger` and `l_infinity` are on the deciles. A
        discrete row of more values than fit joins neighbours. A categorical row keeps its most
        frequent categories and joins the others in the cell `other`.

        Examples
        --------
        >>> from schemas.baselines import FeatureBaseline
        >>> reference = Reference.from_baseline(
        ...     FeatureBaseline(kind="categorical", categories=("a", "b"), counts=(5, 4, 0, 0, 1))
        ... )
        >>> coarse, cell_map = reference.coarsened()
        >>> coarse.counts.tolist(), cell_map.tolist()
        ([5, 4, 0, 0, 1], [0, 1, 2, 3, 4])
        """
        return _coarse_numeric(self, cells_max) if self.numeric else _coarse_named(self, cells_max)


def _summed(counts: IntArray, tested: CoarseCells, compared: CoarseCells) -> dict[str, Any]:
    """Fields of a reference that follow from its counts; counts its coarse cells."""
    cumulated = np.cumsum(counts[:MISMATCH])
    total = int(cumulated[-1])
    tested.compare_with(cumulated)
    compared.compare_with(cumulated)
    return {
        "counts": counts,
        "rows": int(counts.sum()),
        "missing": int(counts[MISSING]),
        "total": total,
        "cumulative_shares": cumulated / max(1, total),
    }


def _seasons(baseline: FeatureBaseline, columns: int) -> IntArray:
    if not baseline.seasons:
        return np.empty((0, 0), dtype=np.int64)
    seasons = np.array(baseline.seasons, dtype=np.int64)
    if seasons.shape != (HOURS_OF_WEEK, columns):
        raise ValueError(
            f"the baseline has seasons of {seasons.shape} cells, not {(HOURS_OF_WEEK, columns)}"
        )
    return seasons


def _coarse_numeric(fine: Reference, cells_max: int) -> tuple[Reference, IntArray]:
    ends = [fine.below, fine.above, *fine.grid_range]
    if fine.outlying is not None:
        ends += [cell - 1 for cell in fine.outlying if cell > 0]
    cumulated = np.cumsum(fine.counts[:MISMATCH])
    if fine.baseline.segment_cells:
        last, tested_last, compared_fit = given_cells(
            fine.baseline.segment_cells, fine.tested.last, fine.compared.last
        )
    else:
        last, tested_last, compared_fit = kept_cells(
            cumulated, np.array(ends), fine.tested.last, fine.compared.last, cells_max
        )
    cell_map = map_of(last, len(cumulated))
    tested = CoarseCells(np.searchsorted(last, tested_last), ring=False)
    compared = (
        CoarseCells(np.searchsorted(last, fine.compared.last), fine.compared.ring)
        if compared_fit
        else CoarseCells(tested.last, ring=False)
    )
    # Of cells that are given none may end where the range does: those wholly outside count.
    below, low = (np.searchsorted(last, [ends[0], ends[2]], side="right") - 1).tolist()
    above, high = np.searchsorted(last, [ends[1], ends[3]]).tolist()
    outlying = fine.outlying and (
        _cells_up_to(last, fine.outlying[0]),
        _cells_up_to(last, fine.outlying[1]),
    )
    columns = np.append(np.searchsorted(tested_last, fine.tested.last), len(tested_last))
    coarse = Reference(
        baseline=fine.baseline,
        cells=len(last) + 2,
        tested=tested,
        compared=compared,
        uppers=fine.uppers[last],
        below=below,
        above=above,
        grid_range=(low, high),
        outlying=outlying,
        seasons=joined_columns(fine.seasons, columns),
        **_summed(np.bincount(cell_map, fine.counts).astype(np.int64), tested, compared),
    )
    return coarse, cell_map


def _cells_up_to(last: npt.NDArray[np.intp], cells: int) -> int:
    """How many coarse cells the first `cells` fine ones make up."""
    return int(np.searchsorted(last, cells))


def _coarse_named(fine: Reference, cells_max: int) -> tuple[Reference, IntArray]:
    given = fine.baseline.segment_cells
    if not given and fine.cells + MISMATCH <= cells_max:
        return fine, np.arange(fine.cells)
    other = len(fine.baseline.other_categories) > 0
    cell_map = np.array(given or category_map(fine.counts, cells_max, has_other=other))
    cells = int(cell_map[-1]) + 1
    last = cells - 3
    tested, compared = (CoarseCells(np.arange(last + 1), ring=False) for _ in range(2))
    columns = np.append(cell_map[:MISMATCH], last + 1)
    coarse = Reference(
        baseline=fine.baseline,
        cells=cells,
        tested=tested,
        compared=compared,
        uppers=fine.uppers,
        below=last,
        above=last,
        grid_range=(last, last),
        outlying=None,
        seasons=joined_columns(fine.seasons, columns),
        **_summed(np.bincount(cell_map, fine.counts).astype(np.int64), tested, compared),
    )
    return coarse, cell_map


def _places(uppers: FloatArray, edges: tuple[float, ...], last: int) -> npt.NDArray[np.intp]:
    return np.append(np.searchsorted(uppers, edges), last)


def _outermost(uppers: FloatArray, edges: tuple[float, ...]) -> tuple[int, int]:
    first, last = np.searchsorted(uppers, [edges[0], edges[-1]]).tolist()
    return first, last
