"""Durations as text, and the names of windows."""

import re
from typing import Annotated

from msgspec import Meta

__all__ = [
    "EVERY_MS",
    "WINDOW_MS_MAX",
    "WINDOW_MS_MIN",
    "Duration",
    "default_every_ms",
    "duration_text",
    "parse_duration_ms",
    "window_name",
]

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NAMING_UNITS = ("d", "h", "m", "s")
_DURATION_PATTERN = r"\A([0-9]{1,15})(ms|s|m|h|d)\Z"
_DURATION = re.compile(_DURATION_PATTERN)

Duration = Annotated[str, Meta(extra_json_schema={"pattern": _DURATION_PATTERN})]
"""A duration as text. The pattern is for the published schemas: `parse_duration_ms` says more."""

EVERY_MS = (60_000, 300_000, 3_600_000, 86_400_000)
"""The sizes of panes, 1m 5m 1h 1d: a window closes every one of them."""

WINDOW_MS_MIN = 60_000
"""The smallest pane is the smallest window."""

WINDOW_MS_MAX = 30 * 86_400_000
"""30 days: what panes of one day cover within the memory bound."""


def parse_duration_ms(text: str) -> int:
    """Read a duration such as ``24h``.

    Parameters
    ----------
    text
        A whole number and one of the units ``ms s m h d``.

    Returns
    -------
    int
        Milliseconds.

    Raises
    ------
    ValueError
        For any other text.

    Examples
    --------
    >>> parse_duration_ms("24h"), parse_duration_ms("0s")
    (86400000, 0)
    """
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; write a whole number and ms, s, m, h or d")
    return int(match[1]) * _UNITS_MS[match[2]]


def duration_text(span_ms: int) -> str:
    """Write a duration as `parse_duration_ms` reads it, in the largest unit that divides it.

    Examples
    --------
    >>> [duration_text(parse_duration_ms(text)) for text in ("90m", "3600s", "0s", "1500ms")]
    ['90m', '1h', '0s', '1500ms']
    """
    if not span_ms:
        return "0s"
    return f"{span_ms}ms" if span_ms % _UNITS_MS["s"] else window_name(span_ms)


def window_name(size_ms: int) -> str:
    """Name a window by the largest of ``d h m s`` that divides its size.

    Parameters
    ----------
    size_ms
        Whole seconds, in milliseconds, positive.

    Returns
    -------
    str
        The canonical name.

    Raises
    ------
    ValueError
        For a size that is not a positive number of whole seconds.

    Examples
    --------
    >>> [window_name(parse_duration_ms(text)) for text in ("24h", "90m", "3600s")]
    ['1d', '90m', '1h']
    """
    if size_ms > 0:
        for unit in _NAMING_UNITS:
            if size_ms % _UNITS_MS[unit] == 0:
                return f"{size_ms // _UNITS_MS[unit]}{unit}"
    raise ValueError(f"a window of {size_ms} ms has no name; sizes are whole seconds above 0")


def default_every_ms(size_ms: int) -> int:
    """Return how often a window of this size closes unless configured.

    1m for sizes to 5m, 5m to 1h, 1h to 1d, 1d above. Where that does not divide the size, so that
    no number of panes would make a window, it is the next smaller one that does.

    Parameters
    ----------
    size_ms
        Whole minutes, in milliseconds, positive.

    Returns
    -------
    int
        One of `EVERY_MS`.

    Raises
    ------
    ValueError
        For a size that is not a positive number of whole minutes.

    Examples
    --------
    >>> [default_every_ms(parse_duration_ms(text)) // 60_000 for text in ("5m", "1h", "1d", "7d")]
    [1, 5, 60, 1440]
    >>> default_every_ms(parse_duration_ms("90m")) // 60_000
    5
    """
    if size_ms <= 0 or size_ms % EVERY_MS[0]:
        raise ValueError(f"a window of {size_ms} ms can't close; sizes are whole minutes above 0")
    minute, five_minutes, hour, day = EVERY_MS
    if size_ms <= five_minutes:
        wanted = minute
    elif size_ms <= hour:
        wanted = five_minutes
    else:
        wanted = hour if size_ms <= day else day
    return max(every for every in EVERY_MS if every <= wanted and size_ms % every == 0)
