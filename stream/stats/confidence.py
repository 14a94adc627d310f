"""How sure a binary model is of its predictions: the distribution of max(p, 1 - p)."""

import numpy as np

from stream.arrays import IntArray
from stream.stats.quantiles import quantiles
from stream.stats.reference import MISMATCH, Reference

EQUAL_CELLS = 256
"""Of the grid of probabilities (`stream.baseline.edges.probability_edges`)."""
_QUANTILES = {"p05": 0.05, "p50": 0.5}
_HALF = EQUAL_CELLS // 2
_UPPERS = np.arange(_HALF, EQUAL_CELLS + 1) / EQUAL_CELLS


def confidence_figures(reference: Reference, counts: IntArray) -> dict[str, float]:
    r"""Mean and quantiles of the confidence.

    Parameters
    ----------
    reference : of the probability of the positive class
    counts : (cells,) the window's count row

    Returns
    -------
    `prediction_confidence_mean`, `prediction_confidence_p05`, `prediction_confidence_p50`, between
    0.5 and 1. Empty where there are no probabilities, or the grid is not one of probabilities.

    Notes
    -----
    The grid is folded at 0.5: a cell (a, b] below is laid on [1 - b, 1 - a), which is again one of
    the equal cells, so that folding adds no error. A quantile is within the cell of the true one,
    off by less than 1/256. The mean takes each cell of the grid, equal or finer, at its middle: it
    is off by at most 1/512.

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> edges = tuple(i / 256 for i in range(257))
    >>> reference = Reference.from_baseline(FeatureBaseline(kind="numeric", edges=edges))
    >>> counts = np.zeros(reference.cells, dtype=np.int64)
    >>> counts[np.searchsorted(reference.uppers, [0.1, 0.8])] = 50
    >>> figures = confidence_figures(reference, counts)
    >>> round(figures["prediction_confidence_mean"], 2)
    0.85
    """
    places = np.searchsorted(reference.uppers, np.arange(1, EQUAL_CELLS + 1) / EQUAL_CELLS)
    if not _on_equal_cells(reference, places):
        return {}
    start, end = reference.grid_range
    cumulated = counts[:MISMATCH].cumsum()
    cells = np.diff(cumulated[np.append(start, places)])
    n = int(cells.sum())
    if n == 0:
        return {}
    folded = cells[_HALF:] + cells[:_HALF][::-1]
    bounds = reference.uppers[start : end + 1]
    middles = (bounds[1:] + bounds[:-1]) / 2
    mean = 0.5 + float(counts[start + 1 : end + 1] @ np.abs(middles - 0.5)) / n
    found = quantiles(np.append(0, folded).cumsum(), _UPPERS, (0, _HALF), list(_QUANTILES.values()))
    figures = {"prediction_confidence_mean": mean}
    for name, value in zip(_QUANTILES, found, strict=True):
        if value is not None:
            figures[f"prediction_confidence_{name}"] = value
    return figures


def _on_equal_cells(reference: Reference, places: IntArray) -> bool:
    """Whether the grid has the equal cells, and nothing beyond them."""
    if not reference.numeric or reference.grid_range[1] != places[-1]:
        return False
    edges = reference.uppers[places] * EQUAL_CELLS
    return bool(np.array_equal(edges, np.arange(1, EQUAL_CELLS + 1)))
