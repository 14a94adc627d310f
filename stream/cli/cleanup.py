"""``cleanup``: forget model versions that have had no traffic for longer than they are kept."""

import time
from typing import Annotated

import typer

from stream.cli.connect import require_kafka, require_redis
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, print_json
from stream.configure import model_config, read_config
from stream.state.keys import VersionId
from stream.state.retention import forget_version, outdated_versions

app = typer.Typer()


@app.command(
    epilog=examples(
        "streamgauge cleanup --dry-run",
        then="[bold]retention_days[/] of a model says how long it is kept without traffic;"
        " Kafka keeps its topics by their own retention.",
    )
)
def cleanup(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only say what would be forgotten.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Apply retention now: forget model versions without traffic for longer than they are kept."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    present = read_config(settings)
    now_ms = time.time_ns() // 1_000_000

    def retention_days(version: VersionId) -> int:
        return model_config(present, *version).retention_days

    with require_redis(settings, text=False) as client:
        outdated = outdated_versions(client, settings.namespace, retention_days, now_ms)
        forgotten = [
            version
            for version in outdated
            if dry_run or forget_version(client, settings.namespace, version)
        ]
    if as_json:
        print_json([version._asdict() for version in forgotten])
        return
    would = "would be " if dry_run else ""
    for version in forgotten:
        console().print(
            f"{version.model} {version.version}: no traffic for more than"
            f" {retention_days(version)} days, {would}forgotten"
        )
    if not forgotten:
        console().print("nothing is older than its retention")
