"""A drift check in sentences."""

from typing import Any

import msgspec

from stream.reading.concept import concept_sentence
from stream.reading.drift_check import DriftCheck, Finding, Together
from stream.reading.times import moment_text

_SHOWN_MAX = 3
_ID_CHARACTERS = 12


def document(check: DriftCheck) -> dict[str, Any]:
    """Return a check as programs get it: what was found, and the same in words."""
    said = {"verdict": verdict(check), "notes": notes(check)}
    found: dict[str, Any] = msgspec.to_builtins(check)
    return said | found


def verdict(check: DriftCheck) -> str:
    """Say in one sentence whether there is drift."""
    of = f"{check.model_name} {check.model_version}, {check.window.name} to"
    where = f"{of} {moment_text(check.window.end)}"
    drifted = [one for one in check.features if one.drifted]
    outputs = [one.name for one in check.outputs if one.drifted]
    if not check.drifted:
        said = f"no drift in {_features(check.tested_features)}"
        said += "" if not check.outputs else ", nor in what the model answers"
    else:
        said = f"{check.severity} drift"
        if drifted:
            named = ", ".join(one.name for one in drifted[:_SHOWN_MAX])
            more = f" and {len(drifted) - _SHOWN_MAX} more" if len(drifted) > _SHOWN_MAX else ""
            said += f" in {len(drifted)} of {_features(check.tested_features)} ({named}{more})"
        if outputs:
            said += f"{' and' if drifted else ''} in the {' and the '.join(outputs)}"
        elif check.outputs:
            said += "; what the model answers has not changed"
    return f"{where}: {said}"


def notes(check: DriftCheck) -> list[str]:
    """Say what else there is to know: outputs, segments, what would have been missed."""
    out = [one.in_words for one in check.outputs if one.in_words is not None]
    told = None if check.concept is None else concept_sentence(check.concept)
    out += _unexplained(check) if told is None else [*_unexplained(check), told]
    for change in ("lost", "changed_type", "gained"):
        names = [name for name, kind in check.schema_changes.items() if kind == change]
        if names:
            out.append(f"{_CHANGES[change]}: {', '.join(names)}")
    out += [
        f"segment {one.segment} ({one.count:,} events): {', '.join(one.drifted)} drifted"
        for one in check.segments
    ]
    if check.together is not None:
        out += _together(check.together)
    for name, shift in check.min_detectable_shift.items():
        out.append(
            f"a shift of {shift:.2g} standard deviations would have been found in four of five"
            f" such windows (by {name}, the least sensitive of the features without drift)"
        )
    return out + _reference(check)


_CHANGES = {
    "lost": "features that no event has any more",
    "changed_type": "features most of whose values are of another type now",
    "gained": "features that the baseline does not have",
}


def _features(number: int) -> str:
    return "1 feature" if number == 1 else f"{number} features"


def _unexplained(check: DriftCheck) -> list[str]:
    """Predictions that change for inputs that don't."""
    if not check.outputs or not check.features:
        return []
    answers = any(one.drifted for one in check.outputs)
    inputs = any(one.drifted for one in check.features)
    if answers and not inputs:
        return [
            "the model answers otherwise though no feature drifted: look at the model, at features"
            " it does not report, or at how features vary together"
        ]
    return []


def _together(together: Together) -> list[str]:
    figures = together.figures
    shown = " and ".join(
        f"{_NAMES[name]} {figures[name]:.3g} (limit {figures[f'{name}_limit']:.3g})"
        for name in _NAMES
        if f"{name}_limit" in figures
    )
    if not together.unusual:
        return [f"features vary together as before: {shown}"] if shown else []
    pairs = ", ".join(
        f"{change['first']} and {change['second']} {change['before']:.2f} → {change['after']:.2f}"
        for change in together.changes[:_SHOWN_MAX]
    )
    return [f"features vary together otherwise: {shown}; correlations that changed most: {pairs}"]


_NAMES = {"reconstruction_error": "reconstruction error", "correlation_shift": "correlation shift"}


def _reference(check: DriftCheck) -> list[str]:
    baseline = check.baseline
    said = f"compared with {baseline.rows:,} rows of baseline {baseline.id[:_ID_CHARACTERS]}"
    if baseline.model_version != check.model_version:
        said += f" of version {baseline.model_version}"
    if baseline.provisional:
        said += ", provisional: it was learned from this traffic, so drift before that is in it"
    out = [said]
    if baseline.seasonal:
        whole = sorted(f.name for f in check.features if f.figures.get("seasonal") is False)
        short = f"; for too few rows in these, all hours for {', '.join(whole)}" if whole else ""
        out.append(f"compared with the same hours of the week{short}")
    if not baseline.variation_known:
        why = "is too short" if baseline.time_ordered else "has no times"
        out.append(
            f"the baseline {why}, so its own variation over time is not known: hours and weekdays"
            " that differ may pass for drift"
        )
    if not check.complete:
        out.append("part of the window was not seen: its events were gone from Kafka")
    return out


def cause_of(one: Finding) -> str:
    """Say how a feature drifted, without its name in front."""
    return (one.in_words or "").removeprefix(f"{one.name}: ")
