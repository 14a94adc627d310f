"""``models``: what is configured of models and rules."""

import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from schemas.activations import Activation
from schemas.baselines import Baseline
from schemas.config import ConfigError, ConfigFile, parse_config
from schemas.models import ModelConfig, window_specs
from schemas.records import ConfigRecord, record_key
from schemas.topics import Topic
from stream.activations import chosen_id
from stream.baseline.store import read_baselines
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
from stream.settings import Settings

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
    given = read_config_file(file)
    wanted: list[ConfigRecord] = [*given.models, *given.rules]
    require_kafka(settings)
    now_ms = time.time_ns() // 1_000_000
    present = read_config(settings)
    made = changes(present, wanted)
    changed = [change.record for change in made if change.kind != "unchanged"]
    baselines = _baselines(settings, changed)
    check_chosen(file, changed, baselines)
    after = present | {record_key(record): record for record in changed}
    plans = replanned(present, after, baselines, now_ms)
    if not dry_run and changed:
        publish_config(settings, [*changed, *plans], author(), now_ms)
    if as_json:
        print_json([_as_json(change) for change in made])
        return
    out = console()
    for change in made:
        _show_change(change)
    _show_plans(plans)
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
    records = read_config(settings)
    found = _models_named(records, model, version)
    keys = [record_key(record) for record in found]
    now_ms = time.time_ns() // 1_000_000
    after = {key: record for key, record in records.items() if key not in keys}
    plans = replanned(records, after, _baselines(settings, after.values()), now_ms)
    headers = {"who": author(), "when": moment(now_ms)}
    publish(settings, Topic.CONFIG, [(key, None) for key in keys], headers)
    if plans:
        publish_config(settings, plans, author(), now_ms)
    if as_json:
        print_json([{"key": key, "change": "deleted"} for key in keys])
        return
    for key in keys:
        console().print(f"[red]-[/] {key}")
    _show_plans(plans)


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


def _baselines(settings: Settings, records: Iterable[ConfigRecord]) -> dict[str, Baseline]:
    """Read the baselines where configurations name one, or split by values that one knows."""
    models = [record for record in records if isinstance(record, ModelConfig)]
    if not any(chosen_id(model) or model.segments for model in models):
        return {}
    return {name: one.baseline for name, one in read_baselines(settings).items()}


def check_chosen(
    file: str, records: Iterable[ConfigRecord], baselines: Mapping[str, Baseline]
) -> None:
    """Refuse a configuration that names a baseline which is not there.

    Raises
    ------
    CommandError
        Naming the model.
    """
    for record in records:
        name = chosen_id(record) if isinstance(record, ModelConfig) else None
        if isinstance(record, ModelConfig) and name is not None and name not in baselines:
            raise usage(
                f"{file}: {record.model_name} {record.model_version}: there is no baseline"
                f" {name[:12]}: `streamgauge baseline list` lists all"
            )


def _show_plans(plans: Iterable[Activation]) -> None:
    for plan in plans:
        console().print(
            f"  {plan.model_name} {plan.model_version} is counted in the new way from"
            f" {time_text(plan.effective_from)} on"
        )


def read_config_file(file: str) -> ConfigFile:
    """Read models and rules of a file, or of standard input.

    Raises
    ------
    CommandError
        For the first thing that is wrong with it.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read ({error.strerror}): check the path") from error
    try:
        parsed = parse_config(_parse(file, data))
    except ConfigError as error:
        raise usage(f"{file}: {error}") from error
    for model in parsed.models:
        check_constraints(file, model)
    return parsed


def check_constraints(file: str, model: ModelConfig) -> None:
    """Refuse a regular expression that workers could not use.

    Raises
    ------
    CommandError
        Naming the feature.
    """
    patterns = {name: of.regex for name, of in model.features.items() if of.regex is not None}
    if not patterns:
        return
    from stream.window.constraints import check_regex  # noqa: PLC0415  # Arrow takes its time

    for name, pattern in patterns.items():
        try:
            check_regex(pattern)
        except ValueError as error:
            raise usage(
                f"{file}: feature {name} of {model.model_name} {model.model_version}: {error}"
            ) from error


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
