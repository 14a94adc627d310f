"""Blind spots: the smallest shift of a feature that the decision would find."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import chdtri, chndtr, kolmogi, ndtr, ndtri

from stream.arrays import FloatArray, IntArray
from stream.stats.drift.kolmogorov_smirnov import continuity, stephens, typical_cell
from stream.stats.drift.pooling import pooled_groups
from stream.stats.drift.shift import ORDER_WEIGHT
from stream.stats.reference import Reference

POWER = 0.8
"""Cohen's convention: a shift counts as detectable when four of five windows show it."""
_SHIFTS = (1e-3, 8.0)
"""In standard deviations: between those that no window shows and those that any does."""
_HALVINGS = 10
"""Of the range of logarithms: the shift is good to 1 %."""
_CACHED_MAX = 1024
"""Features and sizes; 25 kB each."""


def min_detectable_shift(
    reference: Reference, n: int, alpha: float, effect_min: float, phi: float
) -> float | None:
    r"""Smallest shift that the decision finds in 80 % of windows, in the worse direction.

    Parameters
    ----------
    reference : of the feature
    n : number of its values in the window
    alpha : level of the feature's p-value: that of the window, divided by the number of features
    effect_min : smaller effects are no drift
    phi : how many times more the reference varies than independent rows do

    Returns
    -------
    In standard deviations of the reference. None for features without order or spread, and where
    a shift by 8 would not be found either.

    Notes
    -----
    All values move by d standard deviations along the reference's distribution function, linear
    inside cells. Of a feature whose values lie apart, a share of the rows of each value moves on
    to the next one; a value that many rows of a continuous feature share (zeros, a cap) stays, as
    it would in practice. With the shares :math:`r_i` of the tested cells, pooled as for n, and
    :math:`c_i` what they become, Pearson's statistic is noncentral with

    .. math:: \lambda = \frac{n_e}{\varphi} \sum_i \frac{(c_i - r_i)^2}{p_i}, \quad
              n_e = \frac{nm}{n + m}, \quad p_i = \frac{n c_i + m r_i}{n + m}

    with its spread widened or narrowed to that of the shares :math:`c`, and must exceed the floor.
    Kolmogorov's is taken as normal where the functions lie furthest apart, and must exceed its own
    floor. The two are taken to miss windows independently: what they have in common makes up for
    the largest gap's being larger than the gap at any one place. A feature whose missing values are
    tested too has half the level (Holm). The shift is within 10 % of simulated ones for normal,
    uniform, lognormal and Poisson features, 100 to 10,000 rows; n and `phi` count by two digits, so
    that windows of about one size cost nothing after the first.

    Examples
    --------
    >>> from stream.baseline.build import build_baseline
    >>> data = {"x": np.random.default_rng(0).normal(size=5_000)}
    >>> baseline = build_baseline(data, model_name="m", model_version="1").features["x"]
    >>> reference = Reference.from_baseline(baseline)
    >>> for n in (100, 1_000, 100_000):
    ...     shift = min_detectable_shift(reference, n, alpha=1e-3, effect_min=0.02, phi=1.0)
    ...     print(round(shift, 1))
    0.5
    0.2
    0.2

    References
    ----------
    .. [1] J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 7.
    """
    std = reference.baseline.std
    if not reference.numeric or not std or n < 1 or reference.total == 0:
        return None
    if reference.missing:
        alpha /= 2
    return _smallest(reference, _two_digits(n), alpha, effect_min, _two_digits(phi))


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


@lru_cache(_CACHED_MAX)
def _smallest(
    reference: Reference, n: float, alpha: float, effect_min: float, phi: float
) -> float | None:
    decision = _Decision.of(reference, n, alpha, effect_min, phi)
    std = reference.baseline.std
    if decision is None or std is None:
        return None
    movable = _Movable.of(reference)
    found = [_bisected(movable, decision, unit) for unit in (std, -std)]
    return None if None in found else max(shift for shift in found if shift is not None)


