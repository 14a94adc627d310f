"""Histograms for drawing: a feature's grid, made coarse enough to look at.

Bars are unions of grid cells, so their counts are exact. Their edges lie as near to equal widths as
the grid allows; what is below the baseline's minimum or above its maximum has a bar of its own.
"""

from dataclasses import dataclass

import numpy as np

from schemas.baselines import FeatureBaseline
from schemas.keys import HISTOGRAM_BARS_MAX
from stream.arrays import IntArray
from stream.sketches.grid import full_edges

_NOT_VALUES_NUMERIC = 2  # mismatch and missing
_NOT_VALUES_CATEGORICAL = 2


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars of a feature.

    Attributes
    ----------
    edges
        Numeric: k - 1 inner edges of the k bars, the first of which is open below, the last above.
        Categorical: k names; `other` and `unseen` are the last two.
    counts, baseline
        k counts, of the window and of the baseline.
    """

    edges: list[float] | list[str]
    counts: list[int]
    baseline: list[int]


@dataclass(frozen=True, slots=True)
class Bars:
    """How the cells of a row make bars; compiled once for a baseline."""

    edges: list[float] | list[str]
    first_cells: IntArray
    values: int
    baseline: list[int]

    @classmethod
    def of(cls, reference: FeatureBaseline) -> "Bars | None":
        """Choose bars; None where the baseline holds no value."""
        counts = np.array(reference.counts, dtype=np.int64)
        if len(counts) == 0:
            return None
        return _numeric(reference, counts) if reference.edges else _categorical(reference, counts)

    def draw(self, row: IntArray) -> Histogram:
        """Add the cells of a window's row up to bars."""
        counts = np.add.reduceat(row[: self.values], self.first_cells)
        return Histogram(self.edges, counts.tolist(), self.baseline)


def _numeric(reference: FeatureBaseline, counts: IntArray) -> Bars:
    upper = full_edges(np.array(reference.edges))[:-1]  # of the value cells
    low, high = reference.edges[0], reference.edges[-1]
    wanted = np.linspace(low, high, HISTOGRAM_BARS_MAX - 1)
    own = np.array(reference.edges)
    nearest = own[np.abs(own[None, :] - wanted[:, None]).argmin(axis=1)]
    edges = np.unique(nearest)
    first = np.concatenate([[0], np.searchsorted(upper, edges, side="left") + 1]).astype(np.int64)
    values = len(counts) - _NOT_VALUES_NUMERIC
    baseline = np.add.reduceat(counts[:values], first)
    return Bars(edges.tolist(), first, values, baseline.tolist())


def _categorical(reference: FeatureBaseline, counts: IntArray) -> Bars:
    shown = min(len(reference.categories), HISTOGRAM_BARS_MAX - 2)
    values = len(counts) - _NOT_VALUES_CATEGORICAL
    cells = [*range(shown + 1), values - 1] if values - 1 > shown else [*range(shown), values - 1]
    names = [*reference.categories[:shown], *(["other"] if values - 1 > shown else []), "unseen"]
    first = np.array(cells, dtype=np.int64)
    return Bars(names, first, values, np.add.reduceat(counts[:values], first).tolist())
