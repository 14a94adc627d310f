"""The windows of a model: as configured, and what that means."""

import msgspec

from schemas.durations import (
    EVERY_MS,
    WINDOW_MS_MAX,
    WINDOW_MS_MIN,
    Duration,
    default_every_ms,
    parse_duration_ms,
    window_name,
)

__all__ = ["WindowConfig", "WindowSpec", "window_spec"]


class WindowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window whose `every` is not the default.

    Attributes
    ----------
    size
        Its length, a duration from 1m to 30d.
    every
        How often it closes: 1m, 5m, 1h or 1d; it divides the size.
    """

    size: Duration
    every: Duration

    def __post_init__(self) -> None:
        window_spec(self)


class WindowSpec(msgspec.Struct, frozen=True, order=True):
    """What a configured window means.

    Attributes
    ----------
    size_ms
        Its length in milliseconds.
    every_ms
        How often it closes, in milliseconds.
    name
        Its canonical name.
    """

    size_ms: int
    every_ms: int
    name: str


def window_spec(entry: Duration | WindowConfig) -> WindowSpec:
    """Return what an entry of ``windows`` means.

    Raises
    ------
    ValueError
        For a size outside 1m to 30d, an `every` that is none, or one that does not divide the size.

    Examples
    --------
    >>> window_spec("24h")
    WindowSpec(size_ms=86400000, every_ms=3600000, name='1d')
    """
    size = entry if isinstance(entry, str) else entry.size
    size_ms = parse_duration_ms(size)
    if not WINDOW_MS_MIN <= size_ms <= WINDOW_MS_MAX:
        raise ValueError(f"window {size!r}: sizes go from 1m to 30d")
    if isinstance(entry, str):
        return WindowSpec(size_ms, default_every_ms(size_ms), window_name(size_ms))
    every_ms = parse_duration_ms(entry.every)
    if every_ms not in EVERY_MS:
        raise ValueError(f"window {size!r}: `every` is one of 1m, 5m, 1h, 1d, not {entry.every!r}")
    if size_ms % every_ms:
        raise ValueError(f"window {size!r}: `every` {entry.every!r} does not divide its size")
    return WindowSpec(size_ms, every_ms, window_name(size_ms))
