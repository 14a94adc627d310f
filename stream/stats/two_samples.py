"""Two samples side by side, none of them the reference: versions, environments, segments."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrik, ndtr, ndtri, stdtr, stdtrit

from stream.arrays import IntArray
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.effect import effect
from stream.stats.drift.fisher import fisher_p_value
from stream.stats.drift.kolmogorov_smirnov import ks_distance, ks_p_value
from stream.stats.drift.pooling import EXPECTED_MIN, pooled_groups
from stream.stats.reference import MISMATCH, Reference

CONFIDENCE = 0.95
_Z = float(ndtri(0.5 + CONFIDENCE / 2))


@dataclass(frozen=True, slots=True)
class Difference:
    """Second minus first.

    Attributes
    ----------
    estimate : the difference
    low, high : its 95 % interval
    p_value : of "there is none", two-sided; None where only the interval is known
    """

    estimate: float
    low: float
    high: float
    p_value: float | None


def wilson_interval(hits: float, n: float, z: float = _Z) -> tuple[float, float]:
    """Wilson's interval of a share.

    Parameters
    ----------
    hits, n : so many of so many, which is positive; of weighted rows they need not be whole
    z : quantile of the normal distribution; 95 % unless told

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson_interval(8, 10)]
    [0.4902, 0.9433]

    References
    ----------
    .. [1] E. Wilson, Probable inference, the law of succession, and statistical inference, JASA
       22, 1927.
    """
    share = hits / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding must not move the ends.
    low = (middle - half) / scale if hits else 0.0
    return low, (middle + half) / scale if hits < n else 1.0


def share_difference(hits_a: int, n_a: int, hits_b: int, n_b: int) -> Difference | None:
    """Compare two shares.

    Parameters
    ----------
    hits_a, n_a : of the first sample: so many of so many
    hits_b, n_b : of the second

    Returns
    -------
    None where a sample is empty.

    Notes
    -----
    The p-value is that of the pooled z test, or, where one of the four cells is expected to hold
    fewer than 5, twice the smaller one-sided p-value of Fisher's exact test. The interval is
    Newcombe's hybrid of two Wilson intervals, which never leaves -1 to 1.

    Examples
    --------
    >>> found = share_difference(56, 70, 48, 80)
    >>> round(found.estimate, 4), round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (-0.2, -0.3339, -0.0524, 0.008)

    References
    ----------
    .. [1] R. Newcombe, Interval estimation for the difference between independent proportions,
       Statist. Med. 17, 1998, method 10.
    """
    if n_a == 0 or n_b == 0:
        return None
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson_interval(hits_a, n_a), wilson_interval(hits_b, n_b)
    share = (hits_a + hits_b) / (n_a + n_b)
    if min(share, 1 - share) * min(n_a, n_b) >= EXPECTED_MIN:
        z = (b - a) / math.sqrt(share * (1 - share) * (1 / n_a + 1 / n_b))
        p_value = 2 * float(ndtr(-abs(z)))
    else:
        more = fisher_p_value(hits_b, n_b, hits_a, n_a)
        p_value = min(1.0, 2 * min(more, fisher_p_value(hits_a, n_a, hits_b, n_b)))
    return Difference(
        estimate=b - a,
        low=b - a - math.hypot(b - low_b, high_a - a),
        high=b - a + math.hypot(high_b - b, a - low_a),
        p_value=p_value,
    )


def mean_difference(
    mean_a: float, std_a: float, n_a: int, mean_b: float, std_b: float, n_b: int
) -> Difference | None:
    r"""Compare two means by Welch's test.

    Parameters
    ----------
    mean_a, std_a, n_a : of the first sample; sample standard deviation
    mean_b, std_b, n_b : of the second

    Returns
    -------
    None where a sample has fewer than two values, or neither varies.

    Notes
    -----
    .. math:: t = \frac{\bar b - \bar a}{\sqrt{s_a^2/n_a + s_b^2/n_b}}

    with the degrees of freedom of Welch and Satterthwaite. For independent rows: where neighbours
    resemble each other the interval is too short.

    Examples
    --------
    >>> found = mean_difference(10.0, 2.0, 50, 11.0, 3.0, 40)
    >>> round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (-0.1029, 2.1029, 0.0748)

    References
    ----------
    .. [1] B. Welch, The generalization of "Student's" problem when several different population
       variances are involved, Biometrika 34, 1947.
    """
    if min(n_a, n_b) <= 1 or (std_a == 0.0 and std_b == 0.0):
        return None
    error_a, error_b = std_a * std_a / n_a, std_b * std_b / n_b
    error = math.sqrt(error_a + error_b)
    shares = (error_a / (error_a + error_b), error_b / (error_a + error_b))
    degrees = 1 / (shares[0] ** 2 / (n_a - 1) + shares[1] ** 2 / (n_b - 1))
    estimate = mean_b - mean_a
    half = float(stdtrit(degrees, 0.5 + CONFIDENCE / 2)) * error
    p_value = 2 * float(stdtr(degrees, -abs(estimate) / error))
    return Difference(estimate, estimate - half, estimate + half, p_value)


@dataclass(frozen=True, slots=True)
class DistributionDifference:
    """Whether two distributions differ, and by how much.

    Attributes
    ----------
    p_value : of "they are the same"
    effect : size of the difference, 0 on average where there is none; None where not tested
    ks : largest gap of the distribution functions; None where values have no order
    """

    p_value: float
    effect: float | None
    ks: float | None


def distribution_difference(
    reference: Reference, a: IntArray, b: IntArray
) -> DistributionDifference | None:
    """Compare two rows of counts on one grid.

    Parameters
    ----------
    reference : whose grid it is
    a, b : (cells,) count rows

    Returns
    -------
    The same with a and b exchanged. None where a sample has no value, or nothing can be tested.

    Notes
    -----
    The tests are those of the drift decision: Kolmogorov-Smirnov and chi-squared on deciles of the
    baseline, or categories, ``min(1, 2 * min(ks, chi2))``. Here cells are pooled by what both
    samples hold together, until the smaller sample is expected to have 5 in each: neither of them
    is the reference, and given the sum of both, chance does not depend on how cells are pooled.

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("DE", "FR"), counts=(5, 4, 0, 0, 1))
    ... )
    >>> found = distribution_difference(
    ...     reference, np.array([50, 50, 0, 0, 0]), np.array([70, 30, 0, 0, 0])
    ... )
    >>> round(found.p_value, 4), round(found.effect, 4), found.ks
    (0.0039, 0.1467, None)
    """
    cumulated_a, cumulated_b = a[:MISMATCH].cumsum(), b[:MISMATCH].cumsum()
    n, m = int(cumulated_b[-1]), int(cumulated_a[-1])
    if n == 0 or m == 0 or not reference.tells_values:
        return None
    p_values = []
    ks = size = None
    if reference.numeric:
        ks = ks_distance(cumulated_b / n, cumulated_a / m)
        p_values.append(ks_p_value(ks, n, m))
    cells_a, cells_b = reference.tested.of(cumulated_a), reference.tested.of(cumulated_b)
    groups = pooled_groups((cells_a + cells_b) / (n + m), min(n, m))
    pooled = [np.bincount(groups, cells).astype(np.int64) for cells in (cells_b, cells_a)]
    if (pearson := chi_squared(pooled[0], pooled[1])) is not None:
        p_values.append(chi_squared_p_value(*pearson))
        size = effect(*pearson, n, m)
    if not p_values:
        return None
    return DistributionDifference(min(1.0, len(p_values) * min(p_values)), size, ks)


def quantile_interval(
    reference: Reference, counts: IntArray, probability: float, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Interval of a quantile, whatever the distribution.

    Parameters
    ----------
    reference : numeric, whose grid it is
    counts : (cells,) count row
    probability : of the quantile, between 0 and 1
    confidence : that it holds the true one with, at least

    Returns
    -------
    Lower end of one cell and upper end of another. None where a bound lies beyond the range of
    the baseline's edges, or there are too few values for one.

    Notes
    -----
    The number of values below the true quantile is binomial, so two order statistics enclose it;
    their cells' outer ends enclose those.

    Examples
    --------
    >>> from stream.baseline.build import build_baseline
    >>> data = {"x": np.arange(1000.0)}
    >>> baseline = build_baseline(data, model_name="m", model_version="1").features["x"]
    >>> reference = Reference.from_baseline(baseline)
    >>> low, high = quantile_interval(reference, reference.counts, 0.5)
    >>> 460 < low < 470 and 530 < high < 540
    True

    References
    ----------
    .. [1] H. David, H. Nagaraja, Order Statistics, Wiley, 2003, section 7.1.
    """
    cumulated = counts[:MISMATCH].cumsum()
    n = int(cumulated[-1])
    tail = (1 - confidence) / 2
    if n == 0 or not reference.numeric:
        return None
    if max(probability, 1 - probability) ** n > tail:
        # All values may well lie on one side of it.
        return None
    places = bdtrik([tail, 1 - tail], n, probability)
    # Ranks from 1: fewer values than `first` lie below the quantile with a chance of `tail`.
    first, last = math.floor(places[0]) + 1, math.ceil(places[1]) + 1
    low, high = np.searchsorted(cumulated, [first, last]).tolist()
    if low <= reference.grid_range[0] or high > reference.grid_range[1]:
        return None
    return float(reference.uppers[low - 1]), float(reference.uppers[high])


def quantile_difference(
    reference: Reference, a: IntArray, b: IntArray, probability: float
) -> tuple[float, float] | None:
    """Interval of the second sample's quantile minus the first's.

    Parameters
    ----------
    reference : numeric, whose grid it is
    a, b : (cells,) count rows
    probability : of the quantile

    Returns
    -------
    At least 95 %: each sample's interval fails with half of the rest (Bonferroni). None where one
    of them has none.
    """
    confidence = 0.5 + CONFIDENCE / 2
    intervals = [quantile_interval(reference, counts, probability, confidence) for counts in (a, b)]
    first, second = intervals
    if first is None or second is None:
        return None
    return second[0] - first[1], second[1] - first[0]
