"""Concept drift on demand: whether a model's errors moved, since when, and what moved first."""

import msgspec

from stream.rollup.concept import ConceptState, concept_metrics
from stream.rollup.readmodel import Decided
from stream.stats.concept.moved_first import MovedFirst, moved_first
from stream.window.panes import DAY_MS


class ConceptFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What labels say of the relation between inputs and outcome.

    Attributes
    ----------
    drifted
        Whether errors differ from what they were; null while too few days have labels to tell.
    direction
        Whether they went `up` or `down`; null where they did not.
    figures
        As beside the live figures: `concept_drift_since`, `concept_error_before`, …
    moved_first
        Which moved first, performance or features; null where performance did not.
    """

    drifted: bool | None
    direction: str | None
    figures: dict[str, bool | int | float]
    moved_first: MovedFirst | None


def concept_finding(state: ConceptState | None, decided: Decided | None) -> ConceptFinding | None:
    """Tell what is known of concept drift.

    Parameters
    ----------
    state : None where no day has had its labels
    decided : the last decisions on features, and since when each drifted
    """
    if state is None:
        return None
    figures = concept_metrics(state)
    drifted = figures.get("concept_drift")
    first = None
    if state.drifted and state.episode is not None:
        since = {} if decided is None else decided.since
        first = moved_first(state.episode.since_ms, since, DAY_MS)
    return ConceptFinding(
        drifted=None if drifted is None else bool(drifted),
        direction=state.direction,
        figures=figures,
        moved_first=first,
    )


def concept_sentence(found: ConceptFinding) -> str | None:
    """Say it in one sentence; None where there is nothing to say."""
    if found.drifted is None:
        return None
    if not found.drifted or found.moved_first is None:
        return "errors, as far as labels are in, are what they were: no concept drift"
    figures = found.figures
    before, after = figures.get("concept_error_before"), figures.get("concept_error_after")
    change = "" if before is None or after is None else f" from {before:.3g} to {after:.3g}"
    way = "rose" if found.direction == "up" else "fell"
    return f"concept drift: the error {way}{change}. {found.moved_first.sentence}"
