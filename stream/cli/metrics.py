"""``metrics``: read figures, live or past."""

import time
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from schemas import keys
from schemas.durations import parse_duration_ms
from schemas.metrics import WindowReport, describe
from stream.cli import performance as performances
from stream.cli.connect import require_kafka, require_redis
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.on_demand import ModelArgument
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, count_text, figure_text, note, print_json, table, time_text
from stream.cli.performance_table import show as show_performance
from stream.cli.reports import (
    aggregated,
    canonical_window,
    chosen,
    feature_figure,
    figure,
    final_reports,
    live_reports,
)
from stream.cli.times import FORMS, parse_moment
from stream.configure import read_config
from stream.settings import Settings

app = typer.Typer()

# What a person wants first; columns no report has a figure for are left out.
SHOWN = (
    "throughput_per_s",
    "error_rate",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "missing_rate",
    "drift_share",
    "accuracy",
    "rmse",
    "ndcg_at_10",
    "label_coverage",
)
SHOWN_NARROW = 6
_NARROW = 100
_EVER_MS = 2**62


class Aggregate(StrEnum):
    """How windows are made one."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"


@app.command(
    epilog=examples(
        "# the live 5 minutes of every version",
        "streamgauge metrics credit",
        "# the hours of the last day, two figures",
        "streamgauge metrics credit --window 1h --since 24h \\",
        "    --metric accuracy --metric feature.age.psi",
        "streamgauge metrics credit --window 1h --since 7d --aggregate median --json",
        "# how well it did, day by day: by the labels there are, and by estimate",
        "streamgauge metrics credit --performance",
        then="[bold]streamgauge watch credit[/] keeps the live figures on the screen.",
    )
)
def metrics(
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Option("--version", "-v", metavar="VERSION", help="Only this version.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            "-w",
            metavar="SIZE",
            help="Window, such as 5m, 1h, 1d. [dim]Default: 5m; with --performance 1d.[/]",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=f"Final windows that end after TIME: {FORMS}."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Final windows that end by TIME.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME", help="Only this figure. Repeatable; feature.NAME.psi too."
        ),
    ] = None,
    aggregate: Annotated[
        Aggregate | None, typer.Option(help="One figure over all windows of the range.")
    ] = None,
    performance: Annotated[
        bool,
        typer.Option("--performance", metavar="", help="How well the model did, by final windows."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Read a model's figures: the live window, or with --since and --until the final ones."""
    settings = open_settings(config, data_dir, namespace)
    try:
        size = canonical_window(window or ("1d" if performance else "5m"))
    except ValueError as error:
        raise usage(f"--window: {error}") from error
    names = metric or []
    _check_names(names)
    if performance:
        if names or aggregate is not None:
            raise usage("--performance goes without --metric and --aggregate: leave them out")
        _performance(settings, model, version, size, since, until, as_json)
        return
    if aggregate is not None and since is None and until is None:
        raise usage("--aggregate goes over past windows: add --since, for instance --since 24h")
    _figures(settings, model, version, size, since, until, names, aggregate, as_json)


def _figures(
    settings: Settings,
    model: str,
    version: str | None,
    window: str,
    since: str | None,
    until: str | None,
    names: list[str],
    aggregate: Aggregate | None,
    as_json: bool,
) -> None:
    """Show figures of any kind: of the live window, or of the final ones of a range."""
    reports = _read(settings, model, version, window, since, until)
    if not reports:
        _explain_nothing(settings, model, version, window)
        live = since is None and until is None
        final = f"no final {window} window in that range"
        note("no live window: no traffic lately" if live else final)
        if as_json:
            print_json([])
        return
    if aggregate is not None:
        rows = aggregated(reports, aggregate.value, names)
        if as_json:
            print_json(rows)
        else:
            _show_aggregated(rows, names)
        return
    if as_json:
        print_json([msgspec.to_builtins(chosen(report, names)) for report in reports])
    else:
        _show(reports, names)


def _check_names(names: list[str]) -> None:
    for name in names:
        if feature_figure(name)[0] or name in {"count", "label_count", "revision"}:
            continue
        if describe(name) is None:
            raise usage(
                f"--metric {name!r} is no figure: `streamgauge metrics MODEL --json` shows all;"
                " a feature's are feature.NAME.psi and the like"
            )


