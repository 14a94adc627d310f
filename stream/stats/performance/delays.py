"""Quantiles of the time that labels take, from counts by octaves."""

import math

import numpy as np

from stream.arrays import IntArray


def delay_quantile_ms(counts: IntArray, probability: float) -> float | None:
    r"""Quantile of the time from prediction to label.

    Parameters
    ----------
    counts : (k,) labels by delay; cell i holds 2**i <= ms < 2**(i + 1), the first all below 2 ms
    probability : between 0 and 1

    Returns
    -------
    In ms; None where nothing was counted.

    Notes
    -----
    Inside a cell delays are taken to be spread evenly in their logarithm, in the first evenly:

    .. math:: 2^{i + f}

    with f the share of the cell's labels up to the quantile. The true quantile lies in the same
    cell, so this one is off by at most a factor of 2, in the first cell by 2 ms.

    Examples
    --------
    >>> delay_quantile_ms(np.array([0, 0, 4, 4]), 0.5)
    8.0
    >>> delay_quantile_ms(np.array([0, 0, 4, 4]), 0.25)
    5.656854249492381
    """
    cumulated = np.cumsum(counts)
    n = int(cumulated[-1])
    if n == 0:
        return None
    rank = probability * n
    # The quantile 0 lies in the first cell that holds something.
    cell = int(np.searchsorted(cumulated, max(rank, 0.5)))
    held = int(counts[cell])
    part = (rank - (int(cumulated[cell]) - held)) / held
    return 2 * part if cell == 0 else math.exp2(cell + part)
