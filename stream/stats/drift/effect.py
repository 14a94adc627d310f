"""How large a shift is, whatever the number of rows that showed it."""

import math


def effect(statistic: float, degrees: int, n: int, m: int, phi: float = 1.0) -> float:
    r"""Size of a shift, from Pearson's statistic.

    Parameters
    ----------
    statistic, degrees : of the chi-squared test
    n, m : sizes of the two samples
    phi : how many times more the reference varies than independent rows do

    Returns
    -------
    At least 0, without unit. A normal distribution moved by d standard deviations gives about
    d**2 for small d: 0.02 is 0.14 standard deviations.

    Notes
    -----
    .. math:: \max(0, X^2 - \varphi \cdot df) \,/\, \frac{nm}{n+m}

    Without drift the statistic is `df` on average, so the difference is 0 on average at any n.

    Examples
    --------
    >>> round(effect(8.333333, 1, 100, 100), 6)
    0.146667
    """
    return max(0.0, statistic - phi * degrees) * (n + m) / (n * m)


def order_effect(distance: float, n: int, m: int, phi: float = 1.0) -> float:
    r"""Size that a shift has at least, from Kolmogorov's distance.

    Parameters
    ----------
    distance : of the distribution functions
    n, m : sizes of the two samples
    phi : how many times more the reference varies than independent rows do

    Returns
    -------
    At least 0, in the unit of `effect`. A normal distribution moved by d standard deviations gives
    0.64 d**2 for small d.

    Notes
    -----
    .. math:: 4 \max\left(0, D^2 - \varphi \frac{\pi^2}{12}\, \frac{n+m}{nm}\right)

    Joining cells makes Pearson's measure smaller only, and two cells, cut where the distribution
    functions are D apart with the share p below, have :math:`D^2 / (p (1 - p)) \ge 4 D^2`. Without
    drift :math:`D^2` is :math:`\pi^2 / 12` on average, over the sizes.

    Examples
    --------
    >>> round(order_effect(0.1, 250, 5_000), 6)
    0.026183
    """
    without_drift = phi * math.pi**2 / 12 * (n + m) / (n * m)
    return 4 * max(0.0, distance * distance - without_drift)


def share_effect(share: float, before: float = 0.0) -> float:
    r"""Size of the growth of a share.

    Parameters
    ----------
    share, before : now, and in the reference

    Returns
    -------
    At least 0, in the unit of `effect`: 0.02 for a share of 1 % that had been 0.

    Notes
    -----
    .. math:: \frac{(c - r)^2}{p (1 - p)}, \qquad p = \frac{c + r}{2}

    is what Pearson's statistic of two samples of one size makes of two cells, over that size's
    half; 0 where the share fell.

    Examples
    --------
    >>> round(share_effect(0.01), 6), round(share_effect(0.1), 6)
    (0.020101, 0.210526)
    """
    middle = (share + before) / 2
    if share <= before:
        return 0.0
    return (share - before) ** 2 / (middle * (1 - middle))