def _performance(
    settings: Settings,
    model: str,
    version: str | None,
    window: str,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Show the performance of tumbling windows: of a range, or lately reported ones."""
    if parse_duration_ms(window) < performances.SIZE_MS_MIN:
        raise usage("--performance: labels are counted in windows of 1h and longer")
    now_ms = time.time_ns() // 1_000_000
    of_range = since is not None or until is not None
    since_ms, until_ms = _range(since, until, now_ms)
    read_from_ms = None if of_range else performances.recent_ms(window, now_ms)
    require_kafka(settings)
    found = final_reports(settings, model, version, window, since_ms, until_ms, read_from_ms)
    reports = [report for report in found if report.window.tumbling]
    if not reports:
        _explain_nothing(settings, model, version, window)
        where = "in that range" if of_range else "lately: --since looks further back"
        note(f"no {window} window of {model} has ended {where}")
    if as_json:
        shown = map(performances.only_performance, reports)
        print_json([msgspec.to_builtins(report) for report in shown])
    elif reports:
        versions = {report.model_version for report in reports}
        minimums = performances.coverage_minimums(read_config(settings), model, versions)
        windows_max = None if of_range else performances.WINDOWS_SHOWN
        show_performance(reports, minimums, windows_max)


def _read(
    settings: Settings,
    model: str,
    version: str | None,
    window: str,
    since: str | None,
    until: str | None,
) -> list[WindowReport]:
    if since is None and until is None:
        client = require_redis(settings)
        return live_reports(client, settings.namespace, model, version, window)
    since_ms, until_ms = _range(since, until, time.time_ns() // 1_000_000)
    require_kafka(settings)
    return final_reports(settings, model, version, window, since_ms, until_ms)


def _range(since: str | None, until: str | None, now_ms: int) -> tuple[int, int]:
    """Return between which moments windows end, epoch ms.

    Raises
    ------
    CommandError
        For texts that are no times, and where nothing can lie between them.
    """
    since_ms = 0 if since is None else parse_moment("--since", since, now_ms)
    until_ms = _EVER_MS if until is None else parse_moment("--until", until, now_ms)
    if until_ms <= since_ms:
        raise usage("--until lies before --since: nothing can be between")
    return since_ms, until_ms


def _explain_nothing(settings: Settings, model: str, version: str | None, window: str) -> None:
    """Look why there is nothing: an unknown model or window is an error, a quiet one is not.

    Raises
    ------
    CommandError
        For a model, version or window that is not there.
    """
    client = require_redis(settings)
    models = client.smembers(keys.models_key(settings.namespace))
    if model not in models:
        known = ", ".join(sorted(models)[:20]) or "none yet"
        raise CommandError(f"no model {model!r} has sent an event: the models are {known}")
    versions = client.smembers(keys.versions_key(settings.namespace, model))
    if version is not None and version not in versions:
        raise CommandError(
            f"{model} has no version {version!r}: there are {', '.join(sorted(versions))}"
        )
    windows = client.smembers(keys.windows_key(settings.namespace, model))
    if window not in windows:
        raise CommandError(
            f"{model} has no window of {window}: there are {', '.join(sorted(windows))}"
        )


def _columns(reports: list[WindowReport], names: list[str], width: int) -> list[str]:
    if names:
        return names
    found = [name for name in SHOWN if any(name in report.metrics for report in reports)]
    return found if width >= _NARROW else found[:SHOWN_NARROW]


def _show(reports: list[WindowReport], names: list[str]) -> None:
    out = console()
    columns = _columns(reports, names, out.width)
    titles = [_title(name) for name in columns]
    first = reports[0]
    shown = table("Version", "Window ends", "Events", *titles, right=["Events", *titles])
    shown.title = f"{first.model_name} · {first.window.name}"
    for report in reports:
        marks = "" if report.complete else " [yellow]incomplete[/]"
        marks += "" if report.exact else " [yellow]sampled[/]"
        shown.add_row(
            report.model_version,
            f"{time_text(report.window.end)}{marks}",
            count_text(report.count),
            *(figure_text(name, figure(report, name)) for name in columns),
        )
    out.print(shown)


def _show_aggregated(rows: list[dict[str, object]], names: list[str]) -> None:
    out = console()
    found = names or [n for n in SHOWN if any(n in row["metrics"] for row in rows)]  # type: ignore[operator]
    titles = [_title(name) for name in found]
    shown = table("Version", "Windows", *titles, right=["Windows", *titles])
    first = rows[0]
    shown.title = f"{first['model_name']} · {first['aggregate']} over windows of {first['window']}"
    for row in rows:
        figures = row["metrics"]
        assert isinstance(figures, dict)
        shown.add_row(
            str(row["model_version"]),
            str(row["windows"]),
            *(figure_text(name, figures.get(name)) for name in found),
        )
    out.print(shown)


def _title(name: str) -> str:
    """Shorten a figure's name for the head of a column."""
    for end in ("_ms", "_per_s"):
        name = name.removesuffix(end)
    return name.removeprefix("latency_").replace("_", " ")
