"""``baseline``: the reference that drift is measured against."""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.activations import Activation
from schemas.baselines import Baseline, baseline_id
from schemas.features import FeatureKind
from schemas.records import ConfigRecord
from stream.baseline.errors import BaselineError
from stream.baseline.store import (
    Stored,
    activate,
    activation_for,
    find_baseline,
    publish_baseline,
    read_baselines,
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
from stream.cli.output import console, count_text, note, print_json, table, time_text
from stream.cli.times import FORMS, parse_moment
from stream.configure import author, model_config, read_config
from stream.emit.roles import ROLES, MappingError, check_name, parse_map
from stream.settings import Settings

app = typer.Typer(
    name="baseline",
    no_args_is_help=True,
    help="Give models a reference to measure drift against.",
)

ID_SHOWN = 12
# Kinds that are counted without a reference.
_UNREFERENCED = (FeatureKind.TEXT, FeatureKind.EMBEDDING, FeatureKind.SET)

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help=f"Event time from which on it counts: {FORMS}. [dim]Default: the beginning of time"
        " for a version's first baseline, else now.[/]",
    ),
]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Baseline id, or its first characters.")
]


@app.command(
    epilog=examples(
        "streamgauge baseline build reference.parquet -m credit -v 3 \\\\",
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
        require_kafka(settings)
        present = read_config(settings)
        baseline = _build(file, model, version, named, ignore or [], settings, present)
        name = baseline_id(baseline)
        made = activation_for(present, model, version, name, from_ms, now_ms)
    except (MappingError, BaselineError) as error:
        raise usage(f"{file}: {error}") from error
    known = name in read_baselines(settings)
    if not known:
        publish_baseline(settings, baseline, author(), now_ms)
    if made is not None:
        activate(settings, made, author(), now_ms)
    if as_json:
        print_json(_summary(name, baseline) | {"published": not known, "activation": _plain(made)})
        return
    _show_built(name, baseline, known)
    _show_activation(made)


def _build(
    file: Path,
    model: str,
    version: str,
    named: dict[str, str],
    ignore: list[str],
    settings: Settings,
    present: dict[str, ConfigRecord],
) -> Baseline:
    """Read the file and build; features are what the model's configuration says they are."""
    # Arrow takes a third of a second that other commands save.
    from stream.baseline.build import build_baseline  # noqa: PLC0415
    from stream.baseline.read import read_table  # noqa: PLC0415

    data = read_table(file)
    columns = set(data.column_names)
    features = model_config(present, model, version).features
    kinds = {n: f.kind for n, f in features.items() if f.kind is not None and n in columns}
    without = sorted(n for n, kind in kinds.items() if kind in _UNREFERENCED and n not in ignore)
    if without:
        note(f"{', '.join(without)}: text, embeddings and sets need no reference; left out")
    stamp = named.get("timestamp", "timestamp")
    if stamp in columns and getattr(data.schema.field(stamp).type, "tz", "") is None:
        note(f"the times in column {stamp} have no zone and were taken as UTC")
    return build_baseline(
        data,
        model_name=model,
        model_version=version,
        roles=named,
        ignored=[*ignore, *without],
        kinds={name: kind for name, kind in kinds.items() if name not in without},
        features_max=settings.bounds.features_max,
    )


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
        print_json([_listed(one, present) for one in stored])
        return
    if not stored:
        console().print(
            "No baseline yet. One is learned from traffic, or made of a file:\n"
            "  streamgauge baseline build FILE --model NAME --version VERSION"
        )
        return
    shown = table(
        "Id", "Model", "Version", "Rows", "Features", "Counts from", "Made", right=["Rows"]
    )
    for one in stored:
        starts = [_from_text(a.effective_from) for a in _activations(present, one.id)]
        made = (one.created_at or "–")[:16].replace("T", " ")
        mark = " [dim]provisional[/]" if one.baseline.provisional else ""
        shown.add_row(
            one.id[:ID_SHOWN],
            one.baseline.model_name,
            one.baseline.model_version,
            count_text(one.baseline.rows),
            f"{len(one.baseline.features)}{mark}",
            ", ".join(starts) or "[dim]never[/]",
            f"{made} [dim]{one.created_by or ''}[/]",
        )
    console().print(shown)


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
    one = _find(settings, name)
    if as_json:
        print_json(
            _listed(one, read_config(settings)) | {"baseline": msgspec.to_builtins(one.baseline)}
        )
        return
    _show_built(one.id, one.baseline, known=True)
    shown = table("Feature", "Kind", "Missing", "Mean", "Std", "Min", "Max", "Categories")
    columns = dict(one.baseline.features)
    for role in ("prediction", "probability"):
        reference = getattr(one.baseline, role)
        if reference is not None:
            columns[f"({role})"] = reference
    for feature, reference in columns.items():
        numbers = (reference.mean, reference.std, reference.min, reference.max)
        shown.add_row(
            feature,
            reference.kind,
            f"{reference.missing_count / one.baseline.rows:.1%}",
            *("–" if value is None else f"{value:.4g}" for value in numbers),
            " ".join(reference.categories[:6]) + (" …" if len(reference.categories) > 6 else ""),  # noqa: PLR2004
        )
    console().print(shown)


@app.command(
    name="activate",
    epilog=examples(
        "streamgauge baseline activate 3fa4c1",
        "streamgauge baseline activate 3fa4c1 --version 4 --from 2026-09-21T12:00:00Z",
        then="[bold]streamgauge baseline list[/] shows which one counts from when on.",
    ),
)
def activate_baseline(
    name: IdArgument,
    version: Annotated[
        str | None,
        typer.Option(
            "--version", "-v", metavar="VERSION", help="For this version. [dim]Its own.[/]"
        ),
    ] = None,
    start: FromOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Let a baseline count from some event time on: an earlier one, or one of another version."""
    settings = open_settings(config, data_dir, namespace)
    now_ms = time.time_ns() // 1_000_000
    from_ms = None if start is None else parse_moment("--from", start, now_ms)
    require_kafka(settings)
    one = _find(settings, name)
    present = read_config(settings)
    of = version or one.baseline.model_version
    try:
        check_name("version", of)
        made = activation_for(present, one.baseline.model_name, of, one.id, from_ms, now_ms)
    except (MappingError, BaselineError) as error:
        raise usage(str(error)) from error
    if made is not None:
        activate(settings, made, author(), now_ms)
    if as_json:
        print_json({"id": one.id, "activation": _plain(made)})
        return
    _show_activation(made)


def _find(settings: Settings, prefix: str) -> Stored:
    try:
        return find_baseline(read_baselines(settings), prefix)
    except BaselineError as error:
        raise usage(str(error)) from error


def _activations(present: dict[str, ConfigRecord], baseline: str) -> list[Activation]:
    found = [r for r in present.values() if isinstance(r, Activation) and r.baseline_id == baseline]
    return sorted(found, key=lambda a: a.effective_from)


def _summary(name: str, baseline: Baseline) -> dict[str, Any]:
    return {
        "id": name,
        "model_name": baseline.model_name,
        "model_version": baseline.model_version,
        "rows": baseline.rows,
        "start_ms": baseline.start_ms,
        "end_ms": baseline.end_ms,
        "provisional": baseline.provisional,
        "features": {feature: str(of.kind) for feature, of in baseline.features.items()},
        "prediction": None if baseline.prediction is None else str(baseline.prediction.kind),
        "probability": None if baseline.probability is None else str(baseline.probability.kind),
    }


def _listed(one: Stored, present: dict[str, ConfigRecord]) -> dict[str, Any]:
    return _summary(one.id, one.baseline) | {
        "created_at": one.created_at,
        "created_by": one.created_by,
        "activations": [_plain(a) for a in _activations(present, one.id)],
    }


def _plain(activation: Activation | None) -> dict[str, Any] | None:
    if activation is None:
        return None
    return {
        "model_name": activation.model_name,
        "model_version": activation.model_version,
        "effective_from": activation.effective_from,
    }


def _from_text(effective_from: int) -> str:
    return "the beginning" if effective_from == 0 else time_text(effective_from)


def _show_built(name: str, baseline: Baseline, known: bool) -> None:
    kinds: dict[str, int] = {}
    for feature in baseline.features.values():
        kinds[str(feature.kind)] = kinds.get(str(feature.kind), 0) + 1
    said = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
    if baseline.prediction is not None:
        said.append(f"prediction ({baseline.prediction.kind})")
    if baseline.probability is not None:
        said.append("probability")
    out = console()
    mark = "[dim]=[/]" if known else "[green]✓[/]"
    state = " [dim](is there already)[/]" if known else ""
    out.print(f"{mark} baseline [bold]{name[:ID_SHOWN]}[/]{state}")
    out.print(f"    of      {baseline.model_name} {baseline.model_version}")
    out.print(f"    rows    {count_text(baseline.rows)}")
    out.print(f"    columns {', '.join(said)}")
    if baseline.start_ms is None:
        out.print("    times   [dim]none: its own variation over time stays unknown[/]")
    else:
        out.print(f"    times   {time_text(baseline.start_ms)} to {time_text(baseline.end_ms)} UTC")


def _show_activation(made: Activation | None) -> None:
    if made is None:
        console().print("    counts  [dim]already: nothing changed[/]")
        return
    start = _from_text(made.effective_from)
    console().print(f"    counts  from {start} on, for {made.model_name} {made.model_version}")
