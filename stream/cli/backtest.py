"""``backtest``: what would have alerted, and when, on a prediction log or topic."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.alerts import Severity
from stream.cli.help import examples
from stream.cli.options import (
    DataDirOption,
    IgnoreOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.times import FORMS

app = typer.Typer()


@app.command(
    epilog=examples(
        "# events as on the wire, and models and rules as `models apply` takes them",
        "streamgauge backtest day.jsonl --config models.toml --baseline reference.parquet",
        "# rows of a table",
        "streamgauge backtest month.parquet -m credit -v 3 --map prediction=y_pred \\\\",
        "    --baseline reference.parquet --fail-on error",
        "# what the topic holds of yesterday, under other rules",
        "streamgauge backtest topic:ml.predictions --since 48h --until 24h --config rules.toml",
        then="[bold]streamgauge models apply[/] makes models and rules count;"
        " docs/backtest.md says what is alike and what is not.",
    )
)
def backtest(
    log: Annotated[
        str,
        typer.Argument(
            metavar="LOG",
            help="JSON lines, Parquet or CSV; - is standard input; topic:NAME is a topic.",
        ),
    ],
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="FILE", help="Models and rules to try: TOML or JSON, as in `apply`."
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL=]FILE|ID",
            help="Baseline: reference data, a written one (.json) or an id. Repeatable."
            " [dim]Default: the topic's; else learned from the first part of the log.[/]",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Model whose predictions the rows are."),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", "-v", metavar="VERSION", help="Its version.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is what, in LOG and in the reference data. Repeatable. [dim]Roles:"
            " id timestamp prediction probability label latency_ms error.[/]",
        ),
    ] = None,
    ignore: IgnoreOption = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=f"Of a topic, what was appended from then on: {FORMS}."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of a topic, what was appended until then.")
    ] = None,
    reports: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write every report of every window to FILE, as JSON lines."
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(metavar="SEVERITY", help="Exit 1 where anything as bad or worse fires."),
    ] = None,
    as_json: JsonOption = False,
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="Settings file (TOML). [dim]Default: ./streamgauge.toml, where it exists.[/]",
            rich_help_panel="Where things are",
        ),
    ] = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Say what would have alerted, and when: LOG through the rules, in memory."""
    settings = open_settings(settings_file, data_dir, namespace)
    from stream.cli.backtesting import Asked, run_backtest  # noqa: PLC0415  # scipy, Arrow: 1 s

    asked = Asked(
        log=log,
        config=config,
        baselines=tuple(baseline or ()),
        model=model,
        version=version,
        mapped=tuple(mapped or ()),
        ignored=tuple(ignore or ()),
        since=since,
        until=until,
        reports=reports,
        fail_on=fail_on,
        as_json=as_json,
    )
    run_backtest(settings, asked)
