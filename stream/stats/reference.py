"""A baseline's figures of one feature, compiled once for comparing many windows with them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas.baselines import FeatureBaseline
from stream.arrays import FloatArray, IntArray
from stream.sketches.grid import category_cells, full_edges

MISMATCH, MISSING = -2, -1
"""Cells of a count row for values of another type and for missing ones; see `stream.sketches`."""


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


@dataclass(frozen=True, slots=True)
class Reference:
    """What a feature, the prediction or the probability is compared with.

    Value cells are the grid cells of a count row without its last two, `MISMATCH` and `MISSING`.

    Attributes
    ----------
    baseline : what it was compiled from
    cells : length of a count row
    rows : rows of the baseline, those without a value included
    missing : rows without a value
    total : rows with a value of the right type
    cumulative_shares : (value cells,) reference distribution function at the cells' upper ends
    tested : cells of `psi` and `chi2`: deciles, or every value cell of a categorical feature
    compared : cells of `js`, `hellinger` and `l_infinity`: Doane's bins and one for what lies
        outside of them, or every value cell of a categorical feature
    uppers : (value cells,) upper ends of numeric cells; empty where categorical
    below, above : last value cell below the reference's minimum, and last one inside its range
    grid_range : last value cell below the baseline's edges, and last one between them
    """

    baseline: FeatureBaseline
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

    @property
    def numeric(self) -> bool:
        """Whether values have an order."""
        return len(self.uppers) > 0

    @property
    def tells_unseen(self) -> bool:
        """Whether the cell `unseen` holds nothing that the baseline had seen.

        A baseline names only so many values; where it had more, its own rows lie in that cell.
        """
        return not self.numeric and (self.rows == 0 or self.baseline.counts[-3] == 0)

    @classmethod
    def from_baseline(cls, baseline: FeatureBaseline) -> "Reference":
        """Compile a baseline.

        A baseline without counts compiles: figures of the window alone can be computed then.

        Raises
        ------
        ValueError
            When the counts are not in the layout of a window's count row.
        """
        uppers = full_edges(np.array(baseline.edges))[:-1] if baseline.edges else np.empty(0)
        cells = len(uppers) + 2 if baseline.edges else category_cells(baseline)
        counts = np.array(baseline.counts or [0] * cells, dtype=np.int64)
        if len(counts) != cells:
            raise ValueError(f"the baseline has {len(counts)} counts for {cells} cells")
        cumulated = np.cumsum(counts[:MISMATCH])
        total = int(cumulated[-1])
        last = len(cumulated) - 1
        below = above = last
        grid_range = (last, last)
        if baseline.edges:
            tested = CoarseCells(_places(uppers, baseline.decile_edges, last), ring=False)
            compared = CoarseCells(
                _places(uppers, baseline.doane_edges, last), ring=len(baseline.doane_edges) > 0
            )
            range_edges = baseline.doane_edges or baseline.edges
            below, above = _outermost(uppers, range_edges)
            grid_range = _outermost(uppers, baseline.edges)
        else:
            tested = CoarseCells(np.arange(last + 1), ring=False)
            compared = CoarseCells(np.arange(last + 1), ring=False)
        tested.compare_with(cumulated)
        compared.compare_with(cumulated)
        return cls(
            baseline=baseline,
            cells=cells,
            rows=int(counts.sum()),
            missing=int(counts[MISSING]),
            total=total,
            cumulative_shares=cumulated / max(1, total),
            tested=tested,
            compared=compared,
            uppers=uppers,
            below=below,
            above=above,
            grid_range=grid_range,
        )


def _places(uppers: FloatArray, edges: tuple[float, ...], last: int) -> npt.NDArray[np.intp]:
    return np.append(np.searchsorted(uppers, edges), last)


def _outermost(uppers: FloatArray, edges: tuple[float, ...]) -> tuple[int, int]:
    first, last = np.searchsorted(uppers, [edges[0], edges[-1]]).tolist()
    return first, last
