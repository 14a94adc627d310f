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


LogArgument = Annotated[
    str,
    typer.Argument(
        metavar="LOG",
        help="JSON lines, Parquet or CSV; - is standard input; topic:NAME is a topic.",
    ),
]
RulesOption = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE", help="Models and rules to try: TOML or JSON, as in `apply`."
    ),
]
BaselineOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[MODEL=]FILE|ID",
        help="Baseline: reference data, a written one (.json) or an id. Repeatable."
        " [dim]Default: the topic's; else learned from the first part of the log.[/]",
    ),
]
RowsModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="NAME", help="Model whose predictions the rows are."),
]
RowsVersionOption = Annotated[
    str | None, typer.Option("--version", "-v", metavar="VERSION", help="Its version.")
]
MappedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="Which column is what, in LOG and in the reference data. Repeatable. [dim]Roles:"
        " id timestamp prediction probability label latency_ms error.[/]",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help=f"Of a topic, what was appended from then on: {FORMS}."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Of a topic, what was appended until then.")
]
ReportsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write every report of every window to FILE, as JSON lines."),
]
FailOnOption = Annotated[
    Severity | None,
    typer.Option(metavar="SEVERITY", help="Exit 1 where anything as bad or worse fires."),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Settings file (TOML). [dim]Default: ./streamgauge.toml, where it exists.[/]",
        rich_help_panel="Where things are",
    ),
]


@app.command(
    epilog=examples(
        "# events as on the wire, and models and rules as `models apply` takes them",
        "streamgauge backtest day.jsonl --config models.toml --baseline reference.parquet",
        "# rows of a table",
        "streamgauge backtest month.parquet -m credit -v 3 --map prediction=y_pred \\",
        "    --baseline reference.parquet --fail-on error",
        "# what the topic holds of yesterday, under other rules",
        "streamgauge backtest topic:ml.predictions --since 48h --until 24h --config rules.toml",
        then="[bold]streamgauge models apply[/] makes models and rules count;"
        " docs/backtest.md says what is alike and what is not.",
    )
)
def backtest(
    log: LogArgument,
    config: RulesOption = None,
    baseline: BaselineOption = None,
    model: RowsModelOption = None,
    version: RowsVersionOption = None,
    mapped: MappedOption = None,
    ignore: IgnoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reports: ReportsOption = None,
    fail_on: FailOnOption = None,
    as_json: JsonOption = False,
    settings_file: SettingsOption = None,
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
