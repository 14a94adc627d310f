"""``worker`` and ``agents``: one role each, to run many of, on many machines."""

from typing import Annotated

import typer

from stream.cli.children import end_with_parent
from stream.cli.errors import CommandError
from stream.cli.help import examples
from stream.cli.options import ConfigOption, DataDirOption, NamespaceOption, open_settings

app = typer.Typer()

ParentOption = Annotated[
    int | None, typer.Option("--parent", hidden=True, help="End when this process is gone.")
]


@app.command(
    epilog=examples(
        "streamgauge worker",
        "streamgauge worker --instance host1-a   # keeps its partitions over a restart",
        then="[bold]streamgauge agents[/] turns what workers count into figures;"
        " [bold]streamgauge doctor[/] shows who owns which partition.",
    )
)
def worker(
    instance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name for static membership, one of its own for each worker."
        ),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
    parent: ParentOption = None,
) -> None:
    """Count events into Redis. Run one for each core, on any machine."""
    end_with_parent(parent)
    from stream import bootstrap  # noqa: PLC0415  # half a second that other commands save

    try:
        bootstrap.run_worker(open_settings(config, data_dir, namespace), instance)
    except bootstrap.RedisUnavailableError as error:
        raise CommandError(str(error)) from error


@app.command(
    epilog=examples(
        "streamgauge agents",
        "STREAMGAUGE_HTTP__PORT=8081 streamgauge agents",
        then="the same command on a second machine takes over when the first one dies.",
    )
)
def agents(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
    parent: ParentOption = None,
) -> None:
    """Compute figures, reports and alerts, and answer HTTP."""
    end_with_parent(parent)
    from stream import bootstrap  # noqa: PLC0415  # half a second that other commands save

    try:
        bootstrap.run_agents(open_settings(config, data_dir, namespace))
    except bootstrap.RedisUnavailableError as error:
        raise CommandError(str(error)) from error
