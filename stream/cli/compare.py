"""``compare``: two versions of a model side by side, or two segments of one."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.errors import usage
from stream.cli.help import examples
from stream.cli.on_demand import (
    WINDOW_DEFAULT,
    EndOption,
    ModelArgument,
    WindowOption,
    check_window,
    end_of,
    open_reader,
)
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, escape, figure_text, print_json, table, time_text

if TYPE_CHECKING:
    from stream.reading.columns import Row
    from stream.reading.reader import WindowReader
    from stream.reading.side_by_side import Side, SideBySide, Told

app = typer.Typer()

ROWS_MAX = 40
"""Rows shown without ``--all``: what fits two screens."""
_P_MIN = 1e-4


@app.command(
    epilog=examples(
        "# a canary beside the version it may replace, over the newest hour",
        "streamgauge compare credit 3 4 --window 1h",
        "streamgauge compare credit 3 4 --segment country=FR --all",
        "# two environments of one version, by tag",
        "streamgauge compare credit 3 \\",
        "    --segments tags.environment=staging tags.environment=production",
        then="[bold]streamgauge drift MODEL[/] compares with the baseline instead;"
        " [bold]docs/drift.md[/] explains the columns.",
    )
)
def compare(
    model: ModelArgument,
    first: Annotated[str, typer.Argument(metavar="V1", help="Version.")],
    second: Annotated[
        str | None, typer.Argument(metavar="[V2]", help="Other version.", show_default=False)
    ] = None,
    window: WindowOption = WINDOW_DEFAULT,
    end: EndOption = None,
    segment: Annotated[
        str | None,
        typer.Option("--segment", "-s", metavar="NAME=VALUE", help="Only this part of both."),
    ] = None,
    segments: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B", help="Two segments of V1, written as NAME=VALUE, instead of V2."
        ),
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", metavar="", help="Every figure, not only what differs.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Put two versions side by side, or two segments of one: what differs, and how surely."""
    settings = open_settings(config, data_dir, namespace)
    if (second is None) == (segments is None):
        raise usage("compare takes a second version, or --segments A B of the first: give one")
    if segments is not None and segment is not None:
        raise usage("--segment is for two versions, --segments for one: give one of them")
    end_ms = end_of(end)
    check_window(window)
    parts = segments or (segment, segment)
    with open_reader(settings) as reader:
        from stream.reading.side_by_side import side_by_side  # noqa: PLC0415  # after connecting

        sides = _read(reader, model, (first, second or first), parts, window, end_ms)
        found = side_by_side(*sides)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        show(found, all_rows=all_rows)


def _read(
    reader: "WindowReader",
    model: str,
    versions: tuple[str, str],
    segments: tuple[str | None, str | None],
    window: str,
    end_ms: int | None,
) -> "tuple[Side, Side]":
    """Read the same window of both; the newest one is that of the version that is behind."""
    from stream.reading.side_by_side import Side  # noqa: PLC0415

    of = [reader.one_version(model, version) for version in versions]
    specs = [reader.spec(version, window) for version in of]
    newest = [reader.newest_end_ms(version, spec) for version, spec in zip(of, specs, strict=True)]
    common_ms = min(newest) if end_ms is None else min(end_ms, *newest)
    read = [reader.read(v, spec, common_ms) for v, spec in zip(of, specs, strict=True)]
    return Side(read[0], segments[0]), Side(read[1], segments[1])


def show(found: "SideBySide", *, all_rows: bool) -> None:
    """Print figures side by side: what matters, or all of them."""
    from stream.reading.side_by_side import important  # noqa: PLC0415

    out = console()
    first, second = found.first, found.second
    heads = [_head(first, second), _head(second, first)]
    title = f"{found.model_name} · {first.window.name} to {time_text(first.window.end)} UTC"
    rows = found.rows if all_rows else important(found.rows)[:ROWS_MAX]
    right = [*heads, "Difference", "95 % interval", "p"]
    shown = table("", "Figure", *right, title=escape(title), right=right)
    for row in rows:
        shown.add_row(*_cells(row))
    out.print(shown)
    differing = sum(row.significant for row in found.rows)
    tested = sum(row.p_value is not None for row in found.rows)
    lines = [f"{differing} of {tested} tested figures differ (●), at most 5 % of those by chance"]
    if len(rows) < len(found.rows):
        lines.append(f"{len(found.rows) - len(rows)} more figures: --all shows them")
    for line in lines + found.notes:
        out.print(f"[dim]·[/] {escape(line)}", soft_wrap=True)


def _head(side: "Told", other: "Told") -> str:
    """Name a side by what tells it from the other."""
    if side.model_version == other.model_version and side.segment is not None:
        return escape(side.segment)
    return escape(side.model_version)


def _cells(row: "Row") -> list[str]:
    unit = _unit(row)

    def text(value: float | None) -> str:
        return "" if value is None else figure_text(unit, value)

    name = row.figure.removesuffix("_ms").removesuffix("_per_s").replace("_", " ")
    if row.column is not None:
        name = f"{row.column} {name}"
    chance = ""
    if row.p_value is not None:
        chance = f"< {_P_MIN:g}" if row.p_value < _P_MIN else f"{row.p_value:.2g}"
    interval = "" if row.low is None else f"{text(row.low)} … {text(row.high)}"
    sign = "+" if row.difference > 0 and row.first is not None else ""
    return [
        "[bold yellow]●[/]" if row.significant else "",
        escape(name),
        text(row.first),
        text(row.second),
        sign + text(row.difference),
        interval,
        chance,
    ]


def _unit(row: "Row") -> str:
    """Name of a figure that has the unit of this row's values."""
    if row.figure.endswith("_rate") or row.figure.startswith("share of "):
        return "error_rate"
    return "" if row.column is not None else row.figure
