"""Largest difference of shares."""

import numpy as np

from stream.arrays import FloatArray


def l_infinity(current: FloatArray, reference: FloatArray) -> float:
    r"""Largest difference of shares, :math:`\max_i |c_i - r_i|`.

    Parameters
    ----------
    current : (k,) shares of the current values
    reference : (k,) shares of the reference in the same cells

    Returns
    -------
    Between 0 and 1; exact for these cells.

    Examples
    --------
    >>> round(l_infinity(np.array([0.3, 0.7]), np.array([0.5, 0.5])), 12)
    0.2
    """
    return float(np.abs(current - reference).max())
