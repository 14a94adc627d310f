"""``models``: what is configured of models and rules."""

import sys
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from schemas.config import ConfigError, parse_config
from schemas.models import ModelConfig, window_specs
from schemas.records import ConfigRecord, record_key
from schemas.topics import Topic
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, escape, print_json, table, time_text
from stream.configure import (
    Change,
    author,
    changes,
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

_KINDS = {"added": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]"}


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
    wanted = _read_file(file)
    require_kafka(settings)
    now_ms = time.time_ns() // 1_000_000
    present = read_config(settings)
    made = changes(present, wanted)
    changed = [change.record for change in made if change.kind != "unchanged"]
    plans = replanned(present, [r for r in changed if isinstance(r, ModelConfig)], now_ms)
    if not dry_run and changed:
        publish_config(settings, [*changed, *plans], author(), now_ms)
    if as_json:
        print_json([_as_json(change) for change in made])
        return
    out = console()
    for change in made:
        _show_change(change)
    for plan in plans:
        out.print(
            f"  {plan.model_name} {plan.model_version} is counted in the new way from"
            f" {time_text(plan.effective_from)} on"
        )
    counts = {kind: sum(c.kind == kind for c in made) for kind in _KINDS}
    done = "would be " if dry_run else ""
    out.print(", ".join(f"{n} {done}{kind}" for kind, n in counts.items() if n) or "nothing in it")


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
                shown.add_row(name, escape(_value_text(value)))
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
    found = _models_named(read_config(settings), model, version)
    keys = [record_key(record) for record in found]
    headers = {"who": author(), "when": moment(time.time_ns() // 1_000_000)}
    publish(settings, Topic.CONFIG, [(key, None) for key in keys], headers)
    if as_json:
        print_json([{"key": key, "change": "deleted"} for key in keys])
        return
    for key in keys:
        console().print(f"[red]-[/] {key}")


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


def _read_file(file: str) -> list[ConfigRecord]:
    """Read models and rules of a file."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read ({error.strerror}): check the path") from error
    try:
        parsed = parse_config(_parse(file, data))
    except ConfigError as error:
        raise usage(f"{file}: {error}") from error
    return [*parsed.models, *parsed.rules]


def _parse(file: str, data: bytes) -> Any:
    """Read TOML where the name says so, else JSON."""
    try:
        if Path(file).suffix.lower() == ".toml":
            return tomllib.loads(data.decode("utf-8"))
        return orjson.loads(data)
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        kind = "TOML" if Path(file).suffix.lower() == ".toml" else "JSON"
        raise usage(f"{file} is no {kind}: {error}") from error


def _as_json(change: Change) -> dict[str, Any]:
    fields = {
        name: {"before": before, "after": after} for name, (before, after) in change.fields.items()
    }
    return {"key": change.key, "change": change.kind, "fields": fields}


def _show_change(change: Change) -> None:
    out = console()
    out.print(f"{_KINDS[change.kind]} {change.key}  [dim]{change.kind}[/]")
    for name, (before, after) in change.fields.items():
        if name in {"model_name", "model_version", "name"}:
            continue
        if change.kind == "added":
            out.print(f"    {name} = {escape(_value_text(after))}")
        else:
            out.print(
                f"    {name}: [red]{escape(_value_text(before))}[/]"
                f" → [green]{escape(_value_text(after))}[/]"
            )


def _value_text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
