"""The table of ``metrics --performance``: by labels and by estimate, window by window."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET
from rich.console import Console

from schemas.metrics import WindowReport, describe
from stream.alerting.maturity import is_mature
from stream.cli.output import console, count_text, escape, figure_text, table, time_text

MAIN = (
    *("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "calibration_error"),
    *("mae", "rmse", "mape", "r2", "bias"),
    *("ndcg_at_10", "mrr", "hit_rate_at_10"),
)
"""Figures that are shown, of whatever task; `--json` has all."""

MEASURED, CHANGE, ESTIMATED, GAP = "measured", "change", "estimated", "gap"
CLASSES_SHOWN = 20
"""Classes of one window, those with most labels first: what fits a screen."""
_OF_CLASS = ("precision", "recall", "f1")
_LABEL_COLUMNS = ("Events", "Labels", "Coverage")
_ABSENT = "–"
_WINDOW, _KIND = "Window ends", ""
_IMMATURE, _INCOMPLETE = "immature", "incomplete"
_GUTTER = 2

FOOTNOTES = {
    CHANGE: "measured less what the baseline had",
    ESTIMATED: "from the model's probabilities, corrected by the baseline's calibration. It assumes"
    " that inputs may have moved, but not their relation to the label",
    GAP: "measured less estimated. Where their intervals part, that relation may have moved",
}


def show(
    reports: Sequence[WindowReport], minimums: Mapping[str, float], windows_max: int | None = None
) -> None:
    """Print a table for each model version, and what there is to know about it.

    Parameters
    ----------
    reports
        Tumbling windows of one size, by version, then end.
    minimums
        Label coverage from which on a window is mature, by version.
    windows_max
        So many of the newest are shown of each version; None is all.
    """
    by_version: dict[str, list[WindowReport]] = {}
    for report in reports:
        by_version.setdefault(report.model_version, []).append(report)
    for version, found in by_version.items():
        newest = found if windows_max is None else found[-windows_max:]
        _show_version(newest, minimums[version], len(found) - len(newest))


def _show_version(reports: Sequence[WindowReport], minimum: float, left_out: int) -> None:
    out = console()
    first = reports[0]
    named = f"{first.model_name} {first.model_version}"
    figures = [name for name in MAIN if any(_has(report, name) for report in reports)]
    if not figures:
        out.print(_why_nothing(named, reports), soft_wrap=True, markup=False)
        return
    lines = [line for report in reports for line in _lines(report, figures, minimum)]
    title: str | None = f"{named} · {first.window.name}"
    for part in _parts(lines, figures, out.width):
        _print_part(out, lines, part, title)
        title = None
    if len(reports) == 1:
        _print_classes(out, first)
    kinds = {line.kind for line in lines}
    notes = [f"{kind}: {said}" for kind, said in FOOTNOTES.items() if kind in kinds]
    if any(line.immature for line in lines):
        notes.insert(
            0,
            f"immature: less than {100 * minimum:g} % of the predictions have their label yet;"
            " the figures still move",
        )
    if left_out:
        notes.append(f"{count_text(left_out)} older windows: --since shows them")
    for said in notes:
        out.print(f"[dim]·[/] {escape(said)}", soft_wrap=True)


def _why_nothing(named: str, reports: Sequence[WindowReport]) -> str:
    windows = "the window" if len(reports) == 1 else f"any of {len(reports)} windows"
    said = f"{named} has no performance in {windows} of {reports[0].window.name}"
    labels = sum(report.label_count for report in reports)
    if labels:
        return (
            f"{said}, though {count_text(labels)} requests have a label: labels must be of the kind"
            " of the predictions, classes or numbers or items"
        )
    return (
        f"{said}: send labels with `streamgauge emit-labels FILE`; estimates need a baseline with"
        " labels and probabilities"
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table: one kind of figures of one window.

    Attributes
    ----------
    kind
        `MEASURED`, `CHANGE`, `ESTIMATED` or `GAP`.
    cells
        Text by column, figures by name; what is absent is empty.
    """

    kind: str
    immature: bool
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """What stands in a column, dim where it is not final."""
        text = escape(self.cells.get(column, ""))
        if column == _WINDOW:
            return text.replace(_INCOMPLETE, f"[yellow]{_INCOMPLETE}[/]")
        if self.immature and self.kind != ESTIMATED and column in (_KIND, *MAIN):
            return f"[dim]{text}[/]"
        return text


