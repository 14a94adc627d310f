"""``cleanup``: forget model versions without traffic, and silences long ended."""

import time
from typing import Annotated

import typer

from schemas.records import record_key
from schemas.rules import SilenceConfig
from schemas.topics import Topic
from stream.alerting.silences import KEPT_MS, outdated_silences
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
from stream.configure import author, model_config, moment, publish, read_config
from stream.state.keys import VersionId
from stream.state.retention import MS_PER_DAY, forget_version, outdated_versions

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
    """Apply retention now: forget models without traffic, and silences that ended long ago."""
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
    silences = [record for record in present.values() if isinstance(record, SilenceConfig)]
    ended = outdated_silences(silences, now_ms)
    if ended and not dry_run:
        headers = {"who": author(), "when": moment(now_ms)}
        publish(settings, Topic.CONFIG, [(record_key(one), None) for one in ended], headers)
    if as_json:
        silenced = [{"silence": one.id} for one in ended]
        print_json([*(version._asdict() for version in forgotten), *silenced])
        return
    would = "would be " if dry_run else ""
    for version in forgotten:
        console().print(
            f"{version.model} {version.version}: no traffic for more than"
            f" {retention_days(version)} days, {would}forgotten"
        )
    for one in ended:
        console().print(
            f"silence {one.id}: ended more than {KEPT_MS // MS_PER_DAY} days ago, {would}forgotten"
        )
    if not forgotten and not ended:
        console().print("nothing is older than its retention")
