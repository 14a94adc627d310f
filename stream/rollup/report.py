"""Counts to a window report. Pure: the same counts give the same bytes."""

from dataclasses import dataclass

from msgspec import UNSET

from schemas.metrics import BaselineRef, Window, WindowReport, with_report_id
from schemas.windows import WindowSpec
from stream.arrays import FloatArray
from stream.rollup.comparison import Comparison, CompiledBaseline, compare
from stream.rollup.custom import custom_figures, figure_changes
from stream.rollup.deciding import DecisionTerms, decide_window
from stream.rollup.merge import GridCounts, PaneCounts
from stream.rollup.quality import (
    Metrics,
    add_schema_drift,
    add_violations,
    duplicate_rate,
    kind_figures,
)
from stream.sketches import latency
from stream.window.constraints import Constraints

LATENCY_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report says beside the counts.

    Attributes
    ----------
    compiled : the baseline valid in the window, if there is one
    constraints : those valid in the window, if there are any
    terms : on what terms the window decides; None where it does not
    hours : (168,) share of each hour of the week in the window; None unless it is seasonal
    seen_until_ms : throughput is over the part of the window before this
    complete : whether the whole window was seen
    """

    model: str
    version: str
    config_id: str | None
    compiled: CompiledBaseline | None
    constraints: Constraints | None
    terms: DecisionTerms | None
    hours: FloatArray | None
    seen_until_ms: int
    complete: bool


def build_reports(
    spec: WindowSpec, end_ms: int, counts: PaneCounts, context: ReportContext
) -> list[WindowReport]:
    """Compute the reports of the window of ``spec`` that ends at ``end_ms``.

    The first is that of all traffic, the others are those of its segments, by name. They are
    decided together.
    """
    parts: dict[str | None, PaneCounts] = {None: counts}
    parts |= {segment: counts.segments[segment] for segment in sorted(counts.segments)}
    found = {segment: _figures(segment, part, context) for segment, part in parts.items()}
    if context.terms is not None:
        decide_window(context.terms, found)
    seen_ms = min(end_ms, context.seen_until_ms) - (end_ms - spec.size_ms)
    return [
        _report(spec, end_ms, segment, part, found[segment], seen_ms, context)
        for segment, part in parts.items()
    ]


def build_report(
    spec: WindowSpec,
    end_ms: int,
    counts: PaneCounts,
    context: ReportContext,
    segment: str | None = None,
) -> WindowReport:
    """Compute one report of a window that does not decide: of all traffic, or of a segment.

    ``counts`` are the segment's own where one is given.
    """
    assert context.terms is None, "a decision is about all segments"
    seen_ms = min(end_ms, context.seen_until_ms) - (end_ms - spec.size_ms)
    found = _figures(segment, counts, context)
    return _report(spec, end_ms, segment, counts, found, seen_ms, context)


def _figures(segment: str | None, counts: PaneCounts, context: ReportContext) -> Comparison:
    """Figures of the whole window, or of a segment, beside those of traffic."""
    compiled = context.compiled
    if compiled is None:
        found = Comparison({}, {}, {}, {})
        if segment is None:
            found.features = kind_figures(counts, found.metrics)
    else:
        grid = counts.grids.get(compiled.grid_id, GridCounts())
        found = compare(compiled, grid, hours=context.hours, segment=segment)
    if segment is not None:
        return found
    found.metrics |= custom_figures(counts.custom)
    if compiled is not None:
        found.metrics |= figure_changes(found.metrics, compiled.figures)
    rate = duplicate_rate(counts)
    if rate is not None:
        found.metrics["duplicate_rate"] = rate
    if compiled is not None and found.features:
        add_schema_drift(counts, compiled.baseline.features, found.metrics, found.features)
    if context.constraints is not None:
        add_violations(counts, context.constraints, found.metrics, found.features)
    return found


def _report(
    spec: WindowSpec,
    end_ms: int,
    segment: str | None,
    counts: PaneCounts,
    found: Comparison,
    seen_ms: int,
    context: ReportContext,
) -> WindowReport:
    scored = covered = counts.count - counts.error_count
    if context.compiled is not None:
        covered = counts.grids.get(context.compiled.grid_id, GridCounts()).events
    errors = dict(counts.errors.names)
    if counts.errors.other:
        errors[_OTHER] = errors.get(_OTHER, 0) + counts.errors.other
    report = WindowReport(
        id="",
        model_name=context.model,
        model_version=context.version,
        segment=segment,
        window=window_at(spec, end_ms),
        revision=counts.count,
        complete=context.complete,
        exact=covered == scored,
        count=counts.count,
        sampled_count=counts.count - (scored - covered),
        label_count=0,
        baseline=_baseline_ref(context.compiled),
        config_id=context.config_id,
        metrics=traffic_metrics(counts, seen_ms) | found.metrics,
        features=found.features,
        errors=errors or UNSET,
    )
    return with_report_id(report)


def window_at(spec: WindowSpec, end_ms: int) -> Window:
    """Return the window of ``spec`` that ends at ``end_ms``, as reports have it."""
    return Window(
        name=spec.name,
        size_ms=spec.size_ms,
        start=end_ms - spec.size_ms,
        end=end_ms,
        tumbling=end_ms % spec.size_ms == 0,
    )


def _baseline_ref(compiled: CompiledBaseline | None) -> BaselineRef | None:
    if compiled is None:
        return None
    baseline = compiled.baseline
    return BaselineRef(
        id=compiled.baseline_id, rows=baseline.rows, provisional=baseline.provisional
    )


def traffic_metrics(counts: PaneCounts, seen_ms: int) -> Metrics:
    """Throughput, errors and latency; ``seen_ms`` is the seen length of the window."""
    metrics: Metrics = {}
    if seen_ms > 0:
        metrics["throughput_per_s"] = counts.count * 1000 / seen_ms
    if counts.count:
        metrics["error_rate"] = counts.error_count / counts.count
    timed = int(counts.latencies.sum())
    if timed:
        metrics["latency_mean_ms"] = counts.latency_ns / latency.NS_PER_MS / timed
        for name, q in LATENCY_QUANTILES.items():
            value = latency.quantile(counts.latencies, q, counts.latency_max_ms)
            if value is not None:
                metrics[f"latency_{name}_ms"] = value
        metrics["latency_max_ms"] = counts.latency_max_ms
    return metrics
