"""Mean and standard deviation from exact integer sums."""

import math

UNITS_MAX = 2.0**50
"""Where the fixed-point integers of `stream.sketches.sums` saturate."""


def mean_std(
    total: int, squares: int, *, n: int, scale_exponent: int, extremes: tuple[float, float]
) -> tuple[float, float | None] | None:
    r"""Mean and sample standard deviation.

    Parameters
    ----------
    total, squares : exact sums of the values in units of ``2**scale_exponent``, and of their
        squares
    n : number of values, positive
    scale_exponent : of the baseline
    extremes : the exact smallest and largest value

    Returns
    -------
    Both in the feature's unit; the deviation is None for a single value. None where a value lies
    beyond what the fixed-point sums can hold, so that they are not its sums.

    Notes
    -----
    .. math:: \bar x = 2^e \frac{\sum q}{n}, \qquad
              s = 2^e \sqrt{\frac{n \sum q^2 - (\sum q)^2}{n (n - 1)}}

    The differences are of integers, so nothing cancels. Each value was rounded to half a unit,
    which is a millionth of the baseline's deviation, or less.

    Examples
    --------
    >>> mean_std(total=12, squares=56, n=3, scale_exponent=-1, extremes=(1.0, 3.0))
    (2.0, 1.0)
    """
    if max(map(abs, extremes)) > math.ldexp(UNITS_MAX, scale_exponent):
        return None
    mean = math.ldexp(total / n, scale_exponent)
    if n == 1:
        return mean, None
    variance = (n * squares - total * total) / (n * (n - 1))
    return mean, math.ldexp(math.sqrt(variance), scale_exponent)
