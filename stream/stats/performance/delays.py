"""Quantiles of the time that labels take, from counts by parts of octaves."""

import numpy as np

from stream.arrays import IntArray


def delay_quantile_ms(counts: IntArray, probability: float, steps: int = 8) -> float | None:
    r"""Quantile of the time from prediction to label.

    Parameters
    ----------
    counts : (k,) labels by delay; cell ``steps i + j`` begins at ``2**i (1 + j / steps)`` ms, the
        first also holds all below 1 ms
    probability : between 0 and 1
    steps : cells of an octave

    Returns
    -------
    In ms; None where nothing was counted.

    Notes
    -----
    Inside a cell delays are taken to be spread evenly. The true quantile lies in the same cell, so
    this one is off by at most 1/8 of it, and by 1.2 ms below 10 ms.

    Examples
    --------
    >>> delay_quantile_ms(np.array([0, 0, 4, 4]), 0.5)
    1.375
    >>> delay_quantile_ms(np.array([0, 0, 4, 4]), 0.25)
    1.3125
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
    octave, step = divmod(cell, steps)
    return float(2.0**octave * (1 + (step + part) / steps))
