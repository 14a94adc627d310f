"""The reference of some hours of the week, from a baseline's counts by hour."""

import numpy as np
import numpy.typing as npt

from stream.arrays import FloatArray, IntArray


def season_counts(
    seasons: IntArray, weights: FloatArray, counts: IntArray, last: npt.NDArray[np.intp]
) -> tuple[IntArray, int]:
    r"""Counts of hours of the week, in the cells of the whole reference.

    Parameters
    ----------
    seasons : (168, k + 1) rows by hour, in k coarse cells, missing last
    weights : (168,) share of the window's time in each hour
    counts : (cells,) rows of the whole reference, mismatched and missing ones last
    last : (k,) last cell of each coarse cell, ascending

    Returns
    -------
    values : (cells - 2,)
    missing : rows without a value

    Notes
    -----
    An hour counts by how much of the window's time lies in it and by how many rows the reference
    has then, as its share of a window is by both. Inside a coarse cell the hours' rows are spread
    as those of the whole reference, so that the tested cells, which are the coarse ones, are exact.

    Rows of unequal weight tell less than their number. With :math:`m_h` rows in hour h, weight
    :math:`w_h` each, the variance of a share is that of

    .. math:: \frac{(\sum_h w_h m_h)^2}{\sum_h w_h^2 m_h}

    equal rows (Kish), which is how many there are in the result: the number of rows where whole
    hours are compared. Counts are whole: their running sum is rounded, so that no error adds up.

    Examples
    --------
    >>> seasons, weights = np.zeros((168, 3), dtype=np.int64), np.zeros(168)
    >>> seasons[9], seasons[10], weights[9:11] = (30, 10, 4), (20, 60, 0), 0.5
    >>> values, missing = season_counts(
    ...     seasons, weights, np.array([10, 40, 60, 10, 0, 4]), np.array([1, 3])
    ... )
    >>> values.tolist(), missing
    ([10, 40, 60, 10], 4)

    References
    ----------
    .. [1] L. Kish, Survey Sampling, Wiley, 1965, section 11.7.
    """
    coarse = weights @ seasons
    rows = seasons[:, :-1].sum(axis=1)
    squares = float(np.square(weights) @ rows)
    value_cells = len(counts) - 2
    weighted = float(coarse[:-1].sum())
    if squares == 0.0:
        return np.zeros(value_cells, dtype=np.int64), 0
    scale = weighted / squares
    owner = np.searchsorted(last, np.arange(value_cells))
    fine = counts[:value_cells]
    totals = np.bincount(owner, fine, minlength=len(last))
    spread = fine * (scale * coarse[:-1] / np.maximum(1, totals))[owner]
    reached = np.rint(np.cumsum(spread)).astype(np.int64)
    return np.diff(reached, prepend=0), int(np.rint(scale * coarse[-1]))
