"""Severities in order. Pure."""

from collections.abc import Iterable

from schemas.alerts import Severity

SEVERITIES = tuple(Severity)
"""Mildest first, so that the index is the rank."""


def rank(severity: Severity) -> int:
    """Return how severe it is, 0 the mildest.

    Examples
    --------
    >>> rank(Severity.INFO), rank(Severity.CRITICAL)
    (0, 3)
    """
    return SEVERITIES.index(severity)


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the severest; `info` of none.

    Examples
    --------
    >>> worst([Severity.WARNING, Severity.ERROR])
    <Severity.ERROR: 'error'>
    """
    return max(severities, key=rank, default=Severity.INFO)
