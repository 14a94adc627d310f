"""How large a shift is, whatever the number of rows that showed it."""


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
