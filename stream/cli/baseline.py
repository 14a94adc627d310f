"""``baseline``: the reference that drift is measured against."""

import difflib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from schemas.baselines import Baseline, baseline_id
from schemas.features import FeatureKind
from schemas.records import ConfigRecord
from stream.baseline.errors import BaselineError
from stream.baseline.store import (
    Stored,
    activate,
    activation_for,
    publish_baseline,
    read_baselines,
)
from stream.cli.baseline_changes import FromOption, IdArgument, baseline_named, changes
from stream.cli.baseline_views import (
    features_table,
    list_table,
    listed,
    plain,
    show_activation,
    show_built,
    summary,
)
from stream.cli.connect import require_kafka
from stream.cli.errors import usage
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    IgnoreOption,
    JsonOption,
    MapOption,
    ModelOption,
    NamespaceOption,
    VersionOption,
    open_settings,
)
from stream.cli.output import console, note, print_json
from stream.cli.times import parse_moment
from stream.configure import author, model_config, read_config
from stream.emit.roles import ROLES, MappingError, check_name, parse_figures, parse_map
from stream.settings import Settings

app = typer.Typer(
    name="baseline",
    no_args_is_help=True,
    help="Give models a reference to measure drift against.",
)

KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="COLUMN=KIND",
        help="What a feature is, where its values mislead. Repeatable."
        f" [dim]Kinds: {' '.join(FeatureKind)}.[/]",
    ),
]

FigureOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME=COLUMN",
        help="A figure that events or labels bring along, such as rating=stars; no feature."
        " Repeatable.",
    ),
]


@app.command(
    epilog=examples(
        "streamgauge baseline build reference.parquet -m credit -v 3 \\",
        "    --map prediction=y_pred --map probability=y_proba --ignore row",
        "streamgauge baseline build train.csv -m credit -v 4 --from 2026-09-21",
        then="[bold]streamgauge emit[/] or your services send events;"
        " [bold]streamgauge watch[/] shows drift.",
    )
)
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Parquet, CSV or JSON lines.")],
    model: ModelOption,
    version: VersionOption,
    mapped: MapOption = None,
    ignore: IgnoreOption = None,
    kind: KindOption = None,
    metric: FigureOption = None,
    start: FromOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Build a baseline from a file, publish it, and let it count."""
    settings = open_settings(config, data_dir, namespace)
    now_ms = time.time_ns() // 1_000_000
    from_ms = None if start is None else parse_moment("--from", start, now_ms)
    try:
        check_name("model", model)
        check_name("version", version)
        named = parse_map(mapped or (), ROLES)
        kinds = parse_kinds(kind or ())
        require_kafka(settings)
        present = read_config(settings)
        figures = parse_figures(metric or ())
        baseline = _build(
            file, model, version, named, ignore or [], kinds, figures, settings, present
        )
        name = baseline_id(baseline)
        one = Stored(name, baseline, None, None)
        made = activation_for(present, model, version, one, from_ms, now_ms)
    except (MappingError, BaselineError) as error:
        raise usage(f"{file}: {error}") from error
    known = name in read_baselines(settings)
    if not known:
        publish_baseline(settings, baseline, author(), now_ms)
    if made is not None:
        activate(settings, made, author(), now_ms)
    if as_json:
        print_json(summary(name, baseline) | {"published": not known, "activation": plain(made)})
        return
    show_built(name, baseline, known)
    show_activation(made)


def _build(
    file: Path,
    model: str,
    version: str,
    named: dict[str, str],
    ignore: list[str],
    given: dict[str, FeatureKind],
    figures: dict[str, str],
    settings: Settings,
    present: dict[str, ConfigRecord],
) -> Baseline:
    """Read the file and build; features are what is given, else what the configuration says."""
    # Arrow takes a third of a second that other commands save.
    from stream.baseline.build import build_baseline  # noqa: PLC0415
    from stream.baseline.read import read_table  # noqa: PLC0415

    data = read_table(file)
    columns = set(data.column_names)
    configured = model_config(present, model, version)
    kinds = {
        n: f.kind for n, f in configured.features.items() if f.kind is not None and n in columns
    }
    for name in given:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            raise BaselineError(
                f"--kind {name}: there is no such column" + (f", but {near[0]!r}" if near else "")
            )
    kinds |= given
    stamp = named.get("timestamp", "timestamp")
    if stamp in columns and getattr(data.schema.field(stamp).type, "tz", "") is None:
        note(f"the times in column {stamp} have no zone and were taken as UTC")
    return build_baseline(
        data,
        model_name=model,
        model_version=version,
        roles=named,
        ignored=ignore,
        kinds=kinds,
        features_max=settings.bounds.features_max,
        segments=configured.segments,
        task=configured.task,
        positive_class=configured.positive_class,
        figures=figures,
        tell=note,
    )


def parse_kinds(given: Iterable[str]) -> dict[str, FeatureKind]:
    """Read ``column=kind`` pairs.

    Raises
    ------
    MappingError
        For a pair that is none, an unknown kind, or a column that is given twice.

    Examples
    --------
    >>> parse_kinds(["zip=categorical"])
    {'zip': <FeatureKind.CATEGORICAL: 'categorical'>}
    """
    out: dict[str, FeatureKind] = {}
    for pair in given:
        column, equals, kind = pair.rpartition("=")
        if not equals or not column:
            raise MappingError(f"--kind {pair!r} is no COLUMN=KIND, such as zip=categorical")
        if kind not in tuple(FeatureKind):
            raise MappingError(f"--kind {pair!r}: the kinds are {', '.join(FeatureKind)}")
        if column in out:
            raise MappingError(f"--kind gives {column} twice: {out[column]} and {kind}; keep one")
        out[column] = FeatureKind(kind)
    return out


@app.command(
    name="list",
    epilog=examples(
        "streamgauge baseline list",
        "streamgauge baseline list --model credit --json",
        then="[bold]streamgauge baseline show ID[/] shows one, feature by feature.",
    ),
)
def list_baselines(
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Only this model's.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """List baselines, and from when on each counts."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    present = read_config(settings)
    stored = [
        one for one in read_baselines(settings).values() if model in {None, one.baseline.model_name}
    ]
    stored.sort(key=lambda s: (s.baseline.model_name, s.baseline.model_version, s.created_at or ""))
    if as_json:
        print_json([listed(one, present) for one in stored])
        return
    if not stored:
        console().print(
            "No baseline yet. One is learned from traffic, or made of a file:\n"
            "  streamgauge baseline build FILE --model NAME --version VERSION"
        )
        return
    out = console()
    out.print(list_table(stored, present, time.time_ns() // 1_000_000, out.width))


@app.command(
    epilog=examples(
        "streamgauge baseline show 3fa4c1",
        then="[bold]streamgauge baseline activate ID[/] makes an earlier one count again.",
    )
)
def show(
    name: IdArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Show a baseline, feature by feature."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    one = baseline_named(settings, name)
    if as_json:
        print_json(
            listed(one, read_config(settings)) | {"baseline": msgspec.to_builtins(one.baseline)}
        )
        return
    show_built(one.id, one.baseline, known=True)
    console().print(features_table(one.baseline))


app.add_typer(changes)