def _bisected(movable: "_Movable", decision: "_Decision", unit: float) -> float | None:
    low, high = _SHIFTS
    if decision.power(movable.moved(high * unit)) < POWER:
        return None
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if decision.power(movable.moved(middle * unit)) < POWER:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True, eq=False)
class _Movable:
    """A distribution function that can be moved along its axis.

    Attributes
    ----------
    staying : (cells,) part that stays, at the upper ends of cells
    nodes, heights : (k,) places that the rest is linear between, and the rest there
    sources : (cells,) where the rest is looked up for the upper end of each cell
    """

    staying: FloatArray
    nodes: FloatArray
    heights: FloatArray
    sources: FloatArray

    @classmethod
    def of(cls, reference: Reference) -> "_Movable":
        uppers = reference.uppers
        shares = np.diff(reference.cumulative_shares, prepend=0.0)
        filled = shares > 0.0
        alone = np.append(False, np.nextafter(uppers[1:], -np.inf) <= uppers[:-1]) & filled
        # One value among others such is a step of a ladder, beside a continuum a fixture.
        order = np.flatnonzero(filled)
        spread = np.append(~alone[order], False)
        beside = np.zeros(len(uppers), dtype=bool)
        beside[order] = spread[1:] | np.append(False, spread[:-2])
        steps, fixtures = alone & ~beside, alone & beside
        rest = np.cumsum(np.where(fixtures, 0.0, shares))
        moving = filled & ~fixtures
        places = np.union1d(np.flatnonzero(moving), np.flatnonzero(moving & ~steps) - 1)
        nodes, heights = uppers[places], rest[places]
        if steps[places[0]]:
            width = float(nodes[1] - nodes[0]) if len(nodes) > 1 else reference.baseline.std or 0.0
            nodes, heights = np.append(nodes[0] - width, nodes), np.append(0.0, heights)
        # Between two steps there is nothing, before the move and after it.
        cells = np.flatnonzero((uppers > nodes[0]) & (uppers < nodes[-1]))
        following = places[np.searchsorted(places, cells)]
        between = cells[steps[following] & (following != cells)]
        sources = uppers.copy()
        sources[between] = nodes[np.searchsorted(nodes, uppers[between]) - 1]
        return cls(np.cumsum(np.where(fixtures, shares, 0.0)), nodes, heights, sources)

    def moved(self, distance: float) -> FloatArray:
        """Return the whole function after the move, (cells,)."""
        rest = np.interp(self.sources - distance, self.nodes, self.heights, left=0.0)
        # Whatever lies beyond the last cell but one lies in the last.
        rest[-1] = self.heights[-1]
        return self.staying + rest


@dataclass(frozen=True, slots=True, eq=False)
class _Decision:
    """What the decision does with a window of n values.

    Attributes
    ----------
    reference : of the feature
    groups : (k,) group of each tested cell
    expected : (groups,) reference shares
    n, n_e : size of the window, and what it counts beside the reference's
    phi : how many times more the reference varies
    floor : of Pearson's statistic over phi, below which the effect is too small
    statistic_min : of the same, at the level
    ks_min : Kolmogorov's distance, at the level and the floor
    """

    reference: Reference
    groups: IntArray
    expected: FloatArray
    n: float
    n_e: float
    phi: float
    floor: float
    statistic_min: float
    ks_min: float

    @classmethod
    def of(
        cls, reference: Reference, n: float, alpha: float, effect_min: float, phi: float
    ) -> "_Decision | None":
        groups = pooled_groups(reference.tested.shares, int(min(n, reference.total)))
        expected = np.bincount(groups, reference.tested.shares).astype(np.float64)
        degrees = len(expected) - 1
        if degrees < 1:
            return None
        n_e = n * reference.total / (n + reference.total)
        return cls(
            reference=reference,
            groups=groups,
            expected=expected,
            n=n,
            n_e=n_e,
            phi=phi,
            floor=degrees + effect_min * n_e / phi,
            statistic_min=float(chdtri(degrees, alpha * (1 - ORDER_WEIGHT))),
            ks_min=_distance_min(reference, n_e, alpha, effect_min, phi),
        )

    def power(self, moved: FloatArray) -> float:
        """Share of windows with this distribution function that are found."""
        function = self.reference.cumulative_shares
        cells = np.diff(moved[self.reference.tested.last], prepend=0.0)
        shares = np.bincount(self.groups, cells).astype(np.float64)
        n, m = self.n, self.reference.total
        joined = (n * shares + m * self.expected) / (n + m)
        weights = (shares - self.expected) / joined
        centre = float(np.sum(weights * weights * joined)) * self.n_e / self.phi
        degrees = len(shares) - 1
        noise = _variance(weights, shares) / n + _variance(weights, self.expected) / m
        spread = 4 * self.n_e**2 / self.phi * noise
        stretch = math.sqrt((2 * degrees + 4 * centre) / (2 * degrees + spread))
        least = max(self.floor, self.statistic_min)
        by_cells = float(ndtr(stretch * ndtri(1 - chndtr(least, degrees, centre))))
        place = int(np.argmax(np.abs(moved - function)))
        current, reference = float(moved[place]), float(function[place])
        variance = current * (1 - current) / n + reference * (1 - reference) / m
        beyond = abs(current - reference) - self.ks_min
        by_order = float(ndtr(beyond / math.sqrt(max(self.phi * variance, 1e-15))))
        return 1 - (1 - by_cells) * (1 - by_order)


def _distance_min(
    reference: Reference, n_e: float, alpha: float, effect_min: float, phi: float
) -> float:
    """Kolmogorov's distance from which on it counts as drift: `grid_p_value`, `order_effect`."""
    lost = continuity(n_e, typical_cell(reference.cumulative_shares, reference.uppers))
    sure = (kolmogi(alpha * ORDER_WEIGHT) * math.sqrt(phi) - lost) / stephens(n_e)
    large = math.sqrt(effect_min / 4 + phi * math.pi**2 / 12 / n_e)
    return max(float(sure), large)


def _variance(weights: FloatArray, shares: FloatArray) -> float:
    """Of the weight of one value that falls on cells by these shares."""
    mean = float(weights @ shares)
    return float((weights * weights) @ shares) - mean * mean
