"""Reports with what labels tell of their windows. Pure: the same counts give the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import UNSET

from schemas.metrics import WindowReport, with_report_id
from stream.rollup.custom import delayed_figures, figure_changes
from stream.rollup.fairness import fairness_figures
from stream.rollup.labelled_window import LabelledWindow
from stream.rollup.performance import Performance, PerformanceTerms, performance_figures, task_of
from stream.rollup.quality import Metrics
from stream.window.labelled import LabelCounts

ESTIMATED = "estimated_"


class Callables(Protocol):
    """Performance metrics that are installed as Python functions."""

    def figures(self, window: LabelledWindow) -> dict[str, float]:
        """Figures of a window, by name."""


@dataclass(frozen=True, slots=True)
class LabelContext:
    """What label counts are read by.

    Attributes
    ----------
    terms : of the window
    callables : installed performance metrics; None where there are none
    figures : the baseline's means of figures that are sent along
    """

    terms: PerformanceTerms
    callables: Callables | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


def with_labels(
    reports: Sequence[WindowReport], labels: LabelCounts, context: LabelContext
) -> list[WindowReport]:
    """Add what labels tell to the reports of a window and its segments.

    Parameters
    ----------
    reports : without labels
    labels : of the window's label panes
    context : what they are read by
    """
    return [
        _with_labels(report, found, context)
        for report in reports
        if (found := _of(labels, report.segment)) is not None
    ]


def _of(labels: LabelCounts, segment: str | None) -> LabelCounts | None:
    return labels if segment is None else labels.segments.get(segment, LabelCounts())


def _with_labels(report: WindowReport, labels: LabelCounts, context: LabelContext) -> WindowReport:
    if not labels.registered and not labels.sums:
        return report
    found = performance_figures(labels, context.terms) if labels.registered else Performance()
    metrics = report.metrics | found.metrics | _beside(report, labels, context)
    return with_report_id(
        msgspec.structs.replace(
            report,
            revision=report.count + labels.revision,
            label_count=labels.labelled,
            metrics=metrics | estimate_errors(metrics),
            confusion=found.confusion or UNSET,
            classes=found.classes or UNSET,
            reliability=found.reliability or UNSET,
        )
    )


def _beside(report: WindowReport, labels: LabelCounts, context: LabelContext) -> Metrics:
    """Figures beside those of performance."""
    terms = context.terms
    metrics: Metrics = dict(delayed_figures(labels.sums, labels.magnitudes))
    metrics |= figure_changes(metrics, context.figures)
    if report.segment is None and labels.segments:
        metrics |= fairness_figures(labels.segments, terms.positive_class)
    if context.callables is not None:
        window = LabelledWindow.of(
            labels,
            report.model_name,
            report.model_version,
            report.segment,
            task_of(labels, terms),
            terms.positive_class,
        )
        metrics |= context.callables.figures(window)
    return metrics


def estimate_errors(metrics: Metrics) -> Metrics:
    """How far estimates are from what was measured: ``<estimate>_error``.

    Examples
    --------
    >>> estimate_errors({"estimated_f1": 0.75, "estimated_f1_low": 0.7, "f1": 0.5, "f1_low": 0.4})
    {'estimated_f1_error': 0.25}
    """
    return {
        f"{name}_error": value - metrics[name.removeprefix(ESTIMATED)]
        for name, value in metrics.items()
        if name.startswith(ESTIMATED)
        and not name.endswith(("_low", "_high"))
        and name.removeprefix(ESTIMATED) in metrics
    }
