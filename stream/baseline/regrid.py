"""Coarse cells of counts on a fine grid, where the values themselves are gone."""

import math

import numpy as np

from schemas.baselines import HOURS_OF_WEEK
from stream.arrays import FloatArray, IntArray
from stream.baseline.seasons import SEASON_CELLS_MAX


def nearest_deciles(counts: IntArray, uppers: FloatArray) -> FloatArray:
    """Grid edges nearest to the deciles, by how many rows they reach.

    Parameters
    ----------
    counts : (k,) rows by grid cell, at least one row
    uppers : (k,) upper edges of the cells, ascending

    Returns
    -------
    Ascending, each once; also among the geometric edges where the rows have left the range. The
    last cell's, which is the largest float, is none.

    Examples
    --------
    >>> nearest_deciles(np.array([0, 6, 4, 0]), np.array([0.0, 1.0, 2.0, 9.0])).tolist()
    [0.0, 1.0, 2.0]
    """
    reached = np.cumsum(counts)
    targets = np.arange(1, 10) / 10 * reached[-1]
    apart = np.abs(reached[:-1] - targets[:, np.newaxis])
    return np.unique(uppers[apart.argmin(axis=1)])


def nearest_doane(counts: IntArray, uppers: FloatArray, edges: FloatArray) -> FloatArray:
    """Grid edges nearest to those of Doane's bins.

    Parameters
    ----------
    counts : (k,) rows by grid cell, at least one row
    uppers : (k,) upper edges of the cells, ascending
    edges : the baseline's own, ascending: the range

    Returns
    -------
    Ascending, from the first to the last of `edges`. The number of bins is Doane's for the rows as
    if each lay in the middle of its cell, those beyond the range at its end.

    Examples
    --------
    >>> edges = np.arange(101.0)
    >>> uppers = np.append(edges, np.inf)
    >>> nearest_doane(np.r_[0, np.ones(100, int), 0], uppers, edges).tolist()
    [0.0, 12.0, 25.0, 37.0, 50.0, 62.0, 75.0, 87.0, 100.0]

    References
    ----------
    .. [1] D. Doane, Aesthetic frequency classification, American Statistician 30, 1976.
    """
    low, high = float(edges[0]), float(edges[-1])
    ends = np.clip(uppers, low, high)
    centres = (np.append(low, ends[:-1]) + ends) / 2
    rows = int(counts.sum())
    occupied = np.flatnonzero(counts)
    first, last = int(occupied[0]), int(occupied[-1])
    start, stop = float(ends[first - 1]) if first else low, float(ends[last])
    mean = float(centres @ counts) / rows
    deviations = centres - mean
    variance = float(deviations**2 @ counts) / rows
    if variance == 0 or rows <= 2:  # noqa: PLR2004
        return np.array([low, high])
    skewness = float(deviations**3 @ counts) / rows / variance**1.5
    of_chance = math.sqrt(6 * (rows - 2) / ((rows + 1) * (rows + 3)))
    bins = math.ceil(1 + math.log2(rows) + math.log2(1 + abs(skewness) / of_chance))
    wanted = np.linspace(start, stop, bins + 1)
    above = np.clip(np.searchsorted(edges, wanted), 1, len(edges) - 1)
    nearer_below = wanted - edges[above - 1] <= edges[above] - wanted
    nearest = np.where(nearer_below, edges[above - 1], edges[above])
    return np.unique(np.concatenate([[low], nearest, [high]]))


def carried_seasons(
    seasons: tuple[tuple[int, ...], ...], before: IntArray, after: IntArray, counts: IntArray
) -> tuple[tuple[int, ...], ...]:
    """Spread new counts over the hours of the week as old ones were.

    Parameters
    ----------
    seasons : 168 rows of the old coarse cells; empty for none
    before, after : (k,) old and new coarse cell of each fine cell
    counts : (k,) new rows by fine cell

    Returns
    -------
    168 rows of the new coarse cells: of a fine cell's rows each hour has the share it had in the
    old coarse cell; where that was empty, its share of all rows. Rounded to whole rows. Empty for
    more cells than seasons may have.

    Examples
    --------
    >>> old = ((3, 0), (1, 4)) + ((0, 0),) * 166
    >>> carried_seasons(old, np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([4, 8, 1]))[:2]
    ((3, 6), (1, 3))
    """
    number = int(after.max()) + 1
    if not seasons or number > SEASON_CELLS_MAX:
        return ()
    old = np.array(seasons, dtype=np.float64)
    overall = old.sum(axis=1, keepdims=True)
    totals = old.sum(axis=0)
    shares = np.where(totals > 0, old / np.maximum(totals, 1), overall / overall.sum())
    new = np.zeros((HOURS_OF_WEEK, number))
    np.add.at(new.T, after, (shares[:, before] * counts).T)
    return tuple(map(tuple, np.rint(new).astype(np.int64).tolist()))
