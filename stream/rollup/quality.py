"""Data quality of a model that has no baseline yet: what kinds of values its features have."""

from stream.rollup.merge import PaneCounts
from stream.state.codec import name_hash
from stream.window import delta

_KIND_NAMES = {
    delta.NUMBER: "numeric",
    delta.STRING: "categorical",
    delta.BOOLEAN: "boolean",
    delta.ARRAY: "embedding",
}

Figures = dict[str, dict[str, bool | int | float | str]]


FEATURES_MAX = 1_000
"""Features shown of a model that nobody announced: as many as one event may have."""


def kind_figures(counts: PaneCounts, metrics: dict[str, bool | int | float]) -> Figures:
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
