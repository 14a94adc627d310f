"""The drift check on demand: which features drifted in a window, how, how much, and in words.

It decides as a decision window of this length would, at the configured budget. Nothing is written.
"""

from typing import Any

import msgspec

from schemas.baselines import FeatureBaseline
from schemas.metrics import Window
from stream.reading.concept import ConceptFinding
from stream.reading.errors import ReadingError
from stream.reading.severity import Severity, severity, strongest
from stream.reading.window import CountedWindow
from stream.rollup.comparison import OUTPUT_KEYS, Comparison, CompiledBaseline
from stream.rollup.quality import GAINED
from stream.rollup.report import window_at
from stream.stats.drift.attribution import in_words, rank
from stream.stats.drift.decomposition import decompose
from stream.stats.multivariate import strongest_changes
from stream.window.layout import split_moments

EVENTS_MIN = 50
"""The smallest window that the false alarms of the decision were measured for."""
CHANGES_MAX = 5
"""Changed correlations that are told: more is no explanation."""

Figures = dict[str, bool | int | float | str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One feature, or the prediction or the probability.

    Attributes
    ----------
    name
        Of the feature; `prediction` or `probability`.
    drifted
        What was decided.
    severity
        `none`, `slight`, `clear` or `strong`.
    attribution
        Part of the drift of all features that is this one's; null where it has not drifted, and for
        outputs.
    in_words
        How it drifted; null where it has not.
    figures
        As in a window report.
    """

    name: str
    drifted: bool
    severity: Severity
    attribution: float | None = None
    in_words: str | None = None
    figures: Figures


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """How numeric features vary together.

    Attributes
    ----------
    figures
        `reconstruction_error` and `correlation_shift`, and what they stay below without drift.
    unusual
        Whether one of them is above its limit; null where the baseline gives none.
    changes
        Pairs of features whose correlation changed most: `first`, `second`, `before`, `after`.
    """

    figures: dict[str, bool | int | float]
    unusual: bool | None
    changes: list[dict[str, str | float]]


class SegmentFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A segment with drift: its name, its events, and what drifted in it."""

    segment: str
    count: int
    drifted: list[str]


class ComparedWith(msgspec.Struct, frozen=True, kw_only=True):
    """What the window was compared with.

    Attributes
    ----------
    id
        Of the baseline.
    model_version
        Whose data it is made of.
    rows
        How many.
    provisional
        Whether it was learned from traffic.
    time_ordered
        Whether its rows have times.
    variation_known
        Whether it has enough of them to tell by how much it varies over time.
    seasonal
        Whether the window was compared with the same hours of the week.
    """

    id: str
    model_version: str
    rows: int
    provisional: bool
    time_ordered: bool
    variation_known: bool
    seasonal: bool


class DriftCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``streamgauge drift --json`` and of ``GET …/drift``.

    Attributes
    ----------
    model_name, model_version, window, count, sampled_count, complete
        As in a window report.
    baseline
        What it was compared with.
    alpha
        Chance of any false alarm in this window that the budget allows.
    min_effect
        Smaller shifts are no drift.
    drifted
        Whether any feature or output did.
    severity
        The largest one.
    drifted_features, tested_features
        How many did, of how many.
    features
        Tested ones: those that drifted by their part in it, then the others by name.
    outputs
        The prediction and the probability.
    segments
        Those with drift.
    together
        How features vary together; null where that is not known.
    min_detectable_shift
        The least sensitive of the features without drift, and the smallest shift of it that would
        have been found with 80 % power, in standard deviations of the baseline. Empty where none
        is known.
    schema_changes
        `gained`, `lost` or `changed_type`, by feature.
    concept
        What labels say; null where there are none.
    """

    model_name: str
    model_version: str
    window: Window
    count: int
    sampled_count: int
    complete: bool
    baseline: ComparedWith
    alpha: float
    min_effect: float
    drifted: bool
    severity: Severity
    drifted_features: int
    tested_features: int
    features: list[Finding]
    outputs: list[Finding]
    segments: list[SegmentFinding]
    together: Together | None
    min_detectable_shift: dict[str, float]
    schema_changes: dict[str, str]
    concept: ConceptFinding | None = None


def check_drift(window: CountedWindow, concept: ConceptFinding | None = None) -> DriftCheck:
    """Check a window for drift; ``concept`` is what labels say of the model version.

    Raises
    ------
    ReadingError
        Without a baseline, or with too few events on its grid.
    """
    compiled, terms = window.compiled, window.terms
    if compiled is None or terms is None:
        raise ReadingError(
            f"{window.version.model} {window.version.version} has no baseline yet: one is learned"
            " from traffic, or made of a file by `streamgauge baseline build`"
        )
    events = window.grid_of(None).events
    if events < EVENTS_MIN:
        raise ReadingError(
            f"{events} events of the {window.spec.name} of {window.version.model}"
            f" {window.version.version} can be compared with its baseline, and {EVENTS_MIN} are"
            " needed: take a longer window"
        )
    found = window.decided()
    whole = found[None]
    features = _features(whole)
    outputs = [
        _finding(whole, r, whole.outputs[r], k)
        for r, k in OUTPUT_KEYS.items()
        if "drifted" in whole.outputs.get(r, {})
    ]
    changed = {
        n: str(f["schema_change"]) for n, f in whole.features.items() if "schema_change" in f
    }
    counts = window.counts
    return DriftCheck(
        model_name=window.version.model,
        model_version=window.version.version,
        window=window_at(window.spec, window.end_ms),
        count=counts.count,
        sampled_count=counts.error_count + events,
        complete=window.complete,
        baseline=_reference(compiled, whole),
        alpha=terms.alpha,
        min_effect=terms.effect_min,
        drifted=any(one.drifted for one in (*features, *outputs)),
        severity=strongest([one.severity for one in (*features, *outputs)]),
        drifted_features=sum(one.drifted for one in features),
        tested_features=len(features),
        features=features,
        outputs=outputs,
        segments=_segments(window, found),
        together=_together(window, compiled, whole),
        min_detectable_shift=_blind_spots(features),
        schema_changes=dict(sorted(changed.items(), key=lambda item: (item[1] == GAINED, item[0]))),
        concept=concept,
    )


def _features(whole: Comparison) -> list[Finding]:
    shares = dict(rank(whole.features))
    tested = {name for name, figures in whole.features.items() if "drifted" in figures}
    names = [*shares, *sorted(tested - shares.keys())]
    return [_finding(whole, name, whole.features[name], name, shares.get(name)) for name in names]


def _finding(
    found: Comparison, name: str, figures: Figures, key: str, share: float | None = None
) -> Finding:
    drifted = figures["drifted"] is True
    told = None
    if drifted:
        reference, counts = found.rows[key]
        causes = decompose(reference, counts)
        figures |= causes
        told = in_words(name, figures, causes, reference.baseline)
    return Finding(
        name=name,
        drifted=drifted,
        severity=severity(figures),
        attribution=share,
        in_words=told,
        figures=figures,
    )


def _reference(compiled: CompiledBaseline, whole: Comparison) -> ComparedWith:
    baseline = compiled.baseline
    columns: list[FeatureBaseline] = list(baseline.features.values())
    return ComparedWith(
        id=compiled.baseline_id,
        model_version=baseline.model_version,
        rows=baseline.rows,
        provisional=baseline.provisional,
        time_ordered=baseline.start_ms is not None,
        variation_known=any(one.dispersion is not None for one in columns),
        seasonal=any(figures.get("seasonal") is True for figures in whole.features.values()),
    )


def _segments(window: CountedWindow, found: dict[str | None, Comparison]) -> list[SegmentFinding]:
    out = []
    for segment, comparison in found.items():
        drifted = [name for name, _ in rank(comparison.features)]
        drifted += [role for role, f in comparison.outputs.items() if f.get("drifted") is True]
        if segment is not None and drifted:
            count = window.counts.segments[segment].count
            out.append(SegmentFinding(segment=segment, count=count, drifted=drifted))
    return out


def _together(
    window: CountedWindow, compiled: CompiledBaseline, whole: Comparison
) -> Together | None:
    moments, reference = window.grid_of(None).moments, compiled.moments
    if moments is None or reference is None:
        return None
    names = ("reconstruction_error", "correlation_shift")
    limited = [name for name in names if name in whole.metrics and f"{name}_limit" in whole.metrics]
    above = [whole.metrics[name] > whole.metrics[f"{name}_limit"] for name in limited]
    changes: list[dict[str, Any]] = [
        {"first": c.first, "second": c.second, "before": c.before, "after": c.after}
        for c in strongest_changes(reference, *split_moments(moments), CHANGES_MAX)
    ]
    every = [name + end for name in names for end in ("", "_limit")]
    return Together(
        figures={name: whole.metrics[name] for name in every if name in whole.metrics},
        unusual=any(above) if limited else None,
        changes=changes,
    )


def _blind_spots(features: list[Finding]) -> dict[str, float]:
    """The least sensitive feature, and how far it would have had to move."""
    shifts = {
        one.name: float(one.figures["min_detectable_shift"])
        for one in features
        if "min_detectable_shift" in one.figures
    }
    if not shifts:
        return {}
    worst = max(sorted(shifts), key=lambda name: shifts[name])
    return {worst: shifts[worst]}
