"""Two windows side by side: two versions of a model, or two segments of one.

None of them is the reference. Figures that rest on counts are tested as of independent rows; what
can't be tested is shown with its difference alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from schemas.metrics import Window, WindowReport
from stream.arrays import FloatArray, IntArray
from stream.reading.columns import Column, Row, column_rows, counted_alike, plain_row
from stream.reading.errors import ReadingError
from stream.reading.window import CountedWindow
from stream.rollup.comparison import OUTPUT_KEYS
from stream.rollup.report import window_at
from stream.stats.drift.false_discovery import q_values
from stream.stats.drift.kolmogorov_smirnov import ks_distance, ks_p_value
from stream.stats.two_samples import share_difference

SIGNIFICANT_Q_MAX = 0.05
"""Of the rows that are marked, one in twenty is so by chance, on average."""
HEADLINE = (
    "count",
    "throughput_per_s",
    "error_rate",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_distribution",
    "missing_rate",
    "accuracy",
    "f1",
    "roc_auc",
    "rmse",
    "ndcg_at_10",
)
"""What is shown first, whether or not it differs."""
_NAMED_MAX = 10


@dataclass(frozen=True, slots=True)
class Side:
    """A window of all traffic, or of a segment."""

    window: CountedWindow
    segment: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Which window one side is."""

    model_version: str
    segment: str | None
    window: Window
    count: int
    baseline_id: str | None


class SideBySide(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``streamgauge compare --json``.

    Attributes
    ----------
    model_name
        Of both.
    first, second
        The windows.
    rows
        Figures: those of traffic, then those of the model's outputs, then by feature.
    distributions_not_compared
        Features and outputs that were counted in other cells, or in none.
    notes
        What to keep in mind, in sentences.
    """

    model_name: str
    first: Told
    second: Told
    rows: list[Row]
    distributions_not_compared: list[str]
    notes: list[str]


def side_by_side(first: Side, second: Side) -> SideBySide:
    """Compare two windows.

    Raises
    ------
    ReadingError
        For a segment that had no events.
    """
    reports = [_report(side) for side in (first, second)]
    a, b = (_columns(side, report) for side, report in zip((first, second), reports, strict=True))
    compiled = [side.window.compiled for side in (first, second)]
    ids = {None if one is None else one.baseline_id for one in compiled}
    same_baseline = len(ids) == 1 and None not in ids
    shared = [*OUTPUT_KEYS, *sorted(a.keys() - OUTPUT_KEYS.keys())]
    shared = [name for name in shared if name in a and name in b]
    apart = [name for name in shared if not counted_alike(a[name], b[name], same_baseline)]
    rows = list(_traffic_rows(first, second, reports))
    for name in shared:
        rows += column_rows(name, a[name], b[name], same_baseline)
    return SideBySide(
        model_name=first.window.version.model,
        first=_told(first),
        second=_told(second),
        rows=_marked(rows),
        distributions_not_compared=apart,
        notes=_notes(first, second, apart, same_baseline),
    )


def important(rows: Sequence[Row]) -> list[Row]:
    """Choose what a person wants first: the headline, then what differs, the surest first."""
    by_name = {row.figure: row for row in rows if row.column is None}
    head = [by_name[name] for name in HEADLINE if name in by_name]
    rest = [row for row in rows if row.significant and row not in head]
    return head + sorted(rest, key=lambda row: row.q_value or 0.0)


def _report(side: Side) -> WindowReport:
    for report in side.window.reports():
        if report.segment == side.segment:
            return report
    there = ", ".join(sorted(side.window.counts.segments)[:20]) or "none"
    version = side.window.version
    raise ReadingError(
        f"{version.model} {version.version} had no events in the segment {side.segment!r}:"
        f" the segments are {there}"
    )


def _columns(side: Side, report: WindowReport) -> dict[str, Column]:
    """Features and outputs by name."""
    compiled = side.window.compiled
    if compiled is None:
        return {name: Column(figures) for name, figures in report.features.items()}
    outputs = side.window.compared(side.segment).outputs
    counts = side.window.grid_of(side.segment).rows
    columns = {name: Column(figures) for name, figures in report.features.items()}
    for number, row in enumerate(compiled.rows):
        if number in counts:
            output = row.role in OUTPUT_KEYS
            name = row.role if output else row.name
            figures = outputs[name] if output else report.features[name]
            reference = row.reference if side.segment is None else row.coarse
            columns[name] = Column(figures, (reference, counts[number]))
    return columns


def _traffic_rows(first: Side, second: Side, reports: Sequence[WindowReport]) -> Iterator[Row]:
    a, b = (side.window.counts_of(side.segment) for side in (first, second))
    assert a is not None
    assert b is not None
    yield plain_row(None, "count", a.count, b.count)
    for name, value in reports[0].metrics.items():
        other = reports[1].metrics.get(name)
        if other is None or name.startswith(tuple(f"{role}_" for role in OUTPUT_KEYS)):
            continue
        row = plain_row(None, name, value, other)
        if name == "error_rate":
            row = row.tested(share_difference(a.error_count, a.count, b.error_count, b.count))
        yield row
    n, m = int(b.latencies.sum()), int(a.latencies.sum())
    if n and m:
        distance = ks_distance(_function(b.latencies, n), _function(a.latencies, m))
        p_value = ks_p_value(distance, n, m)
        yield Row(figure="latency_distribution", difference=distance, p_value=p_value)


def _function(cells: IntArray, total: int) -> FloatArray:
    """Distribution function at the upper ends of cells."""
    return cells.cumsum() / total


def _marked(rows: Sequence[Row]) -> list[Row]:
    """Correct for the number of tested rows, and mark what differs."""
    tested = [row.p_value for row in rows if row.p_value is not None]
    adjusted = iter(q_values(tested).tolist() if tested else [])
    out = []
    for row in rows:
        if row.p_value is None:
            out.append(row)
            continue
        q_value = next(adjusted)
        significant = q_value <= SIGNIFICANT_Q_MAX
        out.append(msgspec.structs.replace(row, q_value=q_value, significant=significant))
    return out


def _told(side: Side) -> Told:
    counts = side.window.counts_of(side.segment)
    compiled = side.window.compiled
    return Told(
        model_version=side.window.version.version,
        segment=side.segment,
        window=window_at(side.window.spec, side.window.end_ms),
        count=0 if counts is None else counts.count,
        baseline_id=None if compiled is None else compiled.baseline_id,
    )


def _notes(first: Side, second: Side, apart: Sequence[str], same_baseline: bool) -> list[str]:
    out = []
    without = [side for side in (first, second) if side.window.compiled is None]
    if without:
        named = " and ".join(dict.fromkeys(side.window.version.version for side in without))
        out.append(f"without a baseline only kinds of values are counted: {named}")
    elif apart:
        named = ", ".join(apart[:_NAMED_MAX]) + (" …" if len(apart) > _NAMED_MAX else "")
        out.append(f"counted in other cells, so distributions are not compared: {named}")
    if not without and not same_baseline:
        out.append(
            "figures of drift and of range are each against its own baseline, and not tested"
        )
    if not (first.window.complete and second.window.complete):
        out.append("part of a window was not seen: its events were gone from Kafka")
    return out
