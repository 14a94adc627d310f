"""Hellinger distance."""

import math

import numpy as np

from stream.arrays import FloatArray


def hellinger(current: FloatArray, reference: FloatArray) -> float:
    r"""Hellinger distance of shares.

    Parameters
    ----------
    current : (k,) shares of the current values
    reference : (k,) shares of the reference in the same cells

    Returns
    -------
    Between 0 and 1; exact for these cells.

    Notes
    -----
    .. math:: \lVert \sqrt c - \sqrt r \rVert_2 / \sqrt 2

    Examples
    --------
    >>> round(hellinger(np.array([0.3, 0.7]), np.array([0.5, 0.5])), 4)
    0.1452

    References
    ----------
    .. [1] E. Hellinger, Neue Begründung der Theorie quadratischer Formen, 1909.
    """
    gaps = np.sqrt(current) - np.sqrt(reference)
    return math.sqrt(float(np.dot(gaps, gaps)) / 2)
