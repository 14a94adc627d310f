"""``drift``: check a window for drift, now."""

from typing import TYPE_CHECKING

import typer

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
from stream.cli.output import console, escape, events_text, print_json, table

if TYPE_CHECKING:
    from stream.reading.drift_check import DriftCheck

app = typer.Typer()

COLOURS = {"none": "green", "slight": "yellow", "clear": "dark_orange", "strong": "red"}


@app.command(
    epilog=examples(
        "# the newest day, against the baseline",
        "streamgauge drift credit",
        "streamgauge drift credit --version 4 --window 1h --end 2026-09-21T15:00:00Z",
        "streamgauge drift credit --json",
        then="[bold]streamgauge compare MODEL V1 V2[/] puts two versions side by side;"
        " [bold]docs/drift.md[/] explains every line.",
    )
)
def drift(
    model: ModelArgument,
    version: ReadVersionOption = None,
    window: WindowOption = WINDOW_DEFAULT,
    end: EndOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Check a window for drift: which features, how much and of what kind, in words."""
    settings = open_settings(config, data_dir, namespace)
    end_ms = end_of(end)
    check_window(window)
    with open_reader(settings) as reader:
        from stream.reading.drift_check import check_drift  # noqa: PLC0415  # after the connection
        from stream.reading.wording import document  # noqa: PLC0415

        of = reader.one_version(model, version)
        check = check_drift(reader.read(of, reader.spec(of, window), end_ms), reader.concept(of))
    if as_json:
        print_json(document(check))
    else:
        show(check)


def show(check: "DriftCheck") -> None:
    """Print a check: the verdict, what drifted, and what else there is to know."""
    from stream.reading.wording import cause_of, notes, verdict  # noqa: PLC0415

    out = console()
    colour = COLOURS[check.severity]
    out.print(f"[bold {colour}]{escape(verdict(check))}[/]", soft_wrap=True)
    drifted = [one for one in check.features if one.drifted]
    if drifted:
        shown = table("Feature", "Severity", "Part", "What changed", right=["Part"])
        shown.columns[1].no_wrap = shown.columns[2].no_wrap = True
        for one in drifted:
            part = "" if one.attribution is None else f"{100 * one.attribution:.0f} %"
            severity = f"[{COLOURS[one.severity]}]{one.severity}[/]"
            shown.add_row(escape(one.name), severity, part, escape(cause_of(one)))
        out.print(shown)
    said = events_text(check.count)
    if check.sampled_count < check.count:
        said += f", {check.sampled_count:,} of them in these figures"
    for line in [said, *notes(check)]:
        out.print(f"[dim]·[/] {escape(line)}", soft_wrap=True)
