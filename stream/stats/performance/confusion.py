"""Accuracy, precision, recall and F1 from counts of (predicted, actual) classes: exact."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from stream.arrays import IntArray
from stream.stats.performance.intervals import Figure, share_figure
from stream.stats.two_samples import wilson_interval


@dataclass(frozen=True, slots=True)
class Confusion:
    """Labelled requests by predicted and actual class; pairs that occur, m of them.

    Attributes
    ----------
    classes : k classes, sorted, that were predicted or were the label
    predicted, actual : (m,) places of classes
    counts : (m,) requests
    hits : (k,) requests that are of a class and predicted to be
    predictions : (k,) requests that are predicted to be of it
    supports : (k,) requests that are of it
    """

    classes: tuple[str, ...]
    predicted: IntArray
    actual: IntArray
    counts: IntArray
    hits: IntArray
    predictions: IntArray
    supports: IntArray

    @classmethod
    def of(cls, pairs: Mapping[tuple[str, str], int]) -> "Confusion":
        """Arrange counts by (predicted, actual) class.

        Examples
        --------
        >>> found = Confusion.of({("a", "a"): 3, ("a", "b"): 1})
        >>> found.classes, found.hits.tolist(), found.supports.tolist()
        (('a', 'b'), [3, 0], [3, 1])
        """
        counted = sorted((pair, n) for pair, n in pairs.items() if n)
        classes = tuple(sorted({name for pair, _ in counted for name in pair}))
        place = {name: i for i, name in enumerate(classes)}
        predicted = np.array([place[pair[0]] for pair, _ in counted], dtype=np.int64)
        actual = np.array([place[pair[1]] for pair, _ in counted], dtype=np.int64)
        counts = np.array([n for _, n in counted], dtype=np.int64)
        right = predicted == actual

        def by_class(of: IntArray, weights: IntArray) -> IntArray:
            return np.bincount(of, weights, len(classes)).astype(np.int64)

        return cls(
            classes,
            predicted,
            actual,
            counts,
            by_class(predicted[right], counts[right]),
            by_class(predicted, counts),
            by_class(actual, counts),
        )

    @property
    def n(self) -> int:
        """Labelled requests."""
        return int(self.counts.sum())

    def table(self) -> dict[str, dict[str, int]]:
        """Requests by actual, then predicted class.

        Examples
        --------
        >>> Confusion.of({("a", "a"): 3, ("a", "b"): 1}).table()
        {'a': {'a': 3}, 'b': {'a': 1}}
        """
        out: dict[str, dict[str, int]] = {}
        rows = (self.actual.tolist(), self.predicted.tolist(), self.counts.tolist())
        for actual, predicted, count in sorted(zip(*rows, strict=True)):
            out.setdefault(self.classes[actual], {})[self.classes[predicted]] = count
        return out


def is_binary(classes: Collection[str], positive: str) -> bool:
    """Whether these are at most the positive class and one other.

    Examples
    --------
    >>> is_binary({"1"}, "1"), is_binary({"1", "0"}, "1"), is_binary({"cat", "dog"}, "1")
    (True, True, False)
    """
    return len(set(classes) - {positive}) <= 1


def binary_figures(confusion: Confusion, positive: str) -> dict[str, Figure]:
    r"""Figures of a model that tells one class from the rest.

    Parameters
    ----------
    confusion : of the labelled requests
    positive : the class that precision and recall speak of

    Returns
    -------
    `accuracy`, `precision`, `recall`, `f1`. Absent: precision where nothing was predicted
    positive, recall where nothing is, F1 where neither is.

    Notes
    -----
    With TP, FP, FN requests that are right, wrongly and not predicted positive:

    .. math:: F_1 = \frac{2\,TP}{2\,TP + FP + FN} = \frac{2 J}{1 + J}, \quad
              J = \frac{TP}{TP + FP + FN}

    so F1 rises with a share, J, and the ends of Wilson's interval of J [1]_ are those of F1's. The
    delta method agrees in the limit, but has no width at 0 and at 1.

    Examples
    --------
    >>> pairs = {("1", "1"): 40, ("1", "0"): 10, ("0", "1"): 20, ("0", "0"): 30}
    >>> found = binary_figures(Confusion.of(pairs), "1")
    >>> {name: round(figure.value, 3) for name, figure in found.items()}
    {'accuracy': 0.7, 'precision': 0.8, 'recall': 0.667, 'f1': 0.727}
    >>> round(found["f1"].low, 3), round(found["f1"].high, 3)
    (0.625, 0.81)

    References
    ----------
    .. [1] E. Wilson, Probable inference, the law of succession, and statistical inference, JASA
       22, 1927.
    """
    hits = predictions = support = 0
    if positive in confusion.classes:
        of = confusion.classes.index(positive)
        hits = int(confusion.hits[of])
        predictions, support = int(confusion.predictions[of]), int(confusion.supports[of])
    found = {
        "accuracy": share_figure(int(confusion.hits.sum()), confusion.n),
        "precision": share_figure(hits, predictions),
        "recall": share_figure(hits, support),
        "f1": _f1_figure(hits, predictions + support - hits),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _f1_figure(hits: int, either: int) -> Figure | None:
    """F1 of so many hits among requests that are positive or predicted to be."""
    if either == 0:
        return None
    low, high = wilson_interval(hits, either)
    return Figure(f1_of(hits / either), f1_of(low), f1_of(high))


def f1_of(jaccard: float) -> float:
    """F1 of Jaccard's share.

    Examples
    --------
    >>> f1_of(0.5)
    0.6666666666666666
    """
    return 2 * jaccard / (1 + jaccard)


def class_figures(confusion: Confusion) -> dict[str, dict[str, int | float]]:
    """Figures of each class, one against the rest.

    Returns
    -------
    By class: `precision`, `recall`, `f1`, `support` (requests that are of it). A precision of
    nothing predicted and a recall of nothing there are absent.

    Examples
    --------
    >>> class_figures(Confusion.of({("a", "a"): 3, ("a", "b"): 1}))["b"]
    {'recall': 0.0, 'f1': 0.0, 'support': 1}
    """
    out: dict[str, dict[str, int | float]] = {}
    rows = (confusion.hits.tolist(), confusion.predictions.tolist(), confusion.supports.tolist())
    for name, hits, predictions, support in zip(confusion.classes, *rows, strict=True):
        figures: dict[str, int | float] = {}
        if predictions:
            figures["precision"] = hits / predictions
        if support:
            figures["recall"] = hits / support
        figures["f1"] = 2 * hits / (predictions + support)
        figures["support"] = support
        out[name] = figures
    return out
