"""How the model did, by windows: what labels say, and what was estimated without them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.table import Table

from schemas.metrics import WindowReport

FIGURES = {"accuracy": "accuracy", "f1": "F1", "roc_auc": "ROC AUC"}
_DAY_MS = 86_400_000
_ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Course:
    """A figure in windows one after the other.

    Attributes
    ----------
    windows : reports of the windows, oldest first
    name : of the figure
    coverage_min : share of predictions with a label from which on a measured figure counts
    """

    windows: Sequence[WindowReport]
    name: str
    coverage_min: float

    def estimated(self, report: WindowReport) -> float | None:
        """Return the estimate that a window's predictions alone give."""
        return report.metrics.get(f"estimated_{self.name}")

    def measured(self, report: WindowReport) -> float | None:
        """Return what labels say; None while too few of them are there."""
        mature = report.metrics.get("label_coverage", 0.0) >= self.coverage_min
        return report.metrics.get(self.name) if mature else None

    def baseline(self) -> float | None:
        """Return what the model's reference has: a measured figure less its change."""
        for report in self.windows:
            change = report.metrics.get(f"{self.name}_change")
            if change is not None:
                return report.metrics[self.name] - change
        return None

    def worst(self) -> WindowReport | None:
        """Return the window in which the measured figure is lowest, the first of equal ones."""
        found = [(value, r) for r in self.windows if (value := self.measured(r)) is not None]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def apart(self) -> tuple[int, int]:
        """Count windows whose measured and estimated 95 % intervals do not meet; of how many."""
        measured = (f"{self.name}_low", f"{self.name}_high")
        names = (*measured, f"estimated_{self.name}_low", f"estimated_{self.name}_high")
        both = [
            [report.metrics[name] for name in names]
            for report in self.windows
            if self.measured(report) is not None and all(name in report.metrics for name in names)
        ]
        parted = [low > upper or lower > high for low, high, lower, upper in both]
        return sum(parted), len(both)


def courses(windows: Sequence[WindowReport], coverage_min: float, count_min: int) -> list[Course]:
    """Return the courses of the figures that the demo shows, in windows of so many events."""
    large = [report for report in windows if report.count >= count_min]
    return [Course(large, name, coverage_min) for name in FIGURES if large]


def performance_table(shown: Sequence[Course]) -> Table:
    """Draw the courses in percent, a column a window, named by the month of its middle."""
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    windows = shown[0].windows
    for _ in windows:
        table.add_column(justify="right", width=3)
    table.add_row("", "baseline", *(month(report) for report in windows), style="dim")
    for course in shown:
        measured = [percent(course.measured(report)) for report in windows]
        estimated = [percent(course.estimated(report)) for report in windows]
        title = f"[bold]{FIGURES[course.name]}[/]"
        table.add_row(title, percent(course.baseline()), *measured)
        table.add_row("  estimated", "", *estimated, style="cyan")
    return table


def performance_sentences(shown: Sequence[Course], delay_ms: int) -> list[str]:
    """Say how far the figures fell, and what the estimates said, ``delay_ms`` before the labels."""
    lowest = [
        f"{FIGURES[course.name]} {percent(course.measured(worst))} in {month(worst)}"
        f" (estimated {percent(course.estimated(worst))})"
        for course in shown
        if (worst := course.worst()) is not None
    ]
    if not lowest:
        return []
    said = [
        f"At their lowest: {', '.join(lowest)}.",
        f"Estimates need no labels: they were there {delay_ms // _DAY_MS} days before the labels.",
    ]
    parted, of = shown[0].apart()
    if parted:
        said.append(
            f"Accuracy and its estimate are apart, beyond their 95 % intervals, in {parted} of {of}"
            " windows: there the relation of features and label may have moved (concept drift),"
            " which no look at the features alone can show."
        )
    return said


def month(report: WindowReport) -> str:
    """Name the month in which the middle of a window lies."""
    middle_ms = (report.window.start + report.window.end) / 2
    return datetime.fromtimestamp(middle_ms / 1000, UTC).strftime("%b")


def percent(share: float | None) -> str:
    """Write a share in whole percent.

    Examples
    --------
    >>> percent(0.5694), percent(None)
    ('57', '–')
    """
    return _ABSENT if share is None else f"{100 * share:.0f}"
