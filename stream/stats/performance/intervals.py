"""Figures with 95 % intervals: of shares, of means, and of averages of other figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from stream.sketches.exact_sums import ExactSums
from stream.stats.two_samples import CONFIDENCE, wilson_interval

Z = float(ndtri(0.5 + CONFIDENCE / 2))
"""1.959963984540054: so many standard errors to either side make 95 %."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of labelled requests.

    Attributes
    ----------
    value : the figure
    low, high : its 95 % interval, for independent requests; None where there is none
    """

    value: float
    low: float | None = None
    high: float | None = None


def share_figure(hits: int, n: int) -> Figure | None:
    """Share with Wilson's interval; None of nothing.

    Parameters
    ----------
    hits, n : so many of so many

    Examples
    --------
    >>> found = share_figure(8, 10)
    >>> found.value, round(found.low, 4), round(found.high, 4)
    (0.8, 0.4902, 0.9433)
    """
    return Figure(hits / n, *wilson_interval(hits, n)) if n else None


def mean_figure(sums: ExactSums, least: float = -math.inf, most: float = math.inf) -> Figure | None:
    r"""Mean with the interval of the central limit theorem; None of no values.

    Parameters
    ----------
    sums : of the values
    least, most : what no mean of such values lies beyond

    Returns
    -------
    Without interval where there is one value.

    Notes
    -----
    .. math:: \bar x \pm z \sqrt{s^2 / n}

    Too narrow while n is small and values are skewed.

    Examples
    --------
    >>> found = mean_figure(ExactSums.of([1.0, 2.0, 3.0]))
    >>> found.value, round(found.low, 4), round(found.high, 4)
    (2.0, 0.8684, 3.1316)
    """
    return _mean_figure(sums.mean, sums.variance, sums.count, least, most)


def mean_magnitude_figure(sums: ExactSums) -> Figure | None:
    """Mean of the values' magnitudes, as `mean_figure`.

    Examples
    --------
    >>> found = mean_magnitude_figure(ExactSums.of([-1.0, 2.0, -3.0]))
    >>> found.value, round(found.low, 4), round(found.high, 4)
    (2.0, 0.8684, 3.1316)
    """
    n = sums.count
    if n == 0:
        return None
    mean = sums.absolute / n
    variance = None
    if n > 1 and math.isfinite(sums.squares):
        variance = max(0.0, (sums.squares - n * mean * mean) / (n - 1))
    return _mean_figure(mean, variance, n, 0.0, math.inf)


def _mean_figure(
    mean: float | None, variance: float | None, n: int, least: float, most: float
) -> Figure | None:
    if mean is None or not math.isfinite(mean):
        return None
    if variance is None or not math.isfinite(variance):
        return Figure(mean)
    half = Z * math.sqrt(variance / n)
    return Figure(mean, max(least, mean - half), min(most, mean + half))


def average_figure(figures: Sequence[Figure]) -> Figure | None:
    """Average of figures of the same requests; None of none.

    Its interval is that of figures which err together: no average is less sure.

    Examples
    --------
    >>> average_figure([Figure(0.5, 0.4, 0.6), Figure(0.75, 0.7, 0.9)])
    Figure(value=0.625, low=0.55, high=0.75)
    """
    if not figures:
        return None
    lows = [figure.low for figure in figures if figure.low is not None]
    highs = [figure.high for figure in figures if figure.high is not None]
    k = len(figures)
    return Figure(
        sum(figure.value for figure in figures) / k,
        sum(lows) / k if len(lows) == k else None,
        sum(highs) / k if len(highs) == k else None,
    )
