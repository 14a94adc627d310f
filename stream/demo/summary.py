"""The demo's last screen: what was seen, and where to look further."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.keys import live_key
from schemas.topics import Topic, topic_name
from stream.demo.model import CONFIG, COUNT_MIN, PERFORMANCE_WINDOW
from stream.demo.observed import Observed
from stream.demo.performance import courses, performance_sentences, performance_table
from stream.demo.replay import Replay
from stream.demo.traffic import LABEL_DELAY_MS, MODEL, VERSION
from stream.settings import Settings

_EPISODES_SHOWN_MAX = 8
_P95_SAMPLES_MIN = 2
_DAY_MS = 86_400_000


def day(epoch_ms: int) -> str:
    """Day in UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d")


def summary(
    observed: Observed,
    replay: Replay,
    took_s: float,
    latencies_s: Sequence[float],
) -> RenderableType:
    """Draw the summary.

    Parameters
    ----------
    observed : what came out
    replay : what went in
    took_s : how long it took
    latencies_s : from an event to Redis
    """
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", justify="right")
    facts.add_column()
    sent = f"{replay.sent:,} sent in {took_s:.0f} s, {_exactly(observed, replay.sent)}"
    facts.add_row("events", sent)
    facts.add_row("labels", _labels(observed, replay))
    facts.add_row("windows", _windows(observed))
    facts.add_row("drift", _drift(observed))
    facts.add_row("alerts", _alerts(observed))
    facts.add_row("event to Redis", _latency(latencies_s))
    return Group(Text(), facts, Text(), *_performance(observed))


def _exactly(observed: Observed, sent: int) -> str:
    sizes = sorted({report.window.name for report in observed.reports})
    counted = {size: observed.counted(size) for size in sizes}
    wrong = [f"{size}: {count:,}" for size, count in counted.items() if count != sent]
    if wrong or not sizes:
        return f"[red]but counted {', '.join(wrong) or 'nothing'}[/]"
    return f"[green]each counted exactly once[/] in every window size ({', '.join(sizes)})"


def _labels(observed: Observed, replay: Replay) -> str:
    days = LABEL_DELAY_MS // _DAY_MS
    sizes = sorted({report.window.name for report in observed.reports})
    joined = {size: observed.labelled(size) for size in sizes}
    wrong = [f"{size}: {count:,}" for size, count in joined.items() if count != replay.labels_sent]
    said = "[green]each joined exactly once[/]"
    if wrong or not sizes:
        said = f"[red]but joined {', '.join(wrong) or 'nothing'}[/]"
    left = replay.sent - replay.labels_sent
    return (
        f"{replay.labels_sent:,} sent {days} days after their predictions, {said};"
        f" {left:,} are not known yet"
    )


def _performance(observed: Observed) -> list[RenderableType]:
    """Return the table of performance and what it says."""
    windows = observed.tumbling(PERFORMANCE_WINDOW)
    shown = courses(windows, CONFIG.labels.min_coverage, COUNT_MIN)
    if not shown:
        return []
    title = f"[bold]Performance[/] in %, by windows of {PERFORMANCE_WINDOW}:"
    said = "\n".join(performance_sentences(shown, LABEL_DELAY_MS))
    return [Text.from_markup(title), performance_table(shown), Text(said), Text()]


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


def _alerts(observed: Observed) -> str:
    episodes = observed.episodes()
    if not episodes:
        return "none"
    lines = [f"{len(observed.alerts)} events on the topic"]
    for episode in episodes[:_EPISODES_SHOWN_MAX]:
        began, over = episode.began, episode.over
        until = "still firing" if over is None else f"to {day(over.ends_at or over.starts_at)}"
        when = f"{day(began.starts_at)} {until}"
        lines.append(f"  {when:<25}{began.severity} [bold]{began.rule}[/]")
        lines.append(f"    [dim]{began.summary}[/]")
    if len(episodes) > _EPISODES_SHOWN_MAX:
        lines.append(f"  … and {len(episodes) - _EPISODES_SHOWN_MAX} more")
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
        f"streamgauge metrics {MODEL} --performance --window {PERFORMANCE_WINDOW} {here}",
        f"streamgauge alerts list {here}",
    ]
