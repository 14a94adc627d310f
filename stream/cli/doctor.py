"""``doctor``: reach every part and say what is wrong."""

import time

import msgspec
import redis
import typer
from redis.backoff import NoBackoff
from redis.retry import Retry
from rich.console import Console

from stream.cli.errors import FAILED
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import clean, console, count_text, escape, print_json, table
from stream.doctor import Book, Check, Diagnosis, examine

app = typer.Typer()

_TIMEOUT_S = 5.0


@app.command(
    epilog=examples(
        "streamgauge doctor",
        "streamgauge doctor --json | jq '.checks[] | select(.ok | not)'",
        then="each line that is not well says what to do; warnings don't count as trouble.",
    )
)
def doctor(
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Check every part, its settings, lag and the books; exit with 1 on trouble."""
    settings = open_settings(config, data_dir, namespace)
    url = settings.redis.url
    client = None
    if url is not None:
        client = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
    found = examine(settings, client, time.time_ns() // 1_000_000)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        _show(found)
    if not found.ok:
        raise typer.Exit(FAILED)


def _show(found: Diagnosis) -> None:
    out = console()
    width = max(len(check.name) for check in found.checks)
    for check in found.checks:
        _show_check(out, check, width)
    if found.books:
        _show_books(out, found.books)
    trouble = sum(not check.ok for check in found.checks)
    warnings = sum(check.is_warning for check in found.checks)
    said = f"[red]{trouble} in trouble[/]" if trouble else "[green]all well[/]"
    more = f", {warnings} warning{'s' * (warnings > 1)}" if warnings else ""
    out.print(said + more)


def _show_check(out: Console, check: Check, width: int) -> None:
    mark = "[red]✗[/]" if not check.ok else "[yellow]![/]" if check.is_warning else "[green]✓[/]"
    grid = table()
    grid.box = None
    grid.show_header = False
    for _ in range(3):
        grid.add_column()
    grid.columns[1].width = width
    grid.add_row(mark, check.name, escape(clean(check.detail)))
    if check.hint:
        grid.add_row("", "", f"[bold]→[/] {escape(clean(check.hint))}")
    out.print(grid)


def _show_books(out: Console, books: list[Book]) -> None:
    names = ("consumed", "accepted", "late", "rejected", "empty")
    shown = table("Books", *(name.capitalize() for name in names))
    for column in shown.columns[1:]:
        column.justify = "right"
    for book in books:
        mark = "" if book.balances else " [red]✗[/]"
        amounts = [count_text(getattr(book, name)) for name in names]
        shown.add_row(f"{book.topic}/{book.partition}{mark}", *amounts)
    out.print(shown)
