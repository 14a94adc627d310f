"""Draw an overview: a table for a terminal of any size, or plain lines for a pipe."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stream.live.overview import Learning, Overview, VersionView, WindowView

_WIDE = 100
_WIDER = 110
"""Columns of a terminal that has room for the estimated accuracy beside the measured one."""
_FEATURES_NAMED = 6
# What is above and below the table: its head and rules, and a line for notes.
_LINES_AROUND = 5
_GAP = 2
_LEFT_COLUMNS = 2
_ABSENT = "[dim]–[/]"
ALERTS_SHOWN = 6
SHOWN_MIN = 0.001
"""A smaller figure is shown as less than this."""
_MS_PER_S, _S_PER_MIN, _S_PER_HOUR, _S_PER_DAY = 1000, 60, 3600, 86_400

_ESTIMATED = "estimated_accuracy"
_QUALITY = ("accuracy", "rmse", "ndcg_at_10", _ESTIMATED)
"""One of these is shown, the first that there is."""
_SEVERITY_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}
_PLAIN = (
    "count",
    "throughput_per_s",
    "error_rate",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "missing_rate",
    "drift_share",
    "drifted_features",
    *_QUALITY,
)

# C0, DEL and C1: Rich lets the escape character through.
_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160))}
Draw = Callable[[WindowView], str]


class LiveView:
    """An overview as Rich draws it, fitted to the terminal it is drawn on.

    Parameters
    ----------
    overview
        What to show.
    now_ms
        Wall clock, for ages.
    all_rows
        Whether to show every row, also where they are more than the terminal has lines.
    """

    def __init__(self, overview: Overview, now_ms: int, *, all_rows: bool = False) -> None:
        self._overview = overview
        self._now_ms = now_ms
        self._all_rows = all_rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = None if self._all_rows else options.height or console.height
        yield self._drawn(options.max_width, height)

    def _drawn(self, width: int, height: int | None) -> RenderableType:
        overview = self._overview
        if not overview.versions:
            return Text.from_markup(
                "No model has sent an event yet.\n[dim]Send one:[/] echo"
                ' \'{"model_name": "credit", "prediction": 1}\' | streamgauge emit -'
            )
        alerts = [_alert_line(alert) for alert in overview.alerts]
        shown = alerts if height is None else alerts[:ALERTS_SHOWN]
        room = None if height is None else max(4, height - _LINES_AROUND - len(shown))
        parts, hidden = self._groups(width, room)
        parts += [_cut(line, width) for line in shown]
        if not alerts:
            parts.append(Text.from_markup("[green]●[/] [dim]no alert is active[/]"))
        if len(alerts) > len(shown):
            rest = f"… {len(alerts) - len(shown)} more alerts: streamgauge alerts list"
            parts.append(Text(rest, style="dim"))
        if hidden or overview.more:
            rest = f"… {hidden + overview.more} more model versions: streamgauge watch MODEL"
            parts.append(Text(rest, style="dim"))
        return Group(*parts)

    def _groups(self, width: int, room: int | None) -> tuple[list[RenderableType], int]:
        """Draw as many model versions as there is room for; returns how many are left out."""
        versions = self._overview.versions
        columns = _columns(versions, width)
        chosen: list[tuple[list[list[Text]], list[str]]] = []
        used = 0
        for version in versions:
            windows = version.windows
            if room is not None and len(versions) > 1:
                # Fewer windows each, before any model is left out.
                windows = _spread(windows, max(1, room // len(versions) - 3))
            notes = self._notes(version, width)
            used += len(windows) + len(notes) + 1
            if room is not None and chosen and used > room:
                break
            rows = [[Text.from_markup(draw(w)) for _, draw in columns] for w in windows]
            rows[0][0] = Text.assemble((version.model, "bold"), " ", version.version)
            chosen.append((rows, notes))
        titles = [Text(title, style="dim") for title, _ in columns]
        widths = [
            max(cell.cell_len for cell in column)
            for column in zip(titles, *(row for rows, _ in chosen for row in rows), strict=True)
        ]
        widths[0] = min(widths[0], max(8, width // 4))
        total = min(width, sum(widths) + _GAP * (len(widths) - 1))
        parts: list[RenderableType] = [_grid([titles], widths), Text("─" * total, style="dim")]
        for rows, notes in chosen:
            parts.append(_grid(rows, widths))
            parts += [_cut(note, width) for note in notes]
            parts.append(Text())
        return parts, len(versions) - len(chosen)

    def _notes(self, version: VersionView, width: int) -> list[str]:
        """Say under a model's rows what does not fit into columns."""
        watermark = version.newest("watermark")
        said = [] if watermark is None else [_seen_text(int(watermark), self._now_ms)]
        if version.learning is not None:
            said.append(_learning_text(version.learning))
        notes = [f"[dim]{' · '.join(said)}[/]"] if said else []
        if version.drifted:
            names = version.drifted[: _FEATURES_NAMED if width < _WIDE else 2 * _FEATURES_NAMED]
            rest = len(version.drifted) - len(names)
            more = f" and {rest} more" if rest else ""
            notes.append(f"[yellow]drifted:[/] {escape(harmless(', '.join(names)))}{more}")
        return notes


