"""How large the drift of a feature is, as a word."""

from collections.abc import Mapping
from enum import StrEnum

from stream.stats.drift.attribution import Figure, drift_size

CLEAR_MIN = 0.09
STRONG_MIN = 0.25
"""Squares of Cohen's medium (0.3) and large (0.5) effect size w, whose square `effect` estimates.
A normal distribution that moves by 0.3 standard deviations is at the first, by half of one at the
second."""


class Severity(StrEnum):
    """How large, from nothing on."""

    NONE = "none"
    SLIGHT = "slight"
    CLEAR = "clear"
    STRONG = "strong"


ORDER = list(Severity)


def severity(figures: Mapping[str, Figure]) -> Severity:
    """Put the drift of a feature into a word.

    Parameters
    ----------
    figures : of the feature, as in a report

    Notes
    -----
    A feature has drifted or not by the decision alone, which knows how sure it is; the word says
    how large the difference is, of values and of missing ones together.

    Examples
    --------
    >>> severity({"drifted": True, "effect": 0.31}), severity({"drifted": False, "effect": 0.31})
    (<Severity.STRONG: 'strong'>, <Severity.NONE: 'none'>)

    References
    ----------
    .. [1] J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, section 7.2.
    """
    if figures.get("drifted") is not True:
        return Severity.NONE
    size = drift_size(figures)
    if size >= STRONG_MIN:
        return Severity.STRONG
    return Severity.CLEAR if size >= CLEAR_MIN else Severity.SLIGHT


def strongest(found: list[Severity]) -> Severity:
    """Return the largest of them; `none` of no ones."""
    return max(found, key=ORDER.index, default=Severity.NONE)
