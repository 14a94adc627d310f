"""Kolmogorov-Smirnov distance and its p-value."""

import math

import numpy as np
from scipy.special import kolmogorov

from stream.arrays import FloatArray


def ks_distance(current: FloatArray, reference: FloatArray) -> float:
    r"""Largest gap of two distribution functions at the grid's edges.

    Parameters
    ----------
    current : (cells,) distribution function of the current values at the upper ends of cells
    reference : (cells,) the reference's, at the same places

    Returns
    -------
    Between 0 and 1: at most the distance of the values themselves, and below it by no more than
    the reference's share in its largest cell of several values, 1/256 on a grid of
    `stream.baseline`.

    Notes
    -----
    .. math:: \max_i |F_c(e_i) - F_r(e_i)|

    Inside a cell (a, b] both functions only grow, so the gap there is at most the larger one at
    its ends plus the reference's share of the cell. A cell of one value adds no error.

    Examples
    --------
    >>> round(ks_distance(np.array([0.4, 1.0]), np.array([0.5, 1.0])), 12)
    0.1
    """
    return float(np.abs(current - reference).max())


def ks_p_value(distance: float, n: int, m: int, phi: float = 1.0) -> float:
    r"""Probability of at least this distance between samples of one distribution.

    Parameters
    ----------
    distance : of the distribution functions
    n, m : sizes of the two samples, both positive
    phi : how many times more the reference varies than independent rows do

    Returns
    -------
    Between 0 and 1; 0.0 where it is smaller than the smallest float.

    Notes
    -----
    .. math:: p = Q(\sqrt{n_e / \varphi}\, D), \quad n_e = \frac{nm}{n+m}

    with Q the survival function of Kolmogorov's distribution, the limit for large samples. For
    small ones, and for values that occur more than once, p comes out rather too large.

    Examples
    --------
    >>> round(ks_p_value(0.1, 500, 5000), 6)
    0.000225

    References
    ----------
    .. [1] N. Smirnov, Table for estimating the goodness of fit of empirical distributions, Ann.
       Math. Statist. 19, 1948.
    """
    return float(kolmogorov(math.sqrt(n * m / (n + m) / phi) * distance))