def _grid(rows: list[list[Text]], widths: list[int]) -> Table:
    """Set cells in columns of these widths: names to the left, numbers to the right."""
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for place, width in enumerate(widths):
        table.add_column(justify="left" if place < _LEFT_COLUMNS else "right", width=width)
    for row in rows:
        for cell in row:
            cell.no_wrap = True
            cell.overflow = "ellipsis"
        table.add_row(*row)
    return table


def _columns(versions: tuple[VersionView, ...], width: int) -> list[tuple[str, Draw]]:
    """Choose the columns that fit."""
    quality = [n for n in _QUALITY if any(v.newest(n) is not None for v in versions)]
    columns: list[tuple[str, Draw]] = [
        ("Model", lambda _window: ""),
        ("Window", lambda window: window.name),
        ("Events", _number("count")),
        ("Per s", _figure("throughput_per_s")),
        ("Errors", _share("error_rate", alarming=0.05)),
        ("p50 ms", _figure("latency_p50_ms")),
        ("p95", _figure("latency_p95_ms")),
        ("p99", _figure("latency_p99_ms")),
        ("Drift", _share("drift_share", alarming=0.3)),
    ]
    if quality:
        title = quality[0].replace("estimated_", "est. ").replace("_at_", "@").capitalize()
        columns.append((title, _figure(quality[0])))
    if width >= _WIDER and quality[:1] == ["accuracy"] and _ESTIMATED in quality:
        columns.append(("Estimated", _figure(_ESTIMATED)))
    if width >= _WIDE:
        columns.insert(5, ("Missing", _share("missing_rate")))
        columns.append(("Labels", _number("label_count")))
    return columns


def _spread(windows: tuple[WindowView, ...], most: int) -> tuple[WindowView, ...]:
    """Keep at most so many windows: the second shortest, then the longest, then the others."""
    if len(windows) <= most:
        return windows
    order = [1, len(windows) - 1, 0, *range(2, len(windows) - 1)]
    kept = sorted(order[:most])
    return tuple(windows[place] for place in kept)


def _number(name: str) -> Draw:
    def draw(window: WindowView) -> str:
        value = window.figures.get(name)
        return _ABSENT if value is None else f"{int(value):,}"

    return draw


def _figure(name: str) -> Draw:
    def draw(window: WindowView) -> str:
        value = window.figures.get(name)
        return _ABSENT if value is None else short(float(value))

    return draw


def _share(name: str, alarming: float | None = None) -> Draw:
    def draw(window: WindowView) -> str:
        value = window.figures.get(name)
        if value is None:
            return _ABSENT
        text = f"{short(float(value) * 100)} %"
        return f"[yellow]{text}[/]" if alarming is not None and value >= alarming else text

    return draw


