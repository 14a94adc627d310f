"""The demo's last screen: what was seen, and where to look further."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.alerts import AlertEvent
from schemas.keys import live_key
from schemas.topics import Topic, topic_name
from stream.demo.observed import Observed
from stream.demo.traffic import MODEL, VERSION
from stream.settings import Settings

_ALERTS_SHOWN_MAX = 6
_P95_SAMPLES_MIN = 2


def day(epoch_ms: int) -> str:
    """Day in UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d")


def summary(
    observed: Observed,
    sent: int,
    took_s: float,
    latencies_s: Sequence[float],
) -> RenderableType:
    """Draw the summary."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", justify="right")
    facts.add_column()
    facts.add_row("events", f"{sent:,} sent in {took_s:.0f} s, {_exactly(observed, sent)}")
    facts.add_row("windows", _windows(observed))
    facts.add_row("drift", _drift(observed))
    facts.add_row("alerts", _alerts(observed.alerts))
    facts.add_row("event to Redis", _latency(latencies_s))
    return Group(Text(), facts, Text())


def _exactly(observed: Observed, sent: int) -> str:
    sizes = sorted({report.window.name for report in observed.reports})
    counted = {size: observed.counted(size) for size in sizes}
    wrong = [f"{size}: {count:,}" for size, count in counted.items() if count != sent]
    if wrong or not sizes:
        return f"[red]but counted {', '.join(wrong) or 'nothing'}[/]"
    return f"[green]each counted exactly once[/] in every window size ({', '.join(sizes)})"


def _windows(observed: Observed) -> str:
    days = {report.window.end for report in observed.reports if report.window.name == "1d"}
    span = f", {day(min(days))} to {day(max(days))}" if days else ""
    return f"{len(observed.reports):,} final reports{span}"


def _drift(observed: Observed) -> str:
    deciding = observed.deciding()
    if not deciding:
        return "no window decided"
    size = deciding[0].window.name
    first = observed.first_drift()
    alarmed = sum(report.metrics["drifted_features"] > 0 for report in deciding)
    lines = [f"{alarmed} of {len(deciding)} windows of {size} drifted; first seen:"]
    lines += [f"  {day(report.window.end)}  {name}" for name, report in first]
    return "\n".join(lines)


def _alerts(alerts: Sequence[AlertEvent]) -> str:
    if not alerts:
        return "none"
    lines = [f"{len(alerts)} events on the topic"]
    for alert in alerts[:_ALERTS_SHOWN_MAX]:
        at = alert.fired_at or alert.starts_at
        lines.append(f"  {day(at)}  {alert.status} {alert.severity} [bold]{alert.rule}[/]")
        if alert.status == "firing":
            lines.append(f"              {alert.summary}")
    if len(alerts) > _ALERTS_SHOWN_MAX:
        lines.append(f"  … and {len(alerts) - _ALERTS_SHOWN_MAX} more")
    return "\n".join(lines)


def _latency(latencies_s: Sequence[float]) -> str:
    if len(latencies_s) < _P95_SAMPLES_MIN:
        return "too few samples"
    p95 = statistics.quantiles(latencies_s, n=20)[-1]
    return (
        f"median {statistics.median(latencies_s):.2f} s, p95 {p95:.2f} s, "
        f"{len(latencies_s)} looks (latencies of requests are simulated, this is not)"
    )


def further(settings: Settings) -> list[str]:
    """Return commands with which to look further."""
    key = live_key(settings.namespace, MODEL, VERSION, "7d")
    alerts = topic_name(settings.namespace, Topic.ALERTS)
    here = f"--data-dir {settings.data_dir}"
    return [
        f"redis-cli -u {settings.redis.url} HGETALL '{key}'",
        f"kcat -b {settings.bootstrap_servers} -C -t {alerts}",
        f"streamgauge metrics {MODEL} --window 7d {here}",
        f"streamgauge alerts list {here}",
    ]
