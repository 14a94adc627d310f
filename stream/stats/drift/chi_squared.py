"""Pearson's chi-squared test of homogeneity of two samples."""

import math

import numpy as np
from scipy.special import chdtrc, fdtrc

from stream.arrays import IntArray


def chi_squared(current: IntArray, reference: IntArray) -> tuple[float, int] | None:
    r"""Pearson's statistic for two rows of counts.

    Parameters
    ----------
    current, reference : (k,) counts in the same cells

    Returns
    -------
    The statistic and its degrees of freedom: cells that are not empty in both, less one. None
    where that leaves none, or one of the samples is empty.

    Notes
    -----
    .. math:: X^2 = nm \sum_i \frac{(c_i/n - r_i/m)^2}{c_i + r_i}

    which is Pearson's sum over both rows, without Yates' correction; exact.

    Examples
    --------
    >>> statistic, degrees = chi_squared(np.array([30, 70]), np.array([50, 50]))
    >>> round(statistic, 6), degrees
    (8.333333, 1)

    References
    ----------
    .. [1] K. Pearson, On the probability that two independent distributions of frequency are
       really samples from the same population, Biometrika 8, 1911.
    """
    n, m = int(current.sum()), int(reference.sum())
    both = current + reference
    degrees = int(np.count_nonzero(both)) - 1
    if n == 0 or m == 0 or degrees < 1:
        return None
    gaps = current / n - reference / m
    # An empty cell has no gap: dividing it by 1 leaves it out.
    return float(np.dot(gaps, gaps / np.maximum(both, 1))) * n * m, degrees


def chi_squared_p_value(
    statistic: float, degrees: int, phi: float = 1.0, freedom: float = math.inf
) -> float:
    r"""Probability of at least this statistic without a difference.

    Parameters
    ----------
    statistic : Pearson's
    degrees : of freedom, at least 1
    phi : how many times more the reference varies than independent rows do
    freedom : degrees of freedom that `phi` was estimated with (`stream.stats.drift.dispersion`)

    Returns
    -------
    Between 0 and 1; 0.0 where it is smaller than the smallest float. The limit for large samples:
    good where each cell is expected to hold 5 (`stream.stats.drift.pooling`).

    Notes
    -----
    :math:`X^2 / \varphi` is compared with the chi-squared distribution; where :math:`\varphi` is
    an estimate, :math:`X^2 / (\varphi\,df)` with Fisher's F, whose second degrees of freedom are
    the estimate's.

    Examples
    --------
    >>> round(chi_squared_p_value(8.333333, 1), 6)
    0.003892
    >>> round(chi_squared_p_value(8.333333, 1, 2.0), 4)
    0.0412
    >>> round(chi_squared_p_value(8.333333, 1, 2.0, 19), 4)
    0.0554
    """
    if math.isinf(freedom):
        return float(chdtrc(degrees, statistic / phi))
    return float(fdtrc(degrees, freedom, statistic / phi / degrees))
