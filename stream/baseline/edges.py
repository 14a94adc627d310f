"""Edges of the reference grid of a numeric column.

Guarantee: a cell that holds more than 1/256 of the reference holds a single value, so no two
distribution functions are further apart between edges than at them by more than 1/256.
"""

import numpy as np

from stream.arrays import FloatArray

QUANTILES = 256
_FINEST_POWER = 40
"""Cells towards 0 and 1 halve down to 2**-40, about 1e-12: smaller probabilities are all one."""


def decile_edges(values: FloatArray) -> FloatArray:
    """Inner deciles, and the place just below the minimum where a decile falls on it.

    Parameters
    ----------
    values : (n,) ascending, finite

    Returns
    -------
    (k,) ascending. The cells they part are open at both ends. An atom of a tenth or more at the
    minimum or the maximum leaves what lies beyond it in a cell of its own, which the reference has
    empty.

    Examples
    --------
    >>> decile_edges(np.arange(101.0)).tolist()
    [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    """
    edges = np.unique(np.quantile(values, np.arange(1, 10) / 10))
    if edges[0] <= values[0]:
        edges = np.append(np.nextafter(values[0], -np.inf), edges)
    return edges


def value_edges(values: FloatArray) -> FloatArray:
    """Edges that leave every value in a cell of its own, for columns that have few.

    Parameters
    ----------
    values : (n,) ascending, finite

    Returns
    -------
    (2 k,) ascending: each of the k values, and the place just below it. What lies below all of
    them, between two and above all has cells that the reference has empty.

    Examples
    --------
    >>> value_edges(np.array([1.0, 1.0, 5.0])).round(6).tolist()
    [1.0, 1.0, 5.0, 5.0]
    """
    distinct = np.unique(values)
    return np.unique(np.concatenate([np.nextafter(distinct, -np.inf), distinct]))


def doane_edges(values: FloatArray) -> FloatArray:
    """Edges of Doane's bins, moved so that cells (a, b] count as numpy's bins [a, b) do.

    Parameters
    ----------
    values : (n,) ascending, finite

    Returns
    -------
    (k,) ascending: from just below the minimum to the maximum. A constant has one cell, its own.

    Examples
    --------
    >>> doane_edges(np.array([0.0, 1.0, 2.0, 3.0])).round(6).tolist()
    [-0.0, 1.0, 2.0, 3.0]

    References
    ----------
    .. [1] D. Doane, Aesthetic frequency classification, American Statistician 30, 1976.
    """
    low, high = values[0], values[-1]
    if low == high:
        return np.array([np.nextafter(low, -np.inf), high])
    edges = np.unique(np.histogram_bin_edges(values, bins="doane"))
    return np.unique(np.append(np.nextafter(edges[:-1], -np.inf), edges[-1]))


def grid_edges(values: FloatArray, *others: FloatArray) -> FloatArray:
    """All edges of a column's grid.

    Parameters
    ----------
    values : (n,) ascending, finite
    others : edges that must be among them, ascending

    Returns
    -------
    (k,) ascending: quantiles (values themselves, none between two), the edges given, and atoms
    (values that hold more than 1/256 of the reference) in cells of their own. The first lies just
    below all values.

    Examples
    --------
    >>> edges = grid_edges(np.array([0.0, 0.0, 0.0, 1.0]))
    >>> edges.tolist()
    [-5e-324, 0.0, 0.9999999999999999, 1.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    atoms = distinct[counts > len(values) / QUANTILES]
    quantiles = np.quantile(values, np.arange(1, QUANTILES + 1) / QUANTILES, method="inverted_cdf")
    edges = np.unique(
        np.concatenate(
            [
                [np.nextafter(distinct[0], -np.inf)],
                quantiles,
                atoms,
                np.nextafter(atoms, -np.inf),
                *others,
            ]
        )
    )
    return np.union1d(edges, _cuts(distinct, counts, edges))


def _cuts(
    distinct: FloatArray, counts: np.ndarray[tuple[int], np.dtype[np.int64]], edges: FloatArray
) -> FloatArray:
    """Where cells of several values that hold more than 1/256 are cut further."""
    reached = np.cumsum(counts)
    share = reached[-1] / QUANTILES
    ends = np.searchsorted(distinct, edges, side="right")
    cumulated = np.append(0, reached)[ends]
    cuts = []
    for i in np.flatnonzero(np.diff(cumulated) > share).tolist():
        first, last, base = int(ends[i]), int(ends[i + 1]), int(cumulated[i])
        while first < last:
            cut = max(first, int(np.searchsorted(reached, base + share, side="right")) - 1)
            if cut >= last - 1:
                break
            cuts.append(distinct[cut])
            base, first = int(reached[cut]), cut + 1
    return np.array(cuts)


def probability_edges() -> FloatArray:
    """Edges for probabilities, whatever the reference's are: 256 equal cells, finer at both ends.

    Returns
    -------
    (321,) from just below 0 to 1. Beside the equal cells there are cells towards 0 and 1 that
    halve each time, which is equal steps of ln 2 in the logit.

    Examples
    --------
    >>> len(probability_edges())
    321
    """
    equal = np.arange(QUANTILES + 1) / QUANTILES
    equal[0] = np.nextafter(0.0, -np.inf)
    towards = np.exp2(-np.arange(9.0, _FINEST_POWER + 1))
    return np.unique(np.concatenate([equal, towards, 1 - towards]))
