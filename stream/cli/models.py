"""``models``: what is configured of models and rules."""

import time
from typing import Annotated

import msgspec
import typer

from schemas.models import ModelConfig, window_specs
from schemas.records import ConfigRecord, record_key
from schemas.topics import Topic
from stream.cli.config_changes import apply_records, baselines_of, show_plans, value_text
from stream.cli.config_files import read_config_file
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, escape, print_json, table
from stream.configure import (
    author,
    flat,
    moment,
    publish,
    publish_config,
    read_config,
    replanned,
)

app = typer.Typer(
    name="models",
    no_args_is_help=True,
    help="Register models and rules. [dim]Models report without it, too.[/]",
)


@app.command(
    epilog=examples(
        "streamgauge models apply models.toml",
        "streamgauge models apply models.toml --dry-run",
        "# the smallest models.toml",
        "# [[models]]",
        '# model_name = "credit"',
        '# task = "binary"',
        then="[bold]streamgauge baseline build[/] gives a model its reference.",
    )
)
def apply(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="TOML or JSON; - is JSON on standard input.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only say what would change.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Make models and rules as FILE has them; doing it twice changes nothing."""
    settings = open_settings(config, data_dir, namespace)
    given = read_config_file(file)
    require_kafka(settings)
    apply_records(settings, file, [*given.models, *given.rules], dry_run=dry_run, as_json=as_json)


@app.command(
    name="list",
    epilog=examples(
        "streamgauge models list",
        then="[bold]streamgauge models show NAME[/] shows one, field by field.",
    ),
)
def list_models(
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """List configured models and rules."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    records = read_config(settings)
    kept = {k: r for k, r in sorted(records.items()) if k.startswith(("model/", "rule/"))}
    if as_json:
        print_json([msgspec.to_builtins(record) for record in kept.values()])
        return
    if not kept:
        console().print(
            "No model is configured. That is fine: models appear as they send events.\n"
            "[dim]To configure one:[/] streamgauge models apply FILE"
        )
        return
    shown = table("Model", "Version", "Task", "Windows", "Segments", "Baseline")
    rules = []
    for record in kept.values():
        if isinstance(record, ModelConfig):
            shown.add_row(
                record.model_name,
                record.model_version,
                record.task,
                " ".join(spec.name for spec in window_specs(record)),
                record.segments if isinstance(record.segments, str) else " ".join(record.segments),
                record.baseline[:12],
            )
        else:
            rules.append(record_key(record).removeprefix("rule/"))
    if shown.row_count:
        console().print(shown)
    if rules:
        console().print(f"Rules: {', '.join(rules)}")


@app.command(
    epilog=examples(
        "streamgauge models show credit",
        "streamgauge models show credit --version 3 --json",
        then="change fields in your file and [bold]streamgauge models apply[/] it.",
    )
)
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model name.")],
    version: Annotated[
        str | None,
        typer.Option(
            "--version", "-v", metavar="VERSION", help="Only this version (* is the rest)."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Show a model's configuration, defaults included."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    found = _models_named(read_config(settings), model, version)
    if as_json:
        print_json([msgspec.to_builtins(record) for record in found])
        return
    for record in found:
        shown = table("Field", "Value", title=f"{record.model_name} {record.model_version}")
        for name, value in flat(record).items():
            if name not in {"model_name", "model_version"}:
                shown.add_row(name, escape(value_text(value)))
        console().print(shown)


@app.command(
    epilog=examples(
        "streamgauge models delete credit",
        "streamgauge models delete credit --version 3",
        then="its figures stay until they expire; new events are counted by the defaults.",
    )
)
def delete(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model name.")],
    version: Annotated[
        str | None, typer.Option("--version", "-v", metavar="VERSION", help="Only this version.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Delete a model's configuration; the model itself goes on reporting."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    records = read_config(settings)
    found = _models_named(records, model, version)
    keys = [record_key(record) for record in found]
    now_ms = time.time_ns() // 1_000_000
    after = {key: record for key, record in records.items() if key not in keys}
    plans = replanned(records, after, baselines_of(settings, after.values()), now_ms)
    headers = {"who": author(), "when": moment(now_ms)}
    publish(settings, Topic.CONFIG, [(key, None) for key in keys], headers)
    if plans:
        publish_config(settings, plans, author(), now_ms)
    if as_json:
        print_json([{"key": key, "change": "deleted"} for key in keys])
        return
    for key in keys:
        console().print(f"[red]-[/] {key}")
    show_plans(plans)


def _models_named(
    records: dict[str, ConfigRecord], model: str, version: str | None
) -> list[ModelConfig]:
    found = [
        record
        for _, record in sorted(records.items())
        if isinstance(record, ModelConfig)
        and record.model_name == model
        and version in {None, record.model_version}
    ]
    if not found:
        which = model if version is None else f"{model} {version}"
        raise CommandError(
            f"{which} is not configured: `streamgauge models list` lists what is,"
            " and models without configuration use the defaults"
        )
    return found
