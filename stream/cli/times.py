"""Moments as people write them."""

from datetime import UTC, datetime

from schemas.durations import parse_duration_ms
from stream.cli.errors import CommandError, usage

_MS_PER_S = 1000
FORMS = "RFC 3339 (UTC where it names no zone), epoch ms, or how long ago (90m, 7d)"


def parse_moment(option: str, text: str, now_ms: int) -> int:
    """Read a moment, in epoch ms.

    Parameters
    ----------
    option
        The option's name, for the error message.
    text
        ``now``, a duration (so long ago), epoch milliseconds, a date or RFC 3339.
    now_ms
        Wall clock, epoch ms.

    Raises
    ------
    CommandError
        For any other text.

    Examples
    --------
    >>> parse_moment("--since", "1h", 1790002800000)
    1789999200000
    >>> parse_moment("--since", "2026-09-21 15:00", 0)
    1790002800000
    """
    if text == "now":
        return now_ms
    if text.isdigit():
        return int(text)
    try:
        return now_ms - parse_duration_ms(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(option, text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * _MS_PER_S)


def _unreadable(option: str, text: str) -> CommandError:
    return usage(f"{option} {text!r} is no time: write {FORMS}")