def short(value: float) -> str:
    """Write a number in at most seven characters, thousands as k, M.

    Examples
    --------
    >>> [short(v) for v in (0.0, 0.0123, 4.0, 31.25, 1234.5, 2.5e6, 1e308)]
    ['0', '0.012', '4', '31.2', '1,234', '2.5M', '1e+308']
    """
    if abs(value) >= 999.5e6:  # noqa: PLR2004  # beyond three digits of M
        return f"{value:.1g}"
    for least, unit, size in ((1e6, "M", 1e6), (1e5, "k", 1e3)):
        if abs(value) >= least:
            return f"{value / size:.3g}{unit}"
    if 0 < abs(value) < SHOWN_MIN:
        return f"<{SHOWN_MIN}"
    if abs(value) >= 100:  # noqa: PLR2004  # three digits are before the point
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:.3g}"  # noqa: PLR2004


def age_text(age_ms: float) -> str:
    """Write a span of time in its largest unit.

    Examples
    --------
    >>> age_text(90_000), age_text(86_400_000)
    ('90 s', '24 h')
    """
    seconds = max(0.0, age_ms / _MS_PER_S)
    if seconds < 2 * _S_PER_MIN:
        return f"{seconds:.0f} s"
    if seconds < 2 * _S_PER_HOUR:
        return f"{seconds / _S_PER_MIN:.0f} min"
    if seconds < 2 * _S_PER_DAY:
        return f"{seconds / _S_PER_HOUR:.0f} h"
    return f"{seconds / _S_PER_DAY:.0f} d"


def _seen_text(watermark_ms: int, now_ms: int) -> str:
    """Say up to when events were seen: how long ago, or the date where it is history."""
    age = now_ms - watermark_ms
    if age < _S_PER_DAY * _MS_PER_S:
        return f"events up to {age_text(age)} ago"
    moment = datetime.fromtimestamp(watermark_ms / _MS_PER_S, UTC)
    return f"events up to {moment:%Y-%m-%d %H:%M}"


def _learning_text(learning: Learning) -> str:
    missing = []
    if learning.events_missing:
        missing.append(f"{learning.events_missing:,} more events")
    if learning.span_missing_ms:
        missing.append(f"{age_text(learning.span_missing_ms)} more of traffic")
    if not missing:
        return "baseline being made"
    return f"no baseline yet: learned after {' and '.join(missing)}"


def _alert_line(alert: Mapping[str, Any]) -> str:
    severity = str(alert.get("severity", ""))
    style = _SEVERITY_STYLES.get(severity, "white")
    status = str(alert.get("status", ""))
    state = "" if status == "firing" else f" [dim]({escape(status)})[/]"
    quiet = " [dim](silenced)[/]" if alert.get("silenced_by") else ""
    text = alert.get("summary") or alert.get("rule") or "alert"
    return f"[{style}]● {escape(severity)}[/]{state}{quiet} {escape(harmless(str(text)))}"


def harmless(text: str) -> str:
    r"""Replace what would steer a terminal or begin a line: names are others' input.

    Examples
    --------
    >>> harmless("age\n\x1b[2J")
    'age��[2J'
    """
    return text.translate(_CONTROL)


def _cut(markup: str, width: int) -> Text:
    text = Text.from_markup(markup)
    text.truncate(width, overflow="ellipsis")
    return text


def plain_lines(overview: Overview) -> list[str]:
    """Write an overview as lines of ``name=value``, for pipes and logs.

    Returns
    -------
    list
        A line a window, and a line an active alert.
    """
    lines = []
    for version in overview.versions:
        for window in version.windows:
            said = [f"model={version.model}", f"version={version.version}", f"window={window.name}"]
            said += [
                f"{name}={_plain(window.figures[name])}"
                for name in _PLAIN
                if name in window.figures
            ]
            if version.drifted:
                said.append(f"drifted={_plain(','.join(version.drifted))}")
            if version.learning is not None:
                said.append(f"baseline_events_missing={version.learning.events_missing}")
            lines.append(" ".join(said))
    for alert in overview.alerts:
        names = ("rule", "severity", "status", "summary")
        lines.append("alert " + " ".join(f"{n}={_plain(alert.get(n, ''))}" for n in names))
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = harmless(str(value))
    if not any(mark in text for mark in ' "='):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
