"""Averages of precision, recall and F1 over classes."""

import math
from dataclasses import dataclass

import numpy as np

from stream.arrays import BoolArray, FloatArray, IntArray
from stream.stats.performance.confusion import Confusion
from stream.stats.performance.intervals import Figure, share_figure
from stream.stats.two_samples import wilson_interval


def macro_figures(confusion: Confusion) -> dict[str, Figure]:
    r"""Figures of a model with many classes: averages over classes, each weighing the same.

    Parameters
    ----------
    confusion : of the labelled requests

    Returns
    -------
    `accuracy`, and the averages `precision`, `recall`, `f1` over all classes that were predicted
    or were the label. Empty without requests.

    Notes
    -----
    The averages are scikit-learn's defaults [1]_: a class that was never predicted has the
    precision 0 in them, one that never was the label the recall 0. So that an average does not
    rise because a class is no longer predicted.

    The interval of an average follows from those of the classes by the square root of the sum of
    squares, divided by k [2]_. Classes share no request in precision, nor in recall. F1 of two
    classes fall together with every request of one that is taken for the other: with D predictions
    and support of a class together, and :math:`a = F_1 / D`, the delta method has

    .. math:: \operatorname{Var} F_c = \frac{n_{cc} (2 - 2 F_c)^2 + (D_c - 2 n_{cc}) F_c^2}{D_c^2},
              \quad \operatorname{Cov}(F_c, F_d) = (n_{cd} + n_{dc})\, a_c a_d

    Examples
    --------
    >>> pairs = {("a", "a"): 8, ("b", "a"): 2, ("b", "b"): 5, ("c", "c"): 4, ("a", "c"): 1}
    >>> found = macro_figures(Confusion.of(pairs))
    >>> {name: round(figure.value, 3) for name, figure in found.items()}
    {'accuracy': 0.85, 'precision': 0.868, 'recall': 0.867, 'f1': 0.855}

    References
    ----------
    .. [1] scikit-learn 1.9, ``precision_recall_fscore_support(average="macro")``.
    .. [2] G. Zou, A. Donner, Construction of confidence limits about effect measures: a general
       approach, Statist. Med. 27, 2008.
    """
    accuracy = share_figure(int(confusion.hits.sum()), confusion.n)
    if accuracy is None:
        return {}
    either = confusion.predictions + confusion.supports - confusion.hits
    f1 = _shares(confusion.hits, either).as_f1()
    return {
        "accuracy": accuracy,
        "precision": _shares(confusion.hits, confusion.predictions).average(),
        "recall": _shares(confusion.hits, confusion.supports).average(),
        "f1": f1.average(_f1_correlations(confusion, f1.values)),
    }


@dataclass(frozen=True, slots=True)
class _Shares:
    """Shares by class, with how far their intervals reach below and above; (k,) each."""

    values: FloatArray
    below: FloatArray
    above: FloatArray

    def as_f1(self) -> "_Shares":
        """F1 of Jaccard's shares."""
        ends = (self.values, self.values - self.below, self.values + self.above)
        values, lows, highs = (2 * share / (1 + share) for share in ends)
        return _Shares(values, values - lows, highs - values)

    def average(self, pairs: tuple[IntArray, IntArray, FloatArray] | None = None) -> Figure:
        """Average, with the correlations of pairs of classes."""
        k = len(self.values)
        halves = []
        for half in (self.below, self.above):
            squares = float(half @ half)
            if pairs is not None:
                one, other, correlation = pairs
                squares += float((half[one] * half[other]) @ correlation)
            halves.append(math.sqrt(squares) / k)
        value = float(self.values.mean())
        return Figure(value, max(0.0, value - halves[0]), min(1.0, value + halves[1]))


def _shares(hits: IntArray, n: IntArray) -> _Shares:
    """Shares with Wilson's intervals; 0 for sure where n is 0."""
    found = [
        (h / m, *wilson_interval(h, m)) if m else (0.0, 0.0, 0.0)
        for h, m in zip(hits.tolist(), n.tolist(), strict=True)
    ]
    values, lows, highs = np.array(found).T
    return _Shares(values, values - lows, highs - values)


def _f1_correlations(confusion: Confusion, f1: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of classes that were taken for each other, and how their F1 correlate."""
    both = (confusion.predictions + confusion.supports).astype(np.float64)
    hits = confusion.hits
    variance = (hits * (2 - 2 * f1) ** 2 + (both - 2 * hits) * f1**2) / both**2
    one, other = confusion.predicted, confusion.actual
    wrong: BoolArray = (one != other) & (variance[one] > 0) & (variance[other] > 0)
    one, other = one[wrong], other[wrong]
    slope = f1 / both
    # A covariance is that of c taken for d and of d taken for c, and stands in the square of the
    # sum twice. Here each of both stands once, so it brings its part twice.
    covariance = 2 * confusion.counts[wrong] * slope[one] * slope[other]
    return one, other, covariance / np.sqrt(variance[one] * variance[other])
