"""``profile``: a window's state as a file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.on_demand import (
    WINDOW_DEFAULT,
    EndOption,
    ModelArgument,
    ReadVersionOption,
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
from stream.cli.output import (
    console,
    count_text,
    escape,
    events_text,
    figure_text,
    note,
    print_json,
    table,
    time_text,
)

if TYPE_CHECKING:
    from rich.table import Table

    from schemas.metrics import WindowReport
    from stream.profile.content import Profile

app = typer.Typer(
    name="profile",
    no_args_is_help=True,
    help="Keep a window's state as a file: save it, add files up, look into them.",
)

OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="File to write; one there is replaced."),
]
FEATURES_SHOWN = ("missing_rate", "mean", "std", "p50", "psi", "effect", "drifted")


@app.command(
    epilog=examples(
        "streamgauge profile export credit -v 3 --window 1d -o monday.sgp",
        "# to pass on: without categories, words and types of errors",
        "streamgauge profile export credit -v 3 -o credit.sgp --no-names",
        then="[bold]streamgauge profile merge[/] adds files up,"
        " [bold]streamgauge profile show[/] prints one.",
    )
)
def export(
    model: ModelArgument,
    output: OutputOption,
    version: ReadVersionOption = None,
    window: WindowOption = WINDOW_DEFAULT,
    end: EndOption = None,
    no_names: Annotated[
        bool, typer.Option("--no-names", metavar="", help="Leave out all strings of events.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Save a window's state: its counts, and the baseline they were counted with."""
    settings = open_settings(config, data_dir, namespace)
    end_ms = end_of(end)
    check_window(window)
    with open_reader(settings) as reader:
        from stream.profile.window import profile_of  # noqa: PLC0415  # after connecting

        of = reader.one_version(model, version)
        made = profile_of(reader.read(of, reader.spec(of, window), end_ms), named=not no_names)
    _write(made, output, as_json)


@app.command(
    epilog=examples(
        "streamgauge profile merge monday.sgp tuesday.sgp -o both.sgp",
        then="[bold]streamgauge profile show both.sgp[/] prints its figures.",
    )
)
def merge(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Profiles, two or more.")],
    output: OutputOption,
    as_json: JsonOption = False,
) -> None:
    """Add profiles of one model version up: the sum says what one window of them all would."""
    from stream.profile.content import overlaps  # noqa: PLC0415
    from stream.profile.errors import ProfileError  # noqa: PLC0415
    from stream.profile.merge import merged  # noqa: PLC0415

    if len(files) < 2:  # noqa: PLR2004  # a sum
        raise usage("merge adds profiles up: give two or more")
    total = _read(files[0])
    for file in files[1:]:
        try:
            total = merged(total, _read(file))
        except ProfileError as error:
            raise CommandError(f"{file}: {error}") from error
    if overlaps(total.parts):
        note("windows overlap: unless they are of two systems, what both counted counts twice")
    _write(total, output, as_json)


@app.command(
    epilog=examples(
        "streamgauge profile show monday.sgp",
        "streamgauge profile show monday.sgp --json",
        then="[bold]streamgauge profile merge[/] adds it to others.",
    )
)
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Profile.")],
    as_json: JsonOption = False,
) -> None:
    """Print the figures of a profile, from the file alone: no Kafka, no Redis."""
    from stream.profile.errors import ProfileError  # noqa: PLC0415
    from stream.profile.window import reports_of  # noqa: PLC0415

    profile = _read(file)
    try:
        reports = reports_of(profile, str(file))
    except ProfileError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json([msgspec.to_builtins(report) for report in reports])
    else:
        _show(profile, reports)


def _read(file: Path) -> "Profile":
    from stream.profile.errors import ProfileError  # noqa: PLC0415
    from stream.profile.file import FILE_BYTES_MAX, decode  # noqa: PLC0415

    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise usage(f"{file} can't be read ({error.strerror}): check the path") from error
    if len(data) > FILE_BYTES_MAX:
        raise CommandError(f"{file} is larger than {FILE_BYTES_MAX:,} bytes: it is no profile")
    try:
        return decode(data, str(file))
    except ProfileError as error:
        raise CommandError(str(error)) from error


def _write(profile: "Profile", output: Path, as_json: bool) -> None:
    """Write the whole file or none."""
    from stream.profile.file import encode  # noqa: PLC0415

    data = encode(profile)
    draft = output.with_name(f"{output.name}.{os.getpid()}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(output)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise usage(f"{output} can't be written ({error.strerror}): check the path") from error
    events = sum(part.events for part in profile.parts)
    if as_json:
        print_json(
            {
                "file": str(output),
                "bytes": len(data),
                "events": events,
                "start": profile.start_ms,
                "end": profile.end_ms,
                "windows": len(profile.parts),
                "names": profile.named,
            }
        )
        return
    said = f"{events_text(events)} of {profile.model_name} {profile.model_version}"
    if not profile.named:
        note("without names: of values only numbers remain, see docs/drift.md")
    console().print(f"[green]✓[/] {escape(f'{output}: {said}, {len(data):,} bytes')}")


def _show(profile: "Profile", reports: "list[WindowReport]") -> None:
    out = console()
    whole = reports[0]
    parts = len(profile.parts)
    times = f"{time_text(profile.start_ms)} to {time_text(profile.end_ms)} UTC"
    head = f"{whole.model_name} {whole.model_version} · {times} · {events_text(whole.count)}"
    out.print(f"[bold]{escape(head)}[/]")
    said = [f"{parts} windows" if parts > 1 else "1 window"]
    said += [] if whole.complete else ["part of that time is not in it"]
    said += [] if profile.named else ["without names"]
    said += [] if whole.baseline else ["without a baseline"]
    out.print(f"[dim]{', '.join(said)}[/]")
    figures = table("Figure", "Value", right=["Value"])
    for name, value in whole.metrics.items():
        figures.add_row(name, figure_text(name, value))
    out.print(figures)
    if whole.features:
        out.print(_features_table(whole))
    if len(reports) > 1:
        segments = table("Segment", "Events", "Drifted", right=["Events"])
        for report in reports[1:]:
            names = [n for n, f in report.features.items() if f.get("drifted") is True]
            cells = (str(report.segment), count_text(report.count), ", ".join(names))
            segments.add_row(*map(escape, cells))
        out.print(segments)


def _features_table(report: "WindowReport") -> "Table":
    shown = [n for n in FEATURES_SHOWN if any(n in f for f in report.features.values())]
    titles = [name.replace("_", " ") for name in shown]
    made = table("Feature", *titles, right=titles)
    for name, figures in report.features.items():
        values = (figure_text(of, figures.get(of)) for of in shown)
        made.add_row(escape(name), *values)
    return made
