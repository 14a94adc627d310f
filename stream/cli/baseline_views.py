"""How baselines and their activations are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from schemas.activations import Activation
from schemas.baselines import Baseline, BaselinePerformance, Dispersion
from schemas.records import ConfigRecord
from stream.activations import activations_of, in_force
from stream.baseline.store import Stored
from stream.cli.output import console, count_text, table, time_text

ID_SHOWN = 12
_CATEGORIES_SHOWN = 6
_WIDE = 100
_PERFORMANCE_SHOWN = ("accuracy", "precision", "recall", "f1", "roc_auc", "mae", "rmse", "r2")


def activations_by(present: Mapping[str, ConfigRecord], baseline: str) -> list[Activation]:
    """Return the activations of a baseline, oldest first."""
    found = [r for r in present.values() if isinstance(r, Activation) and r.baseline_id == baseline]
    return sorted(found, key=lambda a: a.effective_from)


def summary(name: str, baseline: Baseline) -> dict[str, Any]:
    """Return what a baseline is, for programs."""
    return {
        "id": name,
        "model_name": baseline.model_name,
        "model_version": baseline.model_version,
        "rows": baseline.rows,
        "start_ms": baseline.start_ms,
        "end_ms": baseline.end_ms,
        "provisional": baseline.provisional,
        "origin": str(baseline.origin),
        "features": {feature: str(of.kind) for feature, of in baseline.features.items()},
        "prediction": None if baseline.prediction is None else str(baseline.prediction.kind),
        "probability": None if baseline.probability is None else str(baseline.probability.kind),
        "dispersion": {name: of.phi for name, of in dispersions(baseline).items()},
        "seasons": has_seasons(baseline),
        "performance": baseline.performance.figures if baseline.performance else None,
    }


def dispersions(baseline: Baseline) -> dict[str, Dispersion]:
    """Return how much features vary over time, of those that tell."""
    found = {name: of.dispersion for name, of in baseline.features.items()}
    return {name: of for name, of in found.items() if of is not None}


def has_seasons(baseline: Baseline) -> bool:
    """Return whether a baseline knows its features by the hour of the week."""
    return any(of.seasons for of in baseline.features.values())


def listed(one: Stored, present: Mapping[str, ConfigRecord]) -> dict[str, Any]:
    """Return a baseline, who made it, and from when on it counts."""
    return summary(one.id, one.baseline) | {
        "created_at": one.created_at,
        "created_by": one.created_by,
        "activations": [
            {**(plain(a) or {}), "inherited": a.model_version != one.baseline.model_version}
            for a in activations_by(present, one.id)
        ],
    }


def plain(activation: Activation | None) -> dict[str, Any] | None:
    """Return an activation for programs."""
    if activation is None:
        return None
    return {
        "model_name": activation.model_name,
        "model_version": activation.model_version,
        "effective_from": activation.effective_from,
    }


def from_text(effective_from: int) -> str:
    """Write from when on something counts."""
    return "the beginning" if effective_from == 0 else time_text(effective_from)


def show_built(name: str, baseline: Baseline, known: bool) -> None:
    """Print what a baseline is made of."""
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
    out.print(f"    origin  {baseline.origin}")
    out.print(f"    rows    {count_text(baseline.rows)}")
    out.print(f"    columns {', '.join(said)}")
    if baseline.performance:
        out.print(f"    labels  {performance_text(baseline.performance)}")
    if baseline.figures:
        means = ", ".join(f"{name} {mean:.4g}" for name, mean in baseline.figures.items())
        out.print(f"    figures {means}")
    if baseline.start_ms is None:
        out.print("    times   [dim]none: its own variation over time stays unknown[/]")
        return
    out.print(f"    times   {time_text(baseline.start_ms)} to {time_text(baseline.end_ms)} UTC")
    phi = [of.phi for of in dispersions(baseline).values()]
    varies = f"φ from {min(phi):.2f} to {max(phi):.2f}" if phi else "[dim]unknown: too few rows[/]"
    seasons = "known" if has_seasons(baseline) else "[dim]unknown[/]"
    out.print(f"    varies  {varies}; hours of the week {seasons}")


def performance_text(performance: BaselinePerformance) -> str:
    """Say how well the model did on its labelled rows, and what its probabilities are taken for."""
    shown = [name for name in _PERFORMANCE_SHOWN if name in performance.figures]
    figures = [f"{name} {performance.figures[name]:.4g}" for name in shown]
    said = f"{performance.task}, {count_text(performance.labelled)} labelled rows"
    if performance.classes:
        said += "; probabilities " + ("calibrated" if performance.calibration else "as they are")
    return f"{', '.join(figures) or 'unknown'} [dim]({said})[/]"


def show_activation(made: Activation | None) -> None:
    """Print from when on a baseline counts; None is no change."""
    if made is None:
        console().print("    counts  [dim]already: nothing changed[/]")
        return
    start = from_text(made.effective_from)
    console().print(f"    counts  from {start} on, for {made.model_name} {made.model_version}")


def list_table(
    stored: Sequence[Stored], present: Mapping[str, ConfigRecord], now_ms: int, width: int
) -> Table:
    """Return a row a baseline; a mark shows those that count now."""
    columns = ["", "Id", "Model", "Version", "Rows", "Origin", "Counts from", "Made"]
    if width >= _WIDE:
        columns += ["Data from", "to", "By"]
    shown = table(*columns, right=["Rows"])
    for column in shown.columns:
        column.no_wrap = column.header != "Counts from"
    for one in stored:
        starts, counts_now = _starts(one, present, now_ms)
        of = one.baseline
        cells = [
            "[green]●[/]" if counts_now else "",
            one.id[:ID_SHOWN],
            of.model_name,
            of.model_version,
            count_text(of.rows),
            of.origin,
            starts,
            (one.created_at or "–")[:16].replace("T", " "),
            time_text(of.start_ms),
            time_text(of.end_ms),
            one.created_by or "–",
        ]
        shown.add_row(*cells[: len(columns)])
    return shown


def _starts(one: Stored, present: Mapping[str, ConfigRecord], now_ms: int) -> tuple[str, bool]:
    """Say from when on each version first counted by a baseline, and whether one does now.

    Later activations of the same baseline changed the counting plan only.
    """
    first: dict[str, int] = {}
    for activation in sorted(activations_by(present, one.id), key=_by_version):
        first.setdefault(activation.model_version, activation.effective_from)
    name = one.baseline.model_name
    histories = [activations_of(present.values(), name, version) for version in first]
    current = [in_force(history, now_ms) for history in histories]
    counts_now = any(a is not None and a.baseline_id == one.id for a in current)
    if not first:
        return "[dim]never[/]", False
    if list(first) == [one.baseline.model_version]:
        return from_text(first[one.baseline.model_version]), counts_now
    own = one.baseline.model_version
    said = [
        f"{version}: {from_text(start)}" + ("" if version == own else " (inherited)")
        for version, start in first.items()
    ]
    return "\n".join(said), counts_now


def features_table(baseline: Baseline) -> Table:
    """Return a row a feature, prediction and probability last."""
    shown = table(
        "Feature",
        "Kind",
        "Missing",
        "Mean",
        "Std",
        "Min",
        "Max",
        "φ",
        "Classes",
        right=["Missing", "Mean", "Std", "Min", "Max", "φ"],
    )
    shown.columns[0].no_wrap = True
    columns = dict(baseline.features)
    for role, reference in (
        ("(prediction)", baseline.prediction),
        ("(probability)", baseline.probability),
    ):
        if reference is not None:
            columns[role] = reference
    for feature, of in columns.items():
        numbers = (of.mean, of.std, of.min, of.max)
        rest = len(of.categories) - _CATEGORIES_SHOWN
        shown.add_row(
            feature,
            of.kind,
            f"{of.missing_count / baseline.rows * 100:.3g} %",
            *("–" if value is None else f"{value:.4g}" for value in numbers),
            "–" if of.dispersion is None else f"{of.dispersion.phi:.2f}",
            " ".join(of.categories[:_CATEGORIES_SHOWN]) + (f" … {rest} more" if rest > 0 else ""),
        )
    return shown


def _by_version(activation: Activation) -> tuple[str, int]:
    return activation.model_version, activation.effective_from
