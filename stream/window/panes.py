"""Panes: the pieces of event time that windows are sums of.

Panes are 1m, 5m, 1h and 1d long and aligned to the epoch. An event lies in exactly one pane. A pane
is rolled into the next size once no window needs it on its own any more, so a model version keeps
about a hundred panes however much traffic it has.
"""

from typing import NamedTuple

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
TIERS_MS: tuple[int, ...] = (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS)


class PaneId(NamedTuple):
    """A pane: its length and its start, both in ms."""

    tier_ms: int
    start_ms: int

    @property
    def end_ms(self) -> int:
        """First ms after the pane."""
        return self.start_ms + self.tier_ms

    def member(self) -> str:
        """Name of the pane in the pane index and in its key."""
        return f"{self.tier_ms}:{self.start_ms}"

    @classmethod
    def parse(cls, member: str) -> "PaneId":
        """Read what :meth:`member` wrote."""
        tier, start = member.split(":")
        return cls(int(tier), int(start))

    def parent(self) -> "PaneId | None":
        """Pane of the next size that this one rolls into; None for the largest."""
        position = TIERS_MS.index(self.tier_ms)
        if position + 1 == len(TIERS_MS):
            return None
        tier_ms = TIERS_MS[position + 1]
        return PaneId(tier_ms, floor_to(self.start_ms, tier_ms))


def floor_to(time_ms: int, step_ms: int) -> int:
    """Largest multiple of ``step_ms`` that is not after ``time_ms``."""
    return time_ms - time_ms % step_ms


def ceil_to(time_ms: int, step_ms: int) -> int:
    """Smallest multiple of ``step_ms`` that is not before ``time_ms``."""
    return -(-time_ms // step_ms) * step_ms