def _lines(report: WindowReport, figures: Sequence[str], minimum: float) -> Iterator[_Line]:
    immature = not is_mature(report, minimum)
    coverage = figure_text("label_coverage", report.metrics.get("label_coverage"))
    found: dict[str, dict[str, str]] = {kind: {} for kind in (MEASURED, CHANGE, ESTIMATED, GAP)}
    for name in figures:
        measured, estimated = (_number(report, of) for of in (name, f"estimated_{name}"))
        change = _number(report, f"{name}_change")
        found[MEASURED][name] = _with_bounds(report, name) or _ABSENT
        found[ESTIMATED][name] = _with_bounds(report, f"estimated_{name}")
        if change is not None:
            found[CHANGE][name] = _signed(name, change)
        if measured is not None and estimated is not None:
            found[GAP][name] = _signed(name, measured - estimated)
    head = {
        _WINDOW: time_text(report.window.end) + ("" if report.complete else f" {_INCOMPLETE}"),
        "Events": count_text(report.count),
        "Labels": count_text(report.label_count),
        "Coverage": coverage,
    }
    for kind, cells in found.items():
        if any(cells.values()):
            said = _IMMATURE if kind == MEASURED and immature else kind
            yield _Line(kind, immature, {**head, _KIND: said, **cells})
            head = {}


def _has(report: WindowReport, name: str) -> bool:
    return name in report.metrics or f"estimated_{name}" in report.metrics


def _number(report: WindowReport, name: str) -> float | None:
    value = report.metrics.get(name)
    return None if value is None else float(value)


def _with_bounds(report: WindowReport, name: str) -> str:
    value, low, high = (_number(report, name + end) for end in ("", "_low", "_high"))
    if value is None:
        return ""
    if low is None or high is None:
        return _text(name, value)
    return f"{_text(name, value)} [{_text(name, low)}, {_text(name, high)}]"


def _text(name: str, value: float) -> str:
    """Write a figure; shares as they are known from papers, 0.912 and not 91.2 %."""
    metric = describe(name)
    of_share = metric is not None and metric.unit == "share"
    return f"{value:.3f}" if of_share else figure_text("", value)


def _signed(name: str, value: float) -> str:
    return ("+" if value > 0 else "-" if value < 0 else "") + _text(name, abs(value))


def _parts(lines: Sequence[_Line], figures: Sequence[str], width: int) -> Iterator[list[str]]:
    """Split the figures into as many tables as the width asks for; the first may have none."""

    def wide(column: str) -> int:
        longest = max(len(line.cells.get(column, "")) for line in lines)
        return _GUTTER + max(len(column), longest)

    kind = wide(_KIND) if _of_kinds(lines) else 0
    used = sum(map(wide, (_WINDOW, *_LABEL_COLUMNS))) + kind
    part: list[str] = []
    for name in figures:
        if used + wide(name) > width:
            yield part
            used, part = wide(_WINDOW) + kind, []
        used += wide(name)
        part.append(name)
    yield part


def _of_kinds(lines: Iterable[_Line]) -> bool:
    """Whether rows need to say what they are."""
    return any(line.immature or line.kind != MEASURED for line in lines)


def _print_part(
    out: Console, lines: Sequence[_Line], figures: Sequence[str], title: str | None
) -> None:
    """Print some of the figures; the first table, with the title, has the labels' columns too."""
    kept = [
        line
        for line in lines
        if line.kind == MEASURED or any(line.cells.get(name) for name in figures)
    ]
    before = [_WINDOW, *(_LABEL_COLUMNS if title else ())]
    if _of_kinds(kept):
        before.append(_KIND)
    heads = [name.replace("_", " ") for name in figures]
    shown = table(*before, *heads, title=title, right=[*_LABEL_COLUMNS, *heads])
    for column in shown.columns:
        column.no_wrap = True
    for line in kept:
        shown.add_row(*(line.text(column) for column in (*before, *figures)))
    out.print(shown)


def _print_classes(out: Console, report: WindowReport) -> None:
    """Print the figures of each class, where the report has them."""
    if report.classes is UNSET or not report.classes:
        return
    shown = table("Class", "Labels", *_OF_CLASS, right=["Labels", *_OF_CLASS])
    largest = sorted(report.classes.items(), key=lambda item: (-item[1].get("support", 0), item[0]))
    for name, figures in largest[:CLASSES_SHOWN]:
        texts = (_text(of, figures[of]) if of in figures else _ABSENT for of in _OF_CLASS)
        shown.add_row(escape(name), count_text(figures.get("support", 0)), *texts)
    out.print(shown)
    if len(largest) > CLASSES_SHOWN:
        out.print(f"[dim]·[/] {len(largest) - CLASSES_SHOWN} smaller classes: --json has all")
