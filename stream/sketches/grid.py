"""The reference grid: cells fixed by a baseline, in which current values are counted exactly.

Counts add, so windows, partitions and workers merge by ``+`` in any order. A numeric row holds

* the value cells ``(edge i-1, edge i]``: 64 geometric cells below the reference's minimum, the
  baseline's own edges, 64 geometric cells above its maximum,
* then one cell for values of another type (``mismatch``) and one for missing ones.

A categorical row holds one cell for each category, one for ``other`` where the baseline has rare
values without a cell of their own, then ``unseen``, ``mismatch`` and ``missing``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.baselines import FeatureBaseline
from stream.arrays import FloatArray, IntArray

GEOMETRIC_CELLS = 64
"""Open-ended cells on each side, doubling in width: from 1/256 of the range to 2**55 of it."""
_FIRST_POWER = -8
MISMATCH = float("inf")
"""Stands for a value of another type in a numeric column; JSON has no infinity of its own."""


@dataclass(frozen=True, slots=True)
class NumericGrid:
    """Cells of a numeric column.

    Attributes
    ----------
    edges : ascending upper edges of the value cells, then the largest float, then infinity
    low, high : the baseline's range; values beyond are summed apart
    scale_exponent : sums count in units of ``2**scale_exponent``
    """

    edges: FloatArray
    low: float
    high: float
    scale_exponent: int

    @classmethod
    def from_baseline(cls, reference: FeatureBaseline) -> "NumericGrid":
        """Extend a baseline's edges by the geometric cells on both sides."""
        own = np.array(reference.edges)
        # The first edge lies just below the smallest value.
        low, high = float(np.nextafter(own[0], np.inf)), float(own[-1])
        return cls(full_edges(own), low, high, reference.scale_exponent)

    @property
    def cells(self) -> int:
        """Cells of the row, mismatch and missing included."""
        return len(self.edges) + 1

    def coarsened(self, cell_map: IntArray) -> "NumericGrid":
        """Join neighbouring cells.

        Parameters
        ----------
        cell_map : (cells,) coarse cell of each cell, mismatch and missing included; ascending
        """
        last = np.flatnonzero(np.diff(cell_map))
        return NumericGrid(self.edges[last], self.low, self.high, self.scale_exponent)

    def count_sorted(self, column: FloatArray) -> IntArray:
        """Count an ascending column, shape ``(n,)``, NaN (missing) last, into ``(cells,)``.

        Sorting first and searching the edges in the values is five times faster than searching
        each value in the edges, and gives the same counts.
        """
        reached = np.searchsorted(column, self.edges, side="right")
        counts = np.empty(len(self.edges) + 1, dtype=np.int64)
        counts[0] = reached[0]
        np.subtract(reached[1:], reached[:-1], out=counts[1:-1])
        counts[-1] = len(column) - reached[-1]
        return counts


def full_edges(edges: FloatArray) -> FloatArray:
    """Baseline edges (first = just below the minimum, last = maximum) with both open ends.

    Examples
    --------
    >>> full = full_edges(np.array([0.0, 1.0]))
    >>> len(full), float(full[-1])
    (130, inf)
    """
    low, high = float(edges[0]), float(edges[-1])
    span = high - low
    # A constant has the span of one float, which no cell could double.
    if span <= 2 * np.spacing(max(abs(low), abs(high))) or not np.isfinite(span):
        span = abs(high) or 1.0
    steps = span * np.exp2(np.arange(GEOMETRIC_CELLS - 1) + _FIRST_POWER)
    largest = np.finfo(np.float64).max
    above = np.minimum(high + steps, largest)
    below = np.maximum(low - steps[::-1], -largest)
    return np.unique(np.concatenate([below, edges, above, [largest, np.inf]]))


def category_codes(categories: Sequence[str], other: Sequence[str] = ()) -> dict[Any, int]:
    """Map every JSON value that names a category to its cell.

    Numbers compare by value: the category ``"1"`` is named by ``"1"``, ``1``, ``1.0`` and ``true``.

    Parameters
    ----------
    categories : those with a cell of their own
    other : those that share the cell behind them

    Examples
    --------
    >>> codes = category_codes(["FR", "1"], ["MT", "LI"])
    >>> codes["FR"], codes[1.0], codes[True], codes["MT"], codes["LI"]
    (0, 1, 1, 2, 2)
    """
    codes: dict[Any, int] = {}
    for cell, category in enumerate([*categories, *other]):
        shared = min(cell, len(categories))
        codes[category] = shared
        try:
            number = float(category)
        except ValueError:
            continue
        if np.isfinite(number):
            codes.setdefault(number, shared)
    return codes


def category_cells(reference: FeatureBaseline) -> int:
    """Cells of a categorical row: categories, ``other`` if any, unseen, mismatch, missing.

    Examples
    --------
    >>> category_cells(FeatureBaseline(kind="categorical", categories=("DE", "FR")))
    5
    """
    return len(reference.categories) + bool(reference.other_categories) + 3
