"""Which moved first: the performance of a model, or one of its features."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from schemas.durations import window_name
from stream.reading.times import moment_text


class Mover(StrEnum):
    """What moved first."""

    PERFORMANCE = "performance"
    FEATURES = "features"
    TOGETHER = "together"
    NOTHING = "nothing"


class MovedFirst(msgspec.Struct, frozen=True, kw_only=True):
    """What moved first, and when.

    Attributes
    ----------
    mover
        What moved first.
    performance_ms
        Since when performance is another, epoch ms; None where it is not.
    feature
        The feature that drifted first; of several at once the first by name. None where none did.
    feature_ms
        Since when, epoch ms.
    sentence
        The same in words.
    """

    mover: Mover
    performance_ms: int | None
    feature: str | None
    feature_ms: int | None
    sentence: str


def moved_first(
    performance_drift_ms: int | None,
    feature_drift_ms: Mapping[str, int],
    resolution_ms: int = 0,
) -> MovedFirst:
    """Tell what moved first.

    Parameters
    ----------
    performance_drift_ms : since when performance is another, epoch ms, start of a pane; None where
        it is not
    feature_drift_ms : since when each drifted feature is another, epoch ms, start of a pane
    resolution_ms : how exactly both are known, the length of a pane; what lies closer happened
        together

    Notes
    -----
    Features first speaks of other inputs, which the model knows less well; performance first, or
    alone, of another relation between inputs and outcome, which no drift of features shows.

    Examples
    --------
    >>> moved_first(1790017200000, {"age": 1790002800000, "income": 1790006400000}).sentence
    'Feature age moved first, at 2026-09-21 15:00 UTC; performance moved 4h later.'
    >>> moved_first(1790017200000, {}).sentence
    'Performance moved at 2026-09-21 19:00 UTC, while no feature drifted.'
    """
    feature = min(sorted(feature_drift_ms), key=lambda name: feature_drift_ms[name], default=None)
    feature_ms = None if feature is None else feature_drift_ms[feature]
    mover, sentence = _verdict(performance_drift_ms, feature, feature_ms, resolution_ms)
    return MovedFirst(
        mover=mover,
        performance_ms=performance_drift_ms,
        feature=feature,
        feature_ms=feature_ms,
        sentence=sentence,
    )


def _verdict(
    performance_ms: int | None, feature: str | None, feature_ms: int | None, resolution_ms: int
) -> tuple[Mover, str]:
    if performance_ms is None and feature_ms is None:
        return Mover.NOTHING, "Neither performance nor a feature moved."
    if performance_ms is None:
        at = moment_text(feature_ms or 0)
        return Mover.FEATURES, f"Feature {feature} moved at {at}, performance did not."
    at = moment_text(performance_ms)
    if feature_ms is None:
        return Mover.PERFORMANCE, f"Performance moved at {at}, while no feature drifted."
    lead_ms = performance_ms - feature_ms
    if abs(lead_ms) <= resolution_ms:
        return Mover.TOGETHER, f"Performance and feature {feature} moved together, at {at}."
    later = window_name(abs(lead_ms))
    if lead_ms < 0:
        return (
            Mover.PERFORMANCE,
            f"Performance moved first, at {at}; feature {feature} moved {later} later.",
        )
    return (
        Mover.FEATURES,
        f"Feature {feature} moved first, at {moment_text(feature_ms)}; "
        f"performance moved {later} later.",
    )
