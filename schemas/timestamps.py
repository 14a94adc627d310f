"""Event time on the wire: RFC 3339 with a zone, or epoch milliseconds."""

import math
import re
from datetime import UTC, date, datetime
from typing import Annotated

from msgspec import Meta

from schemas.errors import Reason, Rejected

__all__ = [
    "RFC3339_PATTERN",
    "TIMESTAMP_MS_MAX",
    "TIMESTAMP_MS_MIN",
    "Timestamp",
    "minute_text",
    "parse_timestamp_ms",
]

TIMESTAMP_MS_MIN = 10**11
"""1973-03-03 in milliseconds; today's seconds lie below until the year 5138."""

TIMESTAMP_MS_MAX = 10**14
"""The year 5138 in milliseconds; today's microseconds and nanoseconds lie above."""

# Section 5.6 of RFC 3339; T and Z also in lower case, a space for the T as its note allows.
RFC3339_PATTERN = (
    r"\A([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"([Zz]|[+-]([0-9]{2}):([0-9]{2}))\Z"
)

# The bounds are for the published schemas; the structs leave them to `parse_timestamp_ms`, which
# knows a reason for each.
_BOUNDS = Meta(extra_json_schema={"minimum": TIMESTAMP_MS_MIN, "maximum": TIMESTAMP_MS_MAX})
Timestamp = (
    Annotated[str, Meta(extra_json_schema={"pattern": RFC3339_PATTERN})]
    | Annotated[int, _BOUNDS]
    | Annotated[float, _BOUNDS]
)

_RFC3339 = re.compile(RFC3339_PATTERN)
_MINUTES_A_DAY = 24 * 60
_EPOCH_DAY = date(1970, 1, 1).toordinal()
# A longer string is no timestamp; the bound keeps a hostile one out of `detail`.
_SHOWN_CHARACTERS = 64


def parse_timestamp_ms(value: object) -> int | Rejected:
    """Read an event's timestamp.

    How far it may lie in the future depends on the record's append time and is judged by the
    caller.

    Parameters
    ----------
    value
        An RFC 3339 string with a zone, or a number of milliseconds since 1970 (UTC).

    Returns
    -------
    int
        Milliseconds since 1970 (UTC), fractions cut, so that an event stays in its window.
    Rejected
        `timestamp_in_seconds` below 10**11, `timestamp_not_milliseconds` above 10**14,
        `bad_timestamp` for a string that is no RFC 3339 or has no zone, `bad_type` otherwise.

    Notes
    -----
    The bounds hold for strings as well: 1970-01-21 is what a date library makes of today's
    seconds, 0001-01-01 is an unset time.

    Examples
    --------
    >>> parse_timestamp_ms("2026-09-21T12:00:00.25+02:00")
    1789984800250
    >>> parse_timestamp_ms("2026-09-21T12:00:00").reason
    <Reason.BAD_TIMESTAMP: 'bad_timestamp'>
    >>> parse_timestamp_ms(1789984800).reason
    <Reason.TIMESTAMP_IN_SECONDS: 'timestamp_in_seconds'>
    """
    if isinstance(value, str):
        parsed = _rfc3339_ms(value)
        return _in_bounds(parsed, value) if isinstance(parsed, int) else parsed
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Rejected(
            Reason.BAD_TYPE, f"timestamp: expected a string or a number, got {type(value).__name__}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        return Rejected(Reason.BAD_TIMESTAMP, f"timestamp: {value} is no time")
    return _in_bounds(value, value)


def minute_text(at_ms: int) -> str:
    """Write a time for a human, to the minute, in UTC.

    Parameters
    ----------
    at_ms
        Epoch milliseconds.

    Examples
    --------
    >>> minute_text(1790002800000)
    '2026-09-21 15:00 UTC'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _in_bounds(timestamp_ms: float, given: object) -> int | Rejected:
    if timestamp_ms < TIMESTAMP_MS_MIN:
        return Rejected(
            Reason.TIMESTAMP_IN_SECONDS,
            f"timestamp: {_shown(given)} lies before 1973 when read as milliseconds; "
            "send milliseconds",
        )
    if timestamp_ms > TIMESTAMP_MS_MAX:
        return Rejected(
            Reason.TIMESTAMP_NOT_MILLISECONDS,
            f"timestamp: {_shown(given)} lies after 5138 when read as milliseconds; "
            "send milliseconds",
        )
    return math.floor(timestamp_ms)


def _rfc3339_ms(text: str) -> int | Rejected:
    match = _RFC3339.match(text)
    if match is None:
        return _bad(text, "is not RFC 3339 with a zone, such as 2026-09-21T10:00:00Z")
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    offset_hours, offset_minutes = int(match[9] or 0), int(match[10] or 0)
    hour_max, minute_max, leap_second = 23, 59, 60
    hours, minutes = max(hour, offset_hours), max(minute, offset_minutes)
    if hours > hour_max or minutes > minute_max or second > leap_second:
        return _bad(text, "is no time of a day")
    try:
        day_number = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return _bad(text, "is no day of the calendar")
    offset_sign = -1 if match[8].startswith("-") else 1
    minutes = hour * 60 + minute - offset_sign * (offset_hours * 60 + offset_minutes)
    if second == leap_second and (minutes + 1) % _MINUTES_A_DAY:
        return _bad(text, "has a leap second that is not at 23:59:60 UTC")
    fraction_ms = int((match[7] or ".")[1:4].ljust(3, "0"))
    return ((day_number * _MINUTES_A_DAY + minutes) * 60 + second) * 1000 + fraction_ms


def _bad(text: str, why: str) -> Rejected:
    return Rejected(Reason.BAD_TIMESTAMP, f"timestamp: {_shown(text)!r} {why}")


def _shown(given: object) -> str:
    try:
        return str(given)[:_SHOWN_CHARACTERS]
    except ValueError:  # an integer of more digits than Python prints
        return "a number of thousands of digits"
