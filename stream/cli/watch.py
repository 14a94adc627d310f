"""``watch``: the live table."""

import sys
import time
from typing import Annotated, Any

import typer

from stream.cli.connect import require_redis
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, print_json
from stream.live import LiveView, Overview, follow, plain_lines, read_overview

app = typer.Typer()


@app.command(
    epilog=examples(
        "streamgauge watch",
        "streamgauge watch credit --version 3",
        "streamgauge watch --once --json",
        then="[bold]streamgauge metrics MODEL[/] shows past windows;"
        " [bold]streamgauge alerts list[/] the alerts.",
    )
)
def watch(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only this model.", show_default=False)
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", "-v", metavar="VERSION", help="Only this version.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", metavar="", help="Show it once and end.")] = False,
    interval: Annotated[
        float, typer.Option(metavar="S", min=0.2, help="Seconds between two looks.")
    ] = 1.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Watch the live figures of all models. Ctrl-C ends it."""
    settings = open_settings(config, data_dir, namespace)
    client = require_redis(settings)

    def read() -> Overview:
        return read_overview(client, settings.namespace, model, version)

    try:
        if once:
            _show_once(read(), as_json)
        elif as_json or not sys.stdout.isatty():
            _print_changes(read, interval, as_json)
        else:
            follow(read, console(), refresh_s=interval)
    except KeyboardInterrupt:
        pass


def _show_once(overview: Overview, as_json: bool) -> None:
    if as_json:
        print_json(as_document(overview))
    elif sys.stdout.isatty():
        console().print(LiveView(overview, time.time_ns() // 1_000_000, all_rows=True))
    else:
        for line in plain_lines(overview):
            print(line)


def _print_changes(read: Any, interval: float, as_json: bool) -> None:
    """Print what changed, a line each, until the reader or the user has enough."""
    shown: set[str] = set()
    while True:
        overview = read()
        if as_json:
            print_json(as_document(overview))
        else:
            lines = plain_lines(overview)
            for line in lines:
                if line not in shown:
                    print(line, flush=True)
            shown = set(lines)
        time.sleep(interval)


def as_document(overview: Overview) -> dict[str, Any]:
    """Return an overview as JSON has it."""
    return {
        "models": [
            {
                "model_name": version.model,
                "model_version": version.version,
                "windows": {window.name: window.figures for window in version.windows},
                "drifted": version.drifted,
                "baseline_missing": None
                if version.learning is None
                else {
                    "events": version.learning.events_missing,
                    "span_ms": version.learning.span_missing_ms,
                },
            }
            for version in overview.versions
        ],
        "alerts": list(overview.alerts),
    }
