"""What commands print: tables for people on stdout, JSON for programs, notes on stderr."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.metrics import describe

# What is piped somewhere is read by a program, or scrolled: nothing needs to be cut off.
PIPED_COLUMNS = 240

_MS_PER_S = 1000
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)))
# Factor and sign by the unit of a figure.
_UNITS = {"share": (100, " %"), "ms": (1, " ms"), "1/s": (1, "/s"), "requests": (1, " requests")}
_SMALL = 1e-3
_LARGE = 1e6


def console() -> Console:
    """Return the console for results."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console(highlight=False)
    return Console(highlight=False, width=PIPED_COLUMNS)


@cache
def notes() -> Console:
    """Return the console for what is said beside the result: stderr.

    There is one only, so that what is said while a progress bar is drawn goes above it.
    """
    return Console(stderr=True, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Say something in passing, on stderr."""
    notes().print(f"[dim]{escape(text)}[/]")


def print_json(value: Any) -> None:
    """Print JSON: indented for a person at a terminal, else one document a line."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    sys.stdout.buffer.write(orjson.dumps(value, option=option | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """Return an empty table in the house style; columns in ``right`` hold numbers."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def clean(text: str) -> str:
    """Take out what would steer a terminal: names are others' input. Line breaks stay."""
    return "\n".join(line.translate(_CONTROL) for line in text.split("\n"))


def time_text(epoch_ms: int | None) -> str:
    """Write a time for a person, in UTC.

    Examples
    --------
    >>> time_text(1790002800000)
    '2026-09-21 15:00'
    """
    if epoch_ms is None:
        return "–"
    moment = datetime.fromtimestamp(epoch_ms / _MS_PER_S, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def count_text(value: float) -> str:
    """Write a count with its thousands apart."""
    return f"{int(value):,}"


def events_text(count: int) -> str:
    """Write how many events.

    Examples
    --------
    >>> events_text(1), events_text(20_000)
    ('1 event', '20,000 events')
    """
    return "1 event" if count == 1 else f"{count_text(count)} events"


def figure_text(name: str, value: object) -> str:
    """Write a figure in its unit, short.

    Examples
    --------
    >>> figure_text("error_rate", 0.0125), figure_text("latency_p95_ms", 41.23)
    ('1.25 %', '41.2 ms')
    >>> figure_text("concept_drift_since", 1790002800000), figure_text("page_hinkley", 12.345)
    ('2026-09-21 15:00', '12.3 requests')
    >>> figure_text("fairness.sex.demographic_parity_difference", 0.0834)
    '8.34 %'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return "–" if value is None else str(value)
    metric = describe(name)
    scale, unit = _UNITS.get(metric.unit if metric else "", (1, ""))
    if metric is not None and metric.unit == "count":
        return count_text(value)
    if metric is not None and metric.unit == "epoch ms":
        return time_text(int(value))
    return f"{_digits(value * scale)}{unit}"


def _digits(value: float) -> str:
    """Write a number with three significant digits, whole numbers with all of theirs."""
    magnitude = abs(value)
    if magnitude != 0 and not _SMALL <= magnitude < _LARGE:
        return f"{value:.2e}"
    if magnitude >= 100:  # noqa: PLR2004  # three digits are before the point
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text


__all__ = [
    "clean",
    "console",
    "count_text",
    "escape",
    "events_text",
    "figure_text",
    "note",
    "notes",
    "print_json",
    "table",
    "time_text",
]
