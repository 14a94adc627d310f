"""Population stability index."""

import numpy as np

from stream.arrays import FloatArray

SHARE_MIN = 1e-4
"""Empty cells count as one row in ten thousand; the usual floor, so that the index stays finite."""


def psi(current: FloatArray, reference: FloatArray) -> float:
    r"""Compute the population stability index of shares.

    Parameters
    ----------
    current : (k,) shares of the current values in the reference's cells
    reference : (k,) shares of the reference in the same cells

    Returns
    -------
    The index, at least 0, without unit; exact for these cells.

    Notes
    -----
    .. math:: \sum_i (c_i - r_i) \ln (c_i / r_i)

    Each share is floored at `SHARE_MIN`; shares are not scaled to add up to 1 again.

    Examples
    --------
    >>> round(psi(np.array([0.3, 0.7]), np.array([0.5, 0.5])), 4)
    0.1695

    References
    ----------
    .. [1] N. Siddiqi, Credit Risk Scorecards, Wiley, 2006.
    """
    c = np.maximum(current, SHARE_MIN)
    r = np.maximum(reference, SHARE_MIN)
    return float(np.dot(c - r, np.log(c / r)))
