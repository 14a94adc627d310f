"""Quantiles from counts in grid cells."""

import math
from collections.abc import Sequence

import numpy as np

from stream.arrays import FloatArray, IntArray


def quantiles(
    cumulated: IntArray,
    uppers: FloatArray,
    inside: tuple[int, int],
    probabilities: Sequence[float],
    extremes: tuple[float, float] | None = None,
) -> list[float | None]:
    """Quantiles, interpolated inside cells.

    Parameters
    ----------
    cumulated : (cells,) running sum of the counts
    uppers : (cells,) upper ends of the cells
    inside : last cell below the grid's range, and last cell of the range
    probabilities : between 0 and 1
    extremes : the exact smallest and largest value, where known

    Returns
    -------
    One quantile for each probability. None where nothing was counted, and where the cell lies
    beyond the grid's range, unless it is the outermost with values, whose far end is known from
    `extremes`.

    Notes
    -----
    The error is at most the width of the cell, cut at the extremes; a cell of one value has none.

    Examples
    --------
    >>> cumulated, uppers = np.array([0, 2, 4, 4]), np.array([0.0, 1.0, 2.0, 4.0])
    >>> quantiles(cumulated, uppers, (0, 2), [0.25, 0.75])
    [0.5, 1.5]
    """
    total = int(cumulated[-1])
    if total == 0:
        return [None] * len(probabilities)
    ranks = np.asarray(probabilities) * total
    cells = np.searchsorted(cumulated, ranks)
    out: list[float | None] = []
    for rank, cell in zip(ranks.tolist(), cells.tolist(), strict=True):
        before = cumulated.item(cell - 1) if cell else 0
        reached = cumulated.item(cell)
        high = uppers.item(cell)
        low = uppers.item(cell - 1) if cell else -math.inf
        if cell <= inside[0] and (extremes is None or before > 0):
            out.append(None)
            continue
        if cell > inside[1] and (extremes is None or reached < total):
            out.append(None)
            continue
        if math.nextafter(high, -math.inf) <= low:
            out.append(high)
            continue
        if extremes is not None:
            low, high = max(low, extremes[0]), min(high, extremes[1])
        out.append(low + (high - low) * ((rank - before) / (reached - before)))
    return out
