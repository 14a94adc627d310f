"""Moments as people and programs write them."""

from datetime import UTC, datetime

from schemas.durations import parse_duration_ms

FORMS = "RFC 3339 (UTC where it names no zone), epoch ms, or how long ago (90m, 7d)"
_MS_PER_S = 1000
_DIGITS_MAX = 16
"""Epoch milliseconds of the year 300,000 have as many."""


def moment_ms(text: str, now_ms: int) -> int:
    """Read a moment, in epoch ms.

    Parameters
    ----------
    text : ``now``, a duration (so long ago), epoch milliseconds, a date or RFC 3339
    now_ms : wall clock, epoch ms

    Raises
    ------
    ValueError
        For any other text.

    Examples
    --------
    >>> moment_ms("1h", 1790002800000)
    1789999200000
    >>> moment_ms("2026-09-21 15:00", 0)
    1790002800000
    """
    if text == "now":
        return now_ms
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    try:
        return now_ms - parse_duration_ms(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: write {FORMS}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * _MS_PER_S)


def moment_text(epoch_ms: int) -> str:
    """Write a time for a person.

    Examples
    --------
    >>> moment_text(1790002800000)
    '2026-09-21 15:00 UTC'
    """
    moment = datetime.fromtimestamp(epoch_ms / _MS_PER_S, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + " UTC"
