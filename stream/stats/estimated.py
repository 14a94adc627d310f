"""Performance of a classifier, estimated without labels (CBPE).

What is known of a row is its calibrated probability of each class. Summed by predicted class, that
is the expected confusion matrix, and figures are made of it as they are of counts. They are right
as far as the probabilities are: also when the inputs have changed, but not when what they mean has
(concept drift), which only labels show.

Intervals are the estimate ± 1.96 sampling errors, cut at 0 and 1: how far the figure of so many
rows varies though nothing changed. The uncertainty of the calibration itself is not in them.

References
----------
.. [1] NannyML 0.13.1, ``nannyml.performance_estimation.confidence_based``.
.. [2] J. Białek et al., Estimating model performance under covariate shift without labels, 2024,
   arXiv:2401.08348.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.stats.performance.intervals import Z


class _Estimate(NamedTuple):
    """A figure, and the variance of its sampling error."""

    value: float
    variance: float


def estimated_binary(rows: FloatArray, positives: FloatArray) -> dict[str, float]:
    """Figures of a binary classifier, of its positive class.

    Parameters
    ----------
    rows : (2,) rows that were predicted negative, and positive
    positives : (2,) sums of their calibrated probabilities of the positive class

    Returns
    -------
    `estimated_accuracy`, `estimated_precision`, `estimated_recall` and `estimated_f1`, each with
    `_low` and `_high`; those whose denominator is 0 are absent.

    Examples
    --------
    >>> figures = estimated_binary(np.array([80.0, 20.0]), np.array([8.0, 15.0]))
    >>> figures["estimated_accuracy"], figures["estimated_precision"]
    (0.87, 0.75)
    >>> round(figures["estimated_recall"], 3), round(figures["estimated_precision_low"], 3)
    (0.652, 0.56)
    """
    hits = float(positives[1])
    one = _OneClass(hits, float(rows[1]) - hits, float(positives[0]))
    correct = hits + float(rows[0] - positives[0])
    found = {"accuracy": _share(correct, float(rows.sum()))} | one.figures()
    return _with_intervals(found)


def estimated_multiclass(rows: FloatArray, sums: FloatArray) -> dict[str, float]:
    """Figures of a classifier of many classes; all but the accuracy are macro averages.

    Parameters
    ----------
    rows : (k,) rows by predicted class
    sums : (k, k) sums of the calibrated probability of each class (columns), by predicted class

    Returns
    -------
    As `estimated_binary`. As in measured averages (`stream.stats.performance.confusion`), a class
    that was never predicted has the precision 0. Empty without rows.

    Examples
    --------
    >>> figures = estimated_multiclass(np.array([10.0, 10.0]), np.array([[9.0, 1.0], [2.0, 8.0]]))
    >>> figures["estimated_accuracy"], round(figures["estimated_precision"], 2)
    (0.85, 0.85)
    """
    hits = np.diag(sums)
    classes = [
        _OneClass(*of).figures()
        for of in zip(
            hits.tolist(), (rows - hits).tolist(), (sums.sum(axis=0) - hits).tolist(), strict=True
        )
    ]
    found = {"accuracy": _share(float(hits.sum()), float(rows.sum()))}
    if found["accuracy"] is None:
        return {}
    for name in ("precision", "recall", "f1"):
        found[name] = _mean(of[name] for of in classes)
    return _with_intervals(found)


def estimated_roc_auc(counts: IntArray, probabilities: FloatArray) -> dict[str, float]:
    r"""Area under the ROC curve.

    Parameters
    ----------
    counts : (k,) rows by cell of the score, ascending
    probabilities : (k,) calibrated probability of the positive class in each cell

    Returns
    -------
    `estimated_roc_auc`, with `_low` and `_high`; empty where no row may be positive, or all are.

    Notes
    -----
    With :math:`p_i` expected positives and :math:`q_i` negatives in cell i,

    .. math:: \frac{1}{PQ} \sum_i p_i \Bigl(\sum_{j<i} q_j + \frac{q_i}{2}\Bigr)

    Inside a cell the order is lost, so the true value is at most :math:`\sum p_i q_i / 2PQ` off.
    The interval is that far beyond 1.96 sampling errors, which are those of DeLong [3]_: the
    variance of the placements of positives, divided by P, and of negatives, divided by Q.

    Examples
    --------
    >>> round(estimated_roc_auc(np.array([50, 50]), np.array([0.1, 0.9]))["estimated_roc_auc"], 4)
    0.9

    References
    ----------
    .. [3] E. DeLong, D. DeLong, D. Clarke-Pearson, Comparing the areas under two or more correlated
       receiver operating characteristic curves, Biometrics 44, 1988.
    """
    p, q = counts * probabilities, counts * (1 - probabilities)
    positives, negatives = float(p.sum()), float(q.sum())
    if positives <= 0 or negatives <= 0:
        return {}
    above_negatives = (np.cumsum(q) - q / 2) / negatives
    below_positives = 1 - (np.cumsum(p) - p / 2) / positives
    auc = float(p @ above_negatives) / positives
    variance = (
        float(p @ (above_negatives - auc) ** 2) / positives**2
        + float(q @ (below_positives - auc) ** 2) / negatives**2
    )
    lost = float(p @ q) / (2 * positives * negatives)
    return _with_intervals({"roc_auc": _Estimate(auc, variance)}, lost)


class _OneClass(NamedTuple):
    """Expected rows of one class: predicted so rightly, wrongly, and not predicted so."""

    hits: float
    false: float
    missed: float

    def figures(self) -> dict[str, _Estimate | None]:
        """Precision, recall and F1 of the class."""
        return {
            "precision": _share(self.hits, self.hits + self.false),
            "recall": _share(self.hits, self.hits + self.missed),
            "f1": self._f1(),
        }

    def _f1(self) -> _Estimate | None:
        """F1 = 2 t / (1 + t), t the share of hits among rows predicted or of the class, or both."""
        share = _share(self.hits, self.hits + self.false + self.missed)
        if share is None:
            return None
        slope = 2 / (1 + share.value) ** 2
        return _Estimate(2 * share.value / (1 + share.value), slope**2 * share.variance)


def _share(hits: float, n: float) -> _Estimate | None:
    """Share of expected hits, with the variance of a binomial; None of nothing."""
    if n <= 0:
        return None
    # Rounded sums may be a hair beyond.
    value = min(max(hits / n, 0.0), 1.0)
    return _Estimate(value, value * (1 - value) / n)


def _mean(of_classes: Iterable[_Estimate | None]) -> _Estimate:
    known = [of or _Estimate(0.0, 0.0) for of in of_classes]
    total, variance = (sum(part) for part in zip(*known, strict=True))
    return _Estimate(total / len(known), variance / len(known) ** 2)


def _with_intervals(
    found: dict[str, _Estimate | None] | dict[str, _Estimate], lost: float = 0.0
) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, estimate in found.items():
        if estimate is None:
            continue
        half = Z * math.sqrt(estimate.variance) + lost
        figures[f"estimated_{name}"] = estimate.value
        figures[f"estimated_{name}_low"] = max(0.0, estimate.value - half)
        figures[f"estimated_{name}_high"] = min(1.0, estimate.value + half)
    return figures
