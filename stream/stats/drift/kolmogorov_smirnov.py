"""Kolmogorov-Smirnov distance and its p-value."""

import math

import numpy as np
from scipy.special import kolmogorov

from stream.arrays import FloatArray

_TERMS = np.arange(1.0, 65.0)
"""Of the series: with 19 degrees of freedom the 65th is below 1e-15 where its sum is not 1."""
_SIGNS = 2.0 * (-1.0) ** (_TERMS - 1)
_CERTAIN = 0.3
"""Kolmogorov's statistic is above this with a probability of 0.99999."""
_OVERSHOOT = 0.5826
"""-zeta(1/2) / sqrt(2 pi): by how many standard deviations of a step the maximum of a random walk
lies below that of the continuous one."""


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


def typical_cell(reference: FloatArray, uppers: FloatArray) -> float:
    """Share of the cell that a reference value lies in, on average, cells of one value left out.

    Parameters
    ----------
    reference : (cells,) distribution function at the upper ends of cells
    uppers : (cells,) these ends

    Returns
    -------
    About 1/256 on the grid of a continuous feature; 0 where every value has a cell of its own.

    Examples
    --------
    >>> typical_cell(np.array([0.25, 0.5, 1.0]), np.array([1.0, 2.0, np.inf]))
    0.375
    """
    shares = np.diff(reference, prepend=0.0)
    shares[1:][np.nextafter(uppers[1:], -np.inf) <= uppers[:-1]] = 0.0
    total = float(shares.sum())
    return float(shares @ shares) / total if total > 0.0 else 0.0


def ks_p_value(distance: float, n: int, m: int, phi: float = 1.0) -> float:
    r"""Probability of at least this distance between samples of one distribution: the textbook's.

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


def grid_p_value(
    distance: float, n: int, m: int, cell: float, phi: float = 1.0, freedom: float = math.inf
) -> float:
    r"""Probability of at least this distance at the edges of a grid, also for small samples.

    Parameters
    ----------
    distance : of the distribution functions, at the ends of cells
    n, m : sizes of the two samples, both positive
    cell : share of the cells (`typical_cell`)
    phi : how many times more the reference varies than independent rows do
    freedom : degrees of freedom that `phi` was estimated with (`stream.stats.drift.dispersion`)

    Returns
    -------
    As `ks_p_value`, but not too large where samples are small or cells are wide.

    Notes
    -----
    .. math:: p = Q(z / \sqrt\varphi), \quad
              z = (\sqrt{n_e} + 0.12 + 0.11 / \sqrt{n_e}) D
                  + \min(\sqrt{n_e} h / 2,\ 0.5826 \sqrt h)

    The first two constants are Stephens's [1]_. The last term is what is lost on average because
    the distance is seen only where cells of share h end: half a cell where the window has less than
    a value in each, and where it has many, what a random walk loses against Brownian motion [2]_.
    Where :math:`\varphi` is an estimate, p is the mean over what it may be,

    .. math:: 2 \sum_k (-1)^{k-1} \left(1 + \frac{4 k^2 z^2}{\varphi \nu}\right)^{-\nu/2}

    Examples
    --------
    >>> round(grid_p_value(0.1, 500, 5000, cell=0.0), 6)
    0.000202
    >>> round(grid_p_value(0.1, 500, 5000, cell=1 / 256), 6)
    0.000148
    >>> round(grid_p_value(0.1, 500, 5000, cell=1 / 256, phi=2.0, freedom=19), 4)
    0.0422

    References
    ----------
    .. [1] M. Stephens, Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics
       without extensive tables, J. Roy. Statist. Soc. B 32, 1970.
    .. [2] M. Broadie, P. Glasserman, S. Kou, A continuity correction for discrete barrier options,
       Math. Finance 7, 1997.
    """
    n_e = n * m / (n + m)
    z = (stephens(n_e) * distance + continuity(n_e, cell)) / math.sqrt(phi)
    if math.isinf(freedom):
        return float(kolmogorov(z))
    if z < _CERTAIN:
        return 1.0
    terms = np.exp(-freedom / 2 * np.log1p(np.square(2 * z * _TERMS) / freedom))
    return min(1.0, max(0.0, float(_SIGNS @ terms)))


def stephens(n_e: float) -> float:
    """Factor of the distance in Kolmogorov's statistic: sqrt(n_e), corrected for small samples."""
    root = math.sqrt(n_e)
    return root + 0.12 + 0.11 / root


def continuity(n_e: float, cell: float) -> float:
    """What Kolmogorov's statistic loses on average because it is taken between cells only."""
    return min(math.sqrt(n_e) * cell / 2, _OVERSHOOT * math.sqrt(cell))
