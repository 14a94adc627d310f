"""Fairness: whether a binary decision treats groups of requests alike."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.special import ndtri

from stream.stats.drift.holm import holm
from stream.stats.two_samples import CONFIDENCE, share_difference, wilson_interval

GROUP_MIN = 50
"""Requests that a rate of a group must rest on: of fewer the 95 % interval of a share near one half
is wider than a quarter, and among several such groups two always lie far apart."""
_Rates = Mapping[str, tuple[int, int]]
"""(hits, requests) of each group."""

DEMOGRAPHIC_PARITY = "demographic_parity"
EQUAL_OPPORTUNITY = "equal_opportunity"
EQUALIZED_ODDS = "equalized_odds"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labelled requests of a group, by what was said and what was.

    Attributes
    ----------
    true_positives, false_positives : predicted positive, and positive or not
    true_negatives, false_negatives : predicted negative, and negative or not
    """

    true_positives: int = 0
    false_positives: int = 0
    true_negatives: int = 0
    false_negatives: int = 0

    @property
    def selected(self) -> tuple[int, int]:
        """Predicted positives, of all requests: the selection rate."""
        hits = self.true_positives + self.false_positives
        return hits, hits + self.true_negatives + self.false_negatives

    @property
    def recalled(self) -> tuple[int, int]:
        """Predicted positives, of actual positives: the true positive rate."""
        return self.true_positives, self.true_positives + self.false_negatives

    @property
    def mistaken(self) -> tuple[int, int]:
        """Predicted positives, of actual negatives: the false positive rate."""
        return self.false_positives, self.false_positives + self.true_negatives


@dataclass(frozen=True, slots=True)
class Disparity:
    """How far groups lie apart in one criterion.

    Attributes
    ----------
    difference : largest less smallest rate
    low, high : 95 % interval of the difference between these two groups
    ratio : smallest by largest rate; None where all are 0
    p_value : of "all groups have the same rate"
    lowest, highest : the two groups
    groups : how many are compared
    """

    difference: float
    low: float
    high: float
    ratio: float | None
    p_value: float
    lowest: str
    highest: str
    groups: int


def disparities(groups: Mapping[str, Outcomes], min_group: int = GROUP_MIN) -> dict[str, Disparity]:
    r"""Compare groups by the three usual criteria.

    Parameters
    ----------
    groups : outcomes by group; every request is in one group
    min_group : requests that a rate must rest on; a group of fewer is left out of it

    Returns
    -------
    By criterion: `DEMOGRAPHIC_PARITY` compares selection rates, `EQUAL_OPPORTUNITY` true positive
    rates, `EQUALIZED_ODDS` true and false positive rates. One for which fewer than two groups
    have a rate is absent.

    Notes
    -----
    Definitions are Fairlearn's: differences are the largest less the smallest rate, ratios the
    smallest by the largest (the rule of four fifths asks for 0.8); equalised odds takes the larger
    difference and the smaller ratio of both rates [1]_, [2]_. Fairlearn takes groups of any size.

    The two groups are chosen because they lie furthest apart, which an interval of two given
    groups knows nothing of. So Newcombe's interval is widened by Bonferroni: with k pairs it is
    that of :math:`1 - 0.05 / k`, and holds for all pairs at once, whichever is chosen. The p-value
    is the smallest over all pairs, corrected by Holm. Two groups have one pair, and nothing to
    correct.

    Examples
    --------
    >>> found = disparities({"f": Outcomes(45, 15, 75, 15), "m": Outcomes(54, 18, 42, 6)})
    >>> parity = found["demographic_parity"]
    >>> round(parity.difference, 3), round(parity.ratio, 3), parity.lowest, parity.highest
    (0.2, 0.667, 'f', 'm')
    >>> round(found["equalized_odds"].difference, 3)
    0.15
    >>> sorted(disparities({"f": Outcomes(30, 10, 30, 10), "m": Outcomes(25, 5, 65, 5)}))
    ['demographic_parity']

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, Equality of opportunity in supervised learning, NeurIPS
       2016.
    .. [2] S. Bird et al., Fairlearn: a toolkit for assessing and improving fairness in AI,
       Microsoft MSR-TR-2020-32.
    """
    selected = {name: of.selected for name, of in groups.items() if of.selected[1] >= min_group}
    recalled = {name: of.recalled for name, of in groups.items() if of.recalled[1] >= min_group}
    mistaken = {name: of.mistaken for name, of in groups.items() if of.mistaken[1] >= min_group}
    asked = {
        DEMOGRAPHIC_PARITY: [selected],
        EQUAL_OPPORTUNITY: [recalled],
        EQUALIZED_ODDS: [recalled, mistaken],
    }
    return {
        criterion: _disparity(rates)
        for criterion, rates in asked.items()
        if all(len(of) > 1 for of in rates)
    }


@dataclass(frozen=True, slots=True)
class _Extremes:
    """The groups with the smallest and the largest of some rates."""

    rates: _Rates
    lowest: str
    highest: str

    @classmethod
    def of(cls, rates: _Rates) -> "_Extremes":
        shares = {name: hits / n for name, (hits, n) in sorted(rates.items())}
        return cls(rates, min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__))

    @property
    def shares(self) -> tuple[float, float]:
        (few, of_few), (many, of_many) = self.rates[self.lowest], self.rates[self.highest]
        return few / of_few, many / of_many

    @property
    def difference(self) -> float:
        low, high = self.shares
        return high - low

    @property
    def ratio(self) -> float | None:
        low, high = self.shares
        return low / high if high else None

    def interval(self, pairs: int) -> tuple[float, float]:
        """Newcombe's interval of the difference, wide enough for so many pairs."""
        z = float(ndtri(1 - (1 - CONFIDENCE) / (2 * pairs)))
        low, high = self.shares
        under_low, over_low = wilson_interval(*self.rates[self.lowest], z)
        under_high, over_high = wilson_interval(*self.rates[self.highest], z)
        return (
            self.difference - math.hypot(high - under_high, over_low - low),
            self.difference + math.hypot(over_high - high, low - under_low),
        )


def _disparity(asked: Sequence[_Rates]) -> Disparity:
    """Compare groups by one rate, or by that of several in which they lie furthest apart.

    Each rate is known of two groups or more.
    """
    pairs = [(of[one], of[two]) for of in asked for one, two in combinations(sorted(of), 2)]
    p_values = (None if (d := share_difference(*a, *b)) is None else d.p_value for a, b in pairs)
    found = [_Extremes.of(rates) for rates in asked]
    furthest = max(found, key=lambda extremes: extremes.difference)
    low, high = furthest.interval(len(pairs))
    ratios = [extremes.ratio for extremes in found if extremes.ratio is not None]
    return Disparity(
        difference=furthest.difference,
        low=low,
        high=high,
        ratio=min(ratios, default=None),
        p_value=min(p for p in holm(*p_values) if p is not None),
        lowest=furthest.lowest,
        highest=furthest.highest,
        groups=len(furthest.rates),
    )
