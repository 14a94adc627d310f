"""``baseline promote``, ``activate`` and ``rollback``: which baseline counts from when on."""

import time
from typing import Annotated

import typer

from schemas.baselines import Baseline, BaselineOrigin, baseline_id
from stream.activations import activations_of, previous_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.store import (
    Stored,
    activate,
    activation_for,
    find_baseline,
    publish_baseline,
    read_baselines,
)
from stream.cli.baseline_views import ID_SHOWN, plain, show_activation, show_built, summary
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.on_demand import WINDOW_DEFAULT, WindowOption, check_window, end_of, open_reader
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    ModelOption,
    NamespaceOption,
    VersionOption,
    open_settings,
)
from stream.cli.output import console, note, print_json
from stream.cli.times import FORMS, parse_moment
from stream.configure import author, read_config
from stream.emit.roles import MappingError, check_name
from stream.settings import Settings

changes = typer.Typer()

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help=f"Event time from which on it counts: {FORMS}. [dim]Default: the beginning of time"
        " for what a version counts first, else the next full minute that workers know of it.[/]",
    ),
]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Baseline id, or its first characters.")
]


@changes.command(
    epilog=examples(
        "# yesterday's traffic becomes the reference",
        "streamgauge baseline promote -m credit -v 3 --window 1d --end 2026-09-21",
        "# a week, with the categories that are new since",
        "streamgauge baseline promote -m credit -v 3 --window 7d --learn-categories",
        then="[bold]streamgauge baseline rollback[/] makes the one before count again.",
    )
)
def promote(
    model: ModelOption,
    version: VersionOption,
    window: WindowOption = WINDOW_DEFAULT,
    end: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=f"The last window that ends by TIME: {FORMS}. [dim]Default: the last that is"
            " over.[/]",
        ),
    ] = None,
    learn_categories: Annotated[
        bool,
        typer.Option(
            "--learn-categories", metavar="", help="Frequent new values become categories."
        ),
    ] = False,
    no_activate: Annotated[
        bool, typer.Option("--no-activate", metavar="", help="Publish it, but let it not count.")
    ] = False,
    start: FromOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Make a baseline of a past window, from its counts, and let it count."""
    settings = open_settings(config, data_dir, namespace)
    now_ms = time.time_ns() // 1_000_000
    from_ms = _from_ms(start)
    end_ms = end_of(end)
    check_window(window)
    baseline = _promoted(settings, model, version, window, end_ms, learn_categories)
    one = Stored(baseline_id(baseline), baseline, None, None)
    known = one.id in read_baselines(settings)
    made = None
    if not no_activate:
        try:
            made = activation_for(read_config(settings), model, version, one, from_ms, now_ms)
        except BaselineError as error:
            raise usage(str(error)) from error
    if not known:
        publish_baseline(settings, baseline, author(), now_ms)
    if made is not None:
        activate(settings, made, author(), now_ms)
    if as_json:
        print_json(summary(one.id, baseline) | {"published": not known, "activation": plain(made)})
        return
    show_built(one.id, baseline, known)
    if no_activate:
        console().print(f"    counts  [dim]not: streamgauge baseline activate {one.id[:8]}[/]")
    else:
        show_activation(made)


def _promoted(
    settings: Settings, model: str, version: str, window: str, end_ms: int | None, learn: bool
) -> Baseline:
    """Make a baseline of what Redis holds of a window."""
    with open_reader(settings) as reader:
        # After the connection: it loads scipy.
        from stream.rollup.promotion import promoted_window  # noqa: PLC0415

        of = reader.one_version(model, version)
        spec = reader.spec(of, window)
        if end_ms is None:
            end_ms = reader.newest_end_ms(of, spec) - spec.every_ms
        counted = reader.read(of, spec, end_ms)
        if counted.compiled is None:
            raise CommandError(
                f"{model} {version} had no baseline then, so nothing was counted in cells:"
                " `streamgauge baseline build` makes one of a file, or wait until one was learned"
            )
        covered = counted.grid_of(None).events
        scored = counted.counts.count - counted.counts.error_count
        if covered < scored:
            note(f"{covered:,} of the window's {scored:,} events were counted by its baseline")
        try:
            return promoted_window(
                counted.compiled,
                counted.counts,
                model_version=version,
                start_ms=counted.start_ms,
                end_ms=counted.end_ms,
                learn_categories=learn,
                origin=BaselineOrigin.PROMOTED,
            )
        except BaselineError as error:
            raise CommandError(f"{model} {version}, {spec.name}: {error}") from error


@changes.command(
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
            "--version", "-v", metavar="VERSION", help="For this version. [dim]Default: its own.[/]"
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
    from_ms = _from_ms(start)
    require_kafka(settings)
    one = baseline_named(settings, name)
    _let_count(settings, one, one.baseline.model_name, version, from_ms, as_json)


@changes.command(
    epilog=examples(
        "streamgauge baseline rollback -m credit -v 3",
        then="doing it twice changes back; [bold]streamgauge baseline list[/] shows all.",
    )
)
def rollback(
    model: ModelOption,
    version: VersionOption,
    start: FromOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Let the baseline count again that counted before the present one."""
    settings = open_settings(config, data_dir, namespace)
    from_ms = _from_ms(start)
    require_kafka(settings)
    history = activations_of(read_config(settings).values(), model, version)
    name = previous_baseline(history)
    if name is None:
        has = "has had no other baseline" if history else "has no baseline"
        raise CommandError(
            f"{model} {version} {has}: `streamgauge baseline list` shows what there is, and"
            " `streamgauge baseline activate ID` lets one count"
        )
    one = read_baselines(settings).get(name)
    if one is None:
        raise CommandError(
            f"baseline {name[:ID_SHOWN]}, which counted before, was deleted: let another one count"
            " by `streamgauge baseline activate ID`"
        )
    _let_count(settings, one, model, version, from_ms, as_json)


def _let_count(
    settings: Settings,
    one: Stored,
    model: str,
    version: str | None,
    from_ms: int | None,
    as_json: bool,
) -> None:
    """Activate a baseline for a version, None for its own, and say so."""
    now_ms = time.time_ns() // 1_000_000
    of = version or one.baseline.model_version
    try:
        check_name("version", of)
        made = activation_for(read_config(settings), model, of, one, from_ms, now_ms)
    except (MappingError, BaselineError) as error:
        raise usage(str(error)) from error
    if made is not None:
        activate(settings, made, author(), now_ms)
    if as_json:
        print_json({"id": one.id, "activation": plain(made)})
        return
    console().print(f"[green]✓[/] baseline [bold]{one.id[:ID_SHOWN]}[/]")
    show_activation(made)


def _from_ms(start: str | None) -> int | None:
    """Return what ``--from`` says, epoch ms; None is its default."""
    return None if start is None else parse_moment("--from", start, time.time_ns() // 1_000_000)


def baseline_named(settings: Settings, prefix: str) -> Stored:
    """Return the baseline whose id starts so.

    Raises
    ------
    CommandError
        When there is none, or several.
    """
    try:
        return find_baseline(read_baselines(settings), prefix)
    except BaselineError as error:
        raise usage(str(error)) from error
