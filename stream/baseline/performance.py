"""How well a model did on reference data that has labels, and how its probabilities are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from schemas.baselines import BaselinePerformance, Calibration, FeatureBaseline
from schemas.features import FeatureKind
from schemas.metric_names import BASELINE_FIGURES
from schemas.models import Task
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Column, Numbers
from stream.baseline.features import CATEGORIES_MAX
from stream.baseline.outcomes import (
    ClassOutcomes,
    class_outcomes,
    count_classes,
    count_numbers,
    number_outcomes,
)
from stream.baseline.references import reference_of
from stream.baseline.score_edges import DEFAULT_SCORE_EDGES, score_edges, score_grid_id
from stream.rollup.performance import PerformanceTerms, performance_figures
from stream.stats.calibration import calibrate
from stream.window.estimates import CLASSES_MAX
from stream.window.labelled import LabelCounts

LABEL_BYTES_MAX = 65_536
"""JSON of the labels as a column, as `stream.baseline.features` bounds the names of categories."""
_BINARY_CLASSES = 2
_NAMED_MAX = 5
"""Classes that a sentence names."""
_NUMBERS = (FeatureKind.NUMERIC, FeatureKind.DISCRETE)

Tell = Callable[[str], None]


def performance_of(
    prediction: Column,
    kind: FeatureKind,
    label: Column,
    probabilities: Mapping[str, Numbers],
    *,
    task: Task = Task.AUTO,
    positive_class: str = "1",
    tell: Tell,
) -> BaselinePerformance | None:
    """Measure a model on its reference.

    Parameters
    ----------
    prediction, label : columns of the same rows
    kind : of the prediction
    probabilities : of classes, by class; of the positive class alone where the model is binary
    task : `auto` infers it: numbers that are no classes are a regression; classes are binary where
        there are two at most
    positive_class : of a binary model
    tell : gets a sentence for each thing that was left out

    Returns
    -------
    None where labels and predictions don't go together, or no row has both.

    Notes
    -----
    Rows without prediction or label are left out; those without a probability where a figure needs
    it. Figures are those that reports have of the same rows, without their intervals.
    """
    if task is Task.AUTO and (kind in _NUMBERS or _has_fractions(label)):
        task = Task.REGRESSION
    if task is Task.REGRESSION:
        return _regression(prediction, label, positive_class, tell)
    outcomes = None
    if task is not Task.RANKING:
        outcomes = class_outcomes(prediction, label, probabilities)
    if outcomes is None:
        tell("labels and predictions are no classes: the baseline has no performance")
        return None
    if outcomes.rows == 0:
        tell("no row has a label and a prediction: the baseline has no performance")
        return None
    if len(outcomes.names) > CATEGORIES_MAX:
        tell(f"labels and predictions are of more than {CATEGORIES_MAX:,} classes: left out")
        return None
    if task is Task.AUTO:
        task = Task.BINARY if len(outcomes.names) <= _BINARY_CLASSES else Task.MULTICLASS
    return _classification(task, outcomes, positive_class, tell)


def _has_fractions(label: Column) -> bool:
    return isinstance(label, Numbers) and bool(np.any(label.values != np.rint(label.values)))


def _regression(
    prediction: Column, label: Column, positive: str, tell: Tell
) -> BaselinePerformance | None:
    outcomes = number_outcomes(prediction, label)
    if outcomes is None or outcomes.rows == 0:
        tell("no row has a number as prediction and as label: the baseline has no performance")
        return None
    return BaselinePerformance(
        task=Task.REGRESSION,
        positive_class=positive,
        labelled=outcomes.rows,
        figures=_figures(count_numbers(outcomes), Task.REGRESSION),
        label=_label(Numbers(outcomes.actual), FeatureKind.NUMERIC, tell),
    )


def _classification(
    task: Task, outcomes: ClassOutcomes, positive: str, tell: Tell
) -> BaselinePerformance:
    scores = _usable_scores(task, outcomes, positive, tell)
    outcomes = replace(outcomes, scores=scores)
    usable = outcomes.scored
    calibration: dict[str, Calibration] = {}
    for name, of in scores.items():
        found = calibrate(of[usable], outcomes.is_actual(name)[usable])
        if found is not None:
            calibration[name] = found
    edges = DEFAULT_SCORE_EDGES
    if scores:
        edges = score_edges(
            np.concatenate([of[usable] for of in scores.values()]),
            np.concatenate([outcomes.is_actual(name)[usable] for name in scores]),
        )
    counts = count_classes(outcomes, positive if task is Task.BINARY else None, edges)
    label = Classes(outcomes.names, outcomes.actual)
    return BaselinePerformance(
        task=task,
        positive_class=positive,
        labelled=outcomes.rows,
        figures=_figures(counts, task, positive, edges),
        classes=tuple(sorted(scores)),
        calibration=calibration,
        score_edges=tuple(edges.tolist()) if scores else (),
        label=_label(label, FeatureKind.CATEGORICAL, tell),
    )


def _usable_scores(
    task: Task, outcomes: ClassOutcomes, positive: str, tell: Tell
) -> Mapping[str, FloatArray]:
    """Probabilities of the classes that performance is told from."""
    scores = outcomes.scores
    if task is Task.BINARY and positive not in outcomes.names:
        tell(
            f"no row is of the positive class {positive!r}, but of {_named(outcomes.names)}: set "
            "`positive_class` in the model's configuration"
        )
        return {}
    if task is Task.BINARY:
        scores = {name: of for name, of in scores.items() if name == positive}
    elif len(scores) == 1:
        tell("the probability is of one class, but there are many: figures are made without it")
        return {}
    if len(scores) > CLASSES_MAX:
        tell(
            f"there are probabilities of more than {CLASSES_MAX} classes: figures are made without"
        )
        return {}
    return scores if outcomes.scored.any() else {}


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED_MAX]))
    return f"{shown} and others" if len(names) > _NAMED_MAX else shown


def _label(column: Column, kind: FeatureKind, tell: Tell) -> FeatureBaseline | None:
    """Labels as a column; None where that is too long."""
    reference = reference_of("label", column, kind)
    size = len(msgspec.json.encode(reference))
    if size <= LABEL_BYTES_MAX:
        return reference
    tell(f"as a column the labels take {size:,} bytes: drift of labels will not be measured")
    return None


def _figures(
    counts: LabelCounts, task: Task, positive: str = "", edges: FloatArray | None = None
) -> dict[str, float]:
    """Figures that windows are compared with."""
    by_grid = {} if edges is None else {score_grid_id(edges): edges}
    found = performance_figures(counts, PerformanceTerms(task, positive, by_grid)).metrics
    return {name: found[name] for name in BASELINE_FIGURES if name in found}
