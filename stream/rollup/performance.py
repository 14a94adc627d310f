"""What labels tell of a window: its label counts to performance figures. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from schemas.baselines import BaselinePerformance
from schemas.models import Task
from stream.arrays import FloatArray, IntArray
from stream.baseline.score_edges import score_grid_id
from stream.rollup.quality import Metrics
from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.average_precision import average_precision
from stream.stats.performance.calibration import ReliabilityCurve, reliability_curve
from stream.stats.performance.cells import ScoreCells
from stream.stats.performance.confusion import (
    Confusion,
    binary_figures,
    class_figures,
    is_binary,
)
from stream.stats.performance.delays import delay_quantile_ms
from stream.stats.performance.intervals import Figure, average_figure
from stream.stats.performance.label_shift import class_label_psi, numeric_label_psi
from stream.stats.performance.losses import loss_figures
from stream.stats.performance.macro import macro_figures
from stream.stats.performance.ranking import ranking_figures
from stream.stats.performance.regression import regression_figures
from stream.stats.performance.roc_auc import roc_auc
from stream.stats.reference import Reference
from stream.window import labelled
from stream.window.labelled import LabelCounts

CLASSES_SHOWN_MAX = 100
"""Classes that have figures of their own in a report: those with the most labelled requests."""
AUTO_CLASSES_MAX = 20
"""Whole numbers are classes up to so many; as many as one may still name."""
DELAY_QUANTILES = {"p50": 0.5, "p95": 0.95}
_SCORED = ("roc_auc", "average_precision", "calibration_error")


@dataclass(frozen=True, slots=True)
class PerformanceTerms:
    """What a window's label counts are read by.

    Attributes
    ----------
    task : what the model does; `auto` is that of the baseline, or follows from the counts
    positive_class : the class that precision, recall and a single probability speak of
    edges : inner edges of the cells of probabilities, by grid
    baseline : how the model did on its reference, where that has labels
    """

    task: Task = Task.AUTO
    positive_class: str = "1"
    edges: Mapping[str, FloatArray] = field(default_factory=dict)
    baseline: BaselinePerformance | None = None


@dataclass(slots=True)
class Performance:
    """Figures of the labelled requests of a window, or of a segment in it.

    Attributes
    ----------
    metrics : by the contract's names
    confusion : labelled requests by actual, then predicted class
    classes : figures by class, one against the rest
    reliability : mean probability, observed share and labelled requests of bins, by probability;
        of many classes all together, each one against the rest
    """

    metrics: Metrics = field(default_factory=dict)
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    classes: dict[str, dict[str, int | float]] = field(default_factory=dict)
    reliability: list[tuple[float, float, int]] = field(default_factory=list)


def performance_figures(counts: LabelCounts, terms: PerformanceTerms) -> Performance:
    r"""Compute what labels tell of a window, or of a segment in it.

    Parameters
    ----------
    counts : of the window's label panes
    terms : what they are read by

    Returns
    -------
    Beside each figure its 95 % interval, ``<figure>_low`` and ``<figure>_high``, and, where the
    baseline has it, ``<figure>_change``, this value less the baseline's. What can't be computed is
    absent. Figures that were sent along with labels are `stream.rollup.custom`'s.

    Notes
    -----
    Where a baseline changed in the window, its probabilities lie in the cells of two grids. Those
    of the grid with more of them are taken, and figures of scores are of these requests alone.

    Examples
    --------
    >>> from stream.state.codec import NameCounts
    >>> pairs = {"1\x1f1": 8, "1\x1f0": 2, "0\x1f0": 10}
    >>> counts = LabelCounts(np.array([25, 20, 0, 0]), NameCounts(4096, 0, pairs))
    >>> found = performance_figures(counts, PerformanceTerms(task=Task.BINARY))
    >>> found.metrics["label_coverage"], found.metrics["precision"], found.confusion["0"]
    (0.8, 0.8, {'0': 10, '1': 2})
    """
    found = Performance()
    found.metrics |= _label_metrics(counts)
    task = task_of(counts, terms)
    if task is Task.RANKING:
        figures = ranking_figures(
            *_sums(counts, labelled.NDCG, labelled.RECIPROCAL_RANK, labelled.HIT)
        )
    elif task is Task.REGRESSION:
        figures = regression_figures(
            *_sums(counts, labelled.ERROR, labelled.TARGET, labelled.RELATIVE)
        )
    else:
        figures = _classification(counts, terms, task, found)
    _write(found.metrics, figures, terms.baseline)
    shift = _label_psi(counts, terms.baseline)
    if shift is not None:
        found.metrics["label_psi"] = shift
    return found


def task_of(counts: LabelCounts, terms: PerformanceTerms) -> Task:
    """Tell what the model does; never `auto`.

    What is configured goes before the baseline's, and that before what was counted: rankings are
    rankings; numbers are regression, unless all of them are whole and few different ones; classes
    are binary if they are the positive one and one other.
    """
    if terms.task is not Task.AUTO:
        return terms.task
    if terms.baseline is not None and terms.baseline.task is not Task.AUTO:
        return terms.baseline.task
    if labelled.RECIPROCAL_RANK in counts.sums:
        return Task.RANKING
    scored = {name for classes in counts.scores.values() for name in classes}
    classes = scored.union(*counts.confusion()) if counts.pairs.names else scored
    if labelled.ERROR in counts.sums:
        paired = sum(counts.pairs.names.values()) + counts.pairs.other
        usable = counts.labelled - int(counts.cells[labelled.UNUSABLE])
        if paired < usable or len(classes) > AUTO_CLASSES_MAX:
            return Task.REGRESSION
    return Task.BINARY if is_binary(classes, terms.positive_class) else Task.MULTICLASS


def _label_metrics(counts: LabelCounts) -> Metrics:
    metrics: Metrics = {}
    if counts.registered:
        metrics["label_coverage"] = counts.labelled / counts.registered
    for name, probability in DELAY_QUANTILES.items():
        delay_ms = delay_quantile_ms(counts.delays, probability)
        if delay_ms is not None:
            metrics[f"label_delay_{name}_ms"] = delay_ms
    return metrics


def _sums(counts: LabelCounts, *names: str) -> list[ExactSums]:
    return [counts.sums.get(name, ExactSums()) for name in names]


def _write(
    metrics: Metrics, figures: Mapping[str, Figure], baseline: BaselinePerformance | None
) -> None:
    reference = baseline.figures if baseline is not None else {}
    for name, figure in figures.items():
        metrics[name] = figure.value
        if figure.low is not None and figure.high is not None:
            metrics[f"{name}_low"], metrics[f"{name}_high"] = figure.low, figure.high
        if name in reference:
            metrics[f"{name}_change"] = figure.value - reference[name]


def _classification(
    counts: LabelCounts, terms: PerformanceTerms, task: Task, found: Performance
) -> dict[str, Figure]:
    """Figures of classes; what is beside the metrics is written into ``found``."""
    figures: dict[str, Figure] = {}
    scores = _Scores.of(counts, terms)
    # Pairs beyond the bound have lost their names, and those that are left are no fair sample.
    if counts.pairs.names and not counts.pairs.other:
        confusion = Confusion.of(counts.confusion())
        found.confusion = confusion.table()
        found.classes = _shown_classes(confusion)
        if task is Task.BINARY:
            figures |= binary_figures(confusion, terms.positive_class)
        else:
            figures |= macro_figures(confusion)
    if scores is not None:
        figures |= _score_figures(scores, task, terms.positive_class, found)
    return figures | loss_figures(*_sums(counts, labelled.LOG_LOSS, labelled.BRIER))


def _shown_classes(confusion: Confusion) -> dict[str, dict[str, int | float]]:
    figures = class_figures(confusion)
    largest = sorted(figures, key=lambda name: (-figures[name]["support"], name))
    shown = set(largest[:CLASSES_SHOWN_MAX])
    return {name: of for name, of in figures.items() if name in shown}


@dataclass(frozen=True, slots=True)
class _Scores:
    """Requests by cell of their probability: (2, k) by class, and where the cells lie."""

    cells: ScoreCells
    by_class: dict[str, IntArray]

    @classmethod
    def of(cls, counts: LabelCounts, terms: PerformanceTerms) -> "_Scores | None":
        """Scores in the cells with most of them; None where there are none in known cells."""
        known = sorted(grid for grid in counts.scores if grid in terms.edges)
        if not known:
            return None
        grid = max(known, key=lambda name: max(int(c.sum()) for c in counts.scores[name].values()))
        by_class = {name: c.reshape(2, -1) for name, c in sorted(counts.scores[grid].items())}
        return cls(ScoreCells.between(terms.edges[grid]), by_class)


def _score_figures(
    scores: _Scores, task: Task, positive: str, found: Performance
) -> dict[str, Figure]:
    by_class = scores.by_class
    if task is Task.BINARY:
        by_class = {name: c for name, c in by_class.items() if name == positive}
    of_classes: dict[str, list[Figure]] = {name: [] for name in _SCORED}
    for name, cells in by_class.items():
        area = roc_auc(cells, scores.cells.single)
        if area is not None:
            of_classes["roc_auc"].append(area.figure)
            if name in found.classes:
                found.classes[name]["roc_auc"] = area.value
        precision = average_precision(cells, scores.cells.single)
        if precision is not None:
            of_classes["average_precision"].append(precision.figure)
        curve = reliability_curve(cells, scores.cells)
        if curve is not None:
            of_classes["calibration_error"].append(Figure(curve.calibration_error))
    averages = {name: average_figure(figures) for name, figures in of_classes.items()}
    out = {name: figure for name, figure in averages.items() if figure is not None}
    if by_class:
        curve = reliability_curve(np.sum(list(by_class.values()), axis=0), scores.cells)
        if curve is not None:
            found.reliability = curve.bins()
            if task is Task.BINARY:
                out |= _brier_parts(curve)
    return out


def _brier_parts(curve: ReliabilityCurve) -> dict[str, Figure]:
    split = curve.brier_split()
    return {
        "brier_reliability": Figure(split.reliability),
        "brier_resolution": Figure(split.resolution),
    }


def _label_psi(counts: LabelCounts, baseline: BaselinePerformance | None) -> float | None:
    if baseline is None or baseline.label is None:
        return None
    reference = Reference.from_baseline(baseline.label)
    if not reference.numeric:
        if counts.pairs.other:
            return None
        supports: dict[str, int] = {}
        for (_, actual), n in counts.confusion().items():
            supports[actual] = supports.get(actual, 0) + n
        return class_label_psi(reference, supports)
    grid = score_grid_id(np.array(baseline.label.decile_edges))
    return numeric_label_psi(reference, counts.targets[grid]) if grid in counts.targets else None
