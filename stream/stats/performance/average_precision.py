"""Average precision from scores counted in cells."""

import numpy as np
from scipy.special import digamma

from stream.arrays import BoolArray, FloatArray, IntArray
from stream.stats.performance.ranked import RankedFigure
from stream.stats.two_samples import wilson_interval

_SMALL = 1000.0
"""Up to here the digamma function gives differences of harmonic numbers to 1e-15; from here on
the series below does."""


def average_precision(counts: IntArray, single: BoolArray) -> RankedFigure | None:
    r"""Precision, averaged over the rows of the class: scikit-learn's average precision.

    Parameters
    ----------
    counts : (2, k) rows by cell of the score, ascending: those of another class, those of the class
    single : (k,) whether a cell has room for one value only

    Returns
    -------
    None where no row is of the class, or all are.

    Notes
    -----
    .. math:: AP = \sum_t (R_t - R_{t-1}) P_t = \frac1m \sum_{r \in \text{class}} P_{t(r)}

    over the distinct scores t, descending, with precision P and recall R of the rows that score t
    or more [1]_. Above a cell with p rows of the class and q others let there be P and N. Scores
    of a cell of one value are tied, and all their rows have the precision at its end. In any other
    cell the order is lost. What p rows add to the sum is

    - at least, the others first: :math:`\sum_{i=1}^{p} (P + i) / (P + i + N + q)`
    - at most, they first and tied: :math:`p\,(P + p) / (P + p + N)`
    - in random order, on average: :math:`\frac{p}{n} \sum_{j=1}^{n} (P + 1 + (j-1)
      \frac{p-1}{n-1}) / (P + N + j)`, with n = p + q. That is the value: on simulated scores it is
      nearer the truth than the middle of both, and than taking cells for ties.

    The interval is Wilson's of a share of m rows of the class, of which average precision is the
    mean precision: the binomial one of [2]_, with ends that do not vanish at 1. Simulated over 8
    shapes of scores, 40 to 40,000 rows and 0.5 to 50 % of the class, it holds the true value in 88
    to 100 %; least where some 20 rows are of the class.

    Examples
    --------
    >>> found = average_precision(np.array([[60, 30, 10], [5, 10, 35]]), np.ones(3, dtype=bool))
    >>> round(found.value, 4), found.error_max
    (0.6837, 0.0)
    >>> found = average_precision(np.array([[60, 30, 10], [5, 10, 35]]), np.zeros(3, dtype=bool))
    >>> round(found.value, 2), round(found.least, 2), round(found.most, 2)
    (0.72, 0.54, 0.92)

    References
    ----------
    .. [1] scikit-learn 1.9, ``average_precision_score``.
    .. [2] K. Boyd, K. Eng, C. Page, Area under the precision-recall curve: point estimates and
       confidence intervals, ECML PKDD 2013.
    """
    others, rows = int(counts[0].sum()), int(counts[1].sum())
    if others == 0 or rows == 0:
        return None
    held = np.flatnonzero(counts[1])[::-1]
    q, p = counts[0, held].astype(np.float64), counts[1, held].astype(np.float64)
    tied = single[held]
    before_p = np.cumsum(p) - p
    before_q = (others - np.cumsum(counts[0]))[held].astype(np.float64)
    ties = p * (before_p + p) / (before_p + p + before_q + q)
    sums = [
        np.where(tied, ties, of)
        for of in (
            _in_random_order(p, q, before_p, before_q),
            _others_first(p, before_p, before_q + q),
            p * (before_p + p) / (before_p + p + before_q),
        )
    ]
    value, least, most = (min(1.0, float(of.sum()) / rows) for of in sums)
    # What is equal but for rounding.
    least, most = min(least, value), max(most, value)
    return RankedFigure.of(value, least, most, wilson_interval(value * rows, rows))


def _others_first(p: FloatArray, before_p: FloatArray, before_q: FloatArray) -> FloatArray:
    """Sum of i = 1 … p of (P + i) / (P + i + N), as p - N (sum of 1 / (P + i + N))."""
    return p - before_q * _harmonic(before_p + before_q, p)


def _in_random_order(
    p: FloatArray, q: FloatArray, before_p: FloatArray, before_q: FloatArray
) -> FloatArray:
    """Mean over all orders of the cell's rows, as b n + (a - b c) (sum of 1 / (c + j))."""
    n = p + q
    slope = (p - 1) / np.maximum(n - 1, 1)
    before = before_p + before_q
    sums = slope * n + (before_p + 1 - slope - slope * before) * _harmonic(before, n)
    return p / n * sums


def _harmonic(start: FloatArray, steps: FloatArray) -> FloatArray:
    """Sum of j = 1 … steps of 1 / (start + j), steps positive.

    From `_SMALL` on by the expansion of digamma about the half, ln(x + 1/2) + 1 / (24 (x + 1/2)^2),
    which loses nothing to the difference of two large logarithms.
    """
    low, high = start + 0.5, start + steps + 0.5
    series = np.log1p(steps / low) + (1 / high**2 - 1 / low**2) / 24
    near = np.minimum(start, _SMALL)
    exact = digamma(near + steps + 1) - digamma(near + 1)
    return np.where(start < _SMALL, exact, series)
