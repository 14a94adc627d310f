"""``up``: everything on this machine in one command."""

from typing import Annotated

import typer

from stream.cli.help import examples
from stream.cli.options import ConfigOption, DataDirOption, NamespaceOption

app = typer.Typer()


@app.command(
    epilog=examples(
        "streamgauge up",
        "streamgauge up --workers 4 --data-dir /srv/streamgauge",
        "# with your own Kafka; Redis comes along",
        "STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS=broker:9092 streamgauge up",
        then="in another shell, [bold]streamgauge emit[/] sends events and"
        " [bold]streamgauge watch[/] shows figures: both find it by itself.",
    )
)
def up(
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="How many workers: one a core.")
    ] = 1,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Run everything on this machine: Kafka, Redis, workers, agents. Ctrl-C ends it."""
    from stream.cli.running_up import run_up  # noqa: PLC0415  # psutil and the embedded stack

    run_up(workers, config, data_dir, namespace)
