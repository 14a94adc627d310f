"""Counts to a window report. Pure: the same counts give the same bytes."""

from dataclasses import dataclass

from msgspec import UNSET

from schemas.metrics import BaselineRef, Window, WindowReport, with_report_id
from schemas.windows import WindowSpec
from stream.rollup.comparison import CompiledBaseline, DecisionTerms, compare
from stream.rollup.merge import GridCounts, PaneCounts
from stream.rollup.quality import kind_figures
from stream.sketches import latency

LATENCY_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report says beside the counts.

    Attributes
    ----------
    compiled : the baseline valid in the window, if there is one
    terms : on what terms the window decides; None where it does not
    seen_until_ms : throughput is over the part of the window before this
    complete : whether the whole window was seen
    """

    model: str
    version: str
    config_id: str | None
    compiled: CompiledBaseline | None
    terms: DecisionTerms | None
    seen_until_ms: int
    complete: bool


def build_report(
    spec: WindowSpec, end_ms: int, counts: PaneCounts, context: ReportContext
) -> WindowReport:
    """Compute the report of the window of ``spec`` that ends at ``end_ms``."""
    start_ms = end_ms - spec.size_ms
    metrics = traffic_metrics(counts, min(end_ms, context.seen_until_ms) - start_ms)
    scored = counts.count - counts.error_count
    covered = scored
    if context.compiled is None:
        features = kind_figures(counts, metrics)
    else:
        grid = counts.grids.get(context.compiled.grid_id, GridCounts())
        covered = grid.events
        compared, features = compare(context.compiled, grid, context.terms)
        metrics |= compared
    errors = dict(counts.errors.names)
    if counts.errors.other:
        errors[_OTHER] = errors.get(_OTHER, 0) + counts.errors.other
    report = WindowReport(
        id="",
        model_name=context.model,
        model_version=context.version,
        segment=None,
        window=Window(
            name=spec.name,
            size_ms=spec.size_ms,
            start=start_ms,
            end=end_ms,
            tumbling=end_ms % spec.size_ms == 0,
        ),
        revision=counts.count,
        complete=context.complete,
        exact=covered == scored,
        count=counts.count,
        sampled_count=counts.count - (scored - covered),
        label_count=0,
        baseline=_baseline_ref(context.compiled),
        config_id=context.config_id,
        metrics=metrics,
        features=features,
        errors=errors or UNSET,
    )
    return with_report_id(report)


def _baseline_ref(compiled: CompiledBaseline | None) -> BaselineRef | None:
    if compiled is None:
        return None
    baseline = compiled.baseline
    return BaselineRef(
        id=compiled.baseline_id, rows=baseline.rows, provisional=baseline.provisional
    )


def traffic_metrics(counts: PaneCounts, seen_ms: int) -> dict[str, bool | int | float]:
    """Throughput, errors and latency; ``seen_ms`` is the seen length of the window."""
    metrics: dict[str, bool | int | float] = {}
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
