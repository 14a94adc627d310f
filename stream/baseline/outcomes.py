"""Predictions of reference data beside their labels, counted as the label join counts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stream.arrays import BoolArray, FloatArray, IntArray
from stream.baseline.columns import Classes, Column, Numbers, as_classes
from stream.baseline.score_edges import score_grid_id
from stream.sketches.exact_sums import BAND_BITS, BAND_MAX, BAND_MIN, ExactSums, unit_exponent
from stream.sketches.sums import add_up
from stream.state.codec import NameCounts, bound_names
from stream.window.labelled import (
    BRIER,
    CELLS,
    ERROR,
    LABELLED,
    LOG_LOSS,
    PAIR_SEPARATOR,
    PAIRS_MAX,
    REGISTERED,
    RELATIVE,
    TARGET,
    LabelCounts,
)

_CLIP = float(np.finfo(np.float64).eps)
"""A probability of the actual class below this counts as this, as scikit-learn has it."""


@dataclass(frozen=True, slots=True)
class ClassOutcomes:
    """Rows with a predicted class and a label.

    Attributes
    ----------
    names : classes that were predicted or true, sorted
    predicted, actual : (n,) places among the names
    scores : by class, (n,) its probability; NaN where there is none
    """

    names: tuple[str, ...]
    predicted: IntArray
    actual: IntArray
    scores: Mapping[str, FloatArray]

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.actual)

    def is_actual(self, name: str) -> BoolArray:
        """Whether the label is this class, shape ``(n,)``."""
        place = self.names.index(name) if name in self.names else -1
        return np.asarray(self.actual == place)

    @property
    def scored(self) -> BoolArray:
        """Which rows have all probabilities."""
        if not self.scores:
            return np.zeros(self.rows, dtype=np.bool_)
        there = np.isfinite(np.stack(list(self.scores.values())))
        return np.asarray(there.all(axis=0), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class NumberOutcomes:
    """Rows with a predicted number and a target, shapes ``(n,)``."""

    predicted: FloatArray
    actual: FloatArray

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.actual)


def class_outcomes(
    prediction: Column, label: Column, scores: Mapping[str, Numbers]
) -> ClassOutcomes | None:
    """Put classes beside labels; None where one of them is not of classes."""
    columns = [as_classes(of) if isinstance(of, Numbers) else of for of in (prediction, label)]
    predicted, actual = columns
    if not isinstance(predicted, Classes) or not isinstance(actual, Classes):
        return None
    both = (predicted.codes >= 0) & (actual.codes >= 0)
    codes = [_renamed(of, both) for of in (predicted, actual)]
    names = sorted({name for of in codes for name in of[0]})
    place = {name: k for k, name in enumerate(names)}
    placed = [np.array([place[name] for name in of], dtype=np.int64)[at] for of, at in codes]
    return ClassOutcomes(
        names=tuple(names),
        predicted=placed[0],
        actual=placed[1],
        scores={name: of.ordered[both] for name, of in scores.items()},
    )


def _renamed(of: Classes, kept: BoolArray) -> tuple[list[str], IntArray]:
    """Names that rows have, and the place of each row's among them."""
    used, places = np.unique(of.codes[kept], return_inverse=True)
    return [of.names[code] for code in used.tolist()], places.astype(np.int64)


def number_outcomes(prediction: Column, label: Column) -> NumberOutcomes | None:
    """Put numbers beside targets; None where one of them has no numbers."""
    if not isinstance(prediction, Numbers) or not isinstance(label, Numbers):
        return None
    both = ~(np.isnan(prediction.ordered) | np.isnan(label.ordered))
    return NumberOutcomes(prediction.ordered[both], label.ordered[both])


def count_classes(outcomes: ClassOutcomes, positive: str | None, edges: FloatArray) -> LabelCounts:
    """Count classified rows.

    Parameters
    ----------
    outcomes : rows
    positive : the class of the only probability; None of many classes
    edges : inner edges of the cells of probabilities
    """
    counts = _counts_of(outcomes.rows)
    k = len(outcomes.names)
    table = np.bincount(outcomes.predicted * k + outcomes.actual, minlength=k * k).reshape(k, k)
    pairs = {
        f"{predicted}{PAIR_SEPARATOR}{actual}": int(table[i, j])
        for i, predicted in enumerate(outcomes.names)
        for j, actual in enumerate(outcomes.names)
        if table[i, j]
    }
    counts.pairs = bound_names(pairs, PAIRS_MAX)
    usable = outcomes.scored
    if not usable.any():
        return counts
    scores = {name: of[usable] for name, of in outcomes.scores.items()}
    hits = {name: outcomes.is_actual(name)[usable] for name in scores}
    cells = len(edges) + 1
    counts.scores[score_grid_id(edges)] = {
        name: np.bincount(np.searchsorted(edges, of) + cells * hits[name], minlength=2 * cells)
        for name, of in scores.items()
    }
    of_actual = np.zeros(int(usable.sum()))
    squares = np.zeros(int(usable.sum()))
    for name, of in scores.items():
        of_actual += np.where(hits[name], of, 1 - of if name == positive else 0.0)
        squares += (of - hits[name]) ** 2
    counts.sums[LOG_LOSS] = exact_sums(-np.log(np.clip(of_actual, _CLIP, 1 - _CLIP)))
    counts.sums[BRIER] = exact_sums(squares)
    return counts


def count_numbers(outcomes: NumberOutcomes) -> LabelCounts:
    """Count rows of a regression."""
    counts = _counts_of(outcomes.rows)
    errors, targets = outcomes.predicted - outcomes.actual, outcomes.actual
    there = targets != 0
    with np.errstate(over="ignore"):  # of a target next to 0: left out
        relative = np.abs(errors[there] / targets[there])
    counts.sums = {
        ERROR: exact_sums(errors),
        TARGET: exact_sums(targets),
        RELATIVE: exact_sums(relative),
    }
    return counts


def _counts_of(rows: int) -> LabelCounts:
    cells = np.zeros(CELLS, dtype=np.int64)
    cells[[REGISTERED, LABELLED]] = rows
    return LabelCounts(cells=cells, pairs=NameCounts(PAIRS_MAX, 0, {}))


def exact_sums(values: FloatArray) -> ExactSums:
    """Sum values, shape ``(n,)``, as `ExactSums.of` does, many at once; infinite ones are left out.

    Examples
    --------
    >>> exact_sums(np.array([1e9, 0.1, -1e9])) == ExactSums.of([1e9, 0.1, -1e9])
    True
    """
    values = values[np.isfinite(values)]
    exponents = np.frexp(values)[1] - 1
    bands = np.clip(exponents // BAND_BITS, BAND_MIN, BAND_MAX)
    bands[values == 0] = BAND_MIN
    out = ExactSums()
    for band in np.unique(bands).tolist():
        inside = values[bands == band]
        if band == BAND_MAX:  # its units may need more than 64 bits
            out.merge(ExactSums.of(inside.tolist()))
            continue
        units = np.rint(np.ldexp(inside, -unit_exponent(band))).astype(np.int64)
        (totals, sizes), (squares, _) = add_up(np.stack([units, np.abs(units)]))
        out.bands[band] = [len(inside), totals, sizes, squares]
    return out
