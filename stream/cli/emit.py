"""``emit`` and ``emit-labels``: files, or standard input, as events."""

from typing import Annotated

import typer

from stream.cli.errors import usage
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    IgnoreOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.emit.pace import Pace

app = typer.Typer()

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="Parquet, CSV or JSON lines; - is standard input.")
]
EmitModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="NAME", help="Model whose predictions the rows are."),
]
EmitVersionOption = Annotated[
    str | None, typer.Option("--version", "-v", metavar="VERSION", help="Its version.")
]
RateOption = Annotated[
    float | None, typer.Option(metavar="N", min=0.001, help="At most N events a second.")
]
SpeedOption = Annotated[
    float | None,
    typer.Option(
        metavar="X", min=0.001, help="As the rows' own times pass, X times as fast (3600: 1 h/s)."
    ),
]
EmitMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="Which column is what. Repeatable. [dim]Roles: id timestamp prediction probability"
        " label latency_ms error; all other columns are features.[/]",
    ),
]


@app.command(
    epilog=examples(
        "# rows of a file become events of a model",
        "streamgauge emit traffic.parquet --model credit --version 3 --map prediction=y_pred",
        "# events that are JSON already go through unchanged",
        """echo '{"model_name": "credit", "prediction": 1}' | streamgauge emit -""",
        "# replay a day in a minute and a half",
        "streamgauge emit day.csv -m credit -v 3 --speed 1000",
        then="[bold]streamgauge watch credit[/] shows the figures move;"
        " [bold]streamgauge emit-labels[/] adds the ground truth.",
    )
)
def emit(
    file: FileArgument,
    model: EmitModelOption = None,
    version: EmitVersionOption = None,
    mapped: EmitMapOption = None,
    ignore: IgnoreOption = None,
    rate: RateOption = None,
    speed: SpeedOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Send prediction events from a file, or from standard input."""
    settings = open_settings(config, data_dir, namespace)
    pace = _pace(rate, speed)
    from stream.cli.emitting import emit_predictions  # noqa: PLC0415  # Arrow: 0.4 s

    emit_predictions(settings, file, model, version, mapped or [], ignore or [], pace, as_json)


@app.command(
    name="emit-labels",
    epilog=examples(
        "# rows of a file: which request, and what was true of it",
        "streamgauge emit-labels truth.parquet --map label=defaulted",
        "streamgauge emit-labels truth.csv --model credit \\",
        "    --map id=order --map label=paid",
        "# a delayed figure, with or without a label",
        "streamgauge emit-labels survey.csv --metric rating=stars",
        "# label events that are JSON already go through unchanged",
        """echo '{"request_id": "r-17", "label": 1}' | streamgauge emit-labels -""",
        then="[bold]streamgauge metrics credit --performance[/] shows how well the model does;"
        " [bold]docs/labels.md[/] says how labels find their predictions.",
    ),
)
def emit_labels(
    file: FileArgument,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Only this model's requests."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", "-v", metavar="VERSION", help="Only this version's requests."),
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is what. Repeatable. [dim]Roles: id label timestamp; a column of"
            " such a name needs none.[/]",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME=COLUMN",
            help="Column of a delayed figure, such as a rating. Repeatable.",
        ),
    ] = None,
    rate: RateOption = None,
    speed: SpeedOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Send label events, the ground truth, from a file or from standard input."""
    settings = open_settings(config, data_dir, namespace)
    pace = _pace(rate, speed)
    from stream.cli import emitting_labels  # noqa: PLC0415  # Arrow: 0.4 s

    emitting_labels.emit_labels(
        settings, file, model, version, mapped or [], metric or [], pace, as_json
    )


def _pace(rate: float | None, speed: float | None) -> Pace:
    if rate is not None and speed is not None:
        raise usage("--rate and --speed exclude each other: keep one")
    return Pace(rate, speed)
