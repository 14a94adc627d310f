"""Data quality beside the baseline's grid: kinds of values, constraints, duplicates, schema."""

from collections.abc import Mapping

from schemas.baselines import FeatureBaseline
from stream.rollup.merge import PaneCounts
from stream.state.codec import name_hash
from stream.window import delta
from stream.window.constraints import Constraints

_KIND_NAMES = {
    delta.NUMBER: "numeric",
    delta.STRING: "categorical",
    delta.BOOLEAN: "boolean",
    delta.ARRAY: "embedding",
}

Metrics = dict[str, bool | int | float]
Figures = dict[str, dict[str, bool | int | float | str]]
GAINED, LOST, CHANGED = "gained", "lost", "changed_type"
"""How the schema of a feature drifted: the figure ``schema_change``."""
CHANGED_SHARE_MIN = 0.5
"""A feature most of whose values are of another type has changed its type."""

FEATURES_MAX = 1_000
"""Features shown of a model that nobody announced: as many as one event may have."""


def kind_figures(counts: PaneCounts, metrics: Metrics) -> Figures:
    """Missing and mismatched shares by feature; the totals are added to ``metrics``.

    Of more than :data:`FEATURES_MAX` names those with the smallest hashes are shown.

    A feature's kind is the one most of its values have; a value of another kind is a mismatch.
    A feature is missing in every event that has none, also in those before it first appeared.
    """
    scored = int(counts.core[delta.COUNT] - counts.core[delta.ERRORS])
    kinds: dict[str, dict[str, int]] = {}
    for name, count in counts.kinds.names.items():
        kinds.setdefault(name[1:], {})[name[0]] = count
    figures: Figures = {}
    missing = mismatched = 0
    for name in sorted(sorted(kinds, key=name_hash)[:FEATURES_MAX]):
        present = {kind: n for kind, n in kinds[name].items() if kind != delta.NULL}
        total = sum(present.values())
        figure: dict[str, bool | int | float | str] = {
            "count": scored,
            "missing_rate": (scored - total) / scored,
            "type_mismatch_rate": 0.0,
        }
        if present:
            kind = max(sorted(present), key=lambda k: present[k])
            figure["kind"] = _KIND_NAMES[kind]
            figure["type_mismatch_rate"] = (total - present[kind]) / scored
            mismatched += total - present[kind]
        missing += scored - total
        figures[name] = figure
    cells = scored * len(figures)
    if cells:
        metrics["missing_rate"] = missing / cells
        metrics["type_mismatch_rate"] = mismatched / cells
    return figures


def duplicate_rate(counts: PaneCounts) -> float | None:
    """Share of events whose request came before; None where no event carries a request id.

    Exact up to 256 requests, estimated from as many of them beyond (`stream.sketches.bottom_k`).
    """
    identified = int(counts.core[delta.IDENTIFIED])
    repeated = None if counts.ids is None else counts.ids.repeated_share
    return None if repeated is None else repeated * identified / counts.count


def add_violations(
    counts: PaneCounts, constraints: Constraints, metrics: Metrics, figures: Figures
) -> None:
    """Write how many values broke each constraint into the figures.

    What is configured for the prediction or its confidence is written like a feature.
    """
    found = counts.violations.get(constraints.id)
    if found is None:
        return
    events = found.names[delta.EVENTS]
    total = 0
    for one in constraints.checks:
        broken = found.names.get(f"{one.kind}:{one.feature}", 0)
        figure = figures.setdefault(one.feature, {"count": events})
        figure[f"violations_{one.kind}"] = broken
        figure["constraint_violations"] = int(figure.get("constraint_violations", 0)) + broken
        total += broken
    metrics["constraint_violations"] = total


def add_schema_drift(
    counts: PaneCounts,
    reference: Mapping[str, FeatureBaseline],
    metrics: Metrics,
    figures: Figures,
) -> None:
    """Write which features came, went or changed their type into the figures.

    A feature is lost when no event has it though the baseline's rows had. Gained ones are looked
    for in every 16th request.
    """
    changed = 0
    for name, feature in reference.items():
        figure = figures.get(name)
        if not figure or not figure.get("count"):
            continue
        change = None
        if figure["missing_rate"] == 1 and feature.missing_count < sum(feature.counts):
            change = LOST
        elif float(figure["type_mismatch_rate"]) > CHANGED_SHARE_MIN:
            change = CHANGED
        if change is not None:
            figure["schema_change"] = change
            changed += 1
    for name in sorted(counts.gained.names):
        if name not in reference:
            figures.setdefault(name, {})["schema_change"] = GAINED
            changed += 1
    metrics["schema_drift"] = changed
