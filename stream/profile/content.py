"""What a profile holds: counts, what they were counted with, and where they come from."""

import itertools

import msgspec

from schemas.baselines import Baseline
from schemas.canonical import sha256_of
from schemas.models import ModelConfig
from schemas.names import Name
from stream.state.codec import LAYOUT_VERSION

PARTS_MAX = 10_000
"""Windows in one profile: more than a year of hours."""


class Part(msgspec.Struct, frozen=True, kw_only=True, order=True, forbid_unknown_fields=True):
    """One exported window.

    Attributes
    ----------
    start_ms, end_ms
        Its event time, epoch ms.
    id
        SHA-256 of what was exported, so that nothing is added twice.
    events
        Accepted ones.
    seen_until_ms
        Event time up to which it was counted: before its end where it was still open.
    complete
        Whether all of that was seen.
    """

    start_ms: int
    end_ms: int
    id: str
    events: int
    seen_until_ms: int
    complete: bool


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One or more windows of a model version, added up.

    Attributes
    ----------
    layout
        Of the rows.
    model_name, model_version
        Whose.
    parts
        Windows it is made of, ascending.
    named
        Whether it holds names that came with events: categories, words, types of errors, tags.
    grid
        What the counts of features lie under; null without a baseline.
    baseline
        What the newest part was counted with.
    config
        The model's configuration when the newest part was exported.
    rows
        Counts by name, in the layout of a pane (`stream.state.codec`).
    """

    layout: int = LAYOUT_VERSION
    model_name: Name
    model_version: Name
    parts: tuple[Part, ...]
    named: bool
    grid: str | None
    baseline: Baseline | None
    config: ModelConfig
    rows: dict[str, bytes]

    @property
    def start_ms(self) -> int:
        """Start of the earliest part."""
        return min(part.start_ms for part in self.parts)

    @property
    def end_ms(self) -> int:
        """End of the latest part."""
        return max(part.end_ms for part in self.parts)


def newest(profile: Profile) -> tuple[int, int, str]:
    """Order profiles by whose baseline and configuration hold for their sum."""
    end_ms, start_ms = max((part.end_ms, part.start_ms) for part in profile.parts)
    return end_ms, start_ms, sha256_of([profile.baseline, profile.config])


def overlaps(parts: tuple[Part, ...]) -> bool:
    """Whether two parts cover the same time.

    Parts of two systems that share the traffic do, rightly; those of one system count it twice.
    """
    ordered = sorted(parts)
    return any(a.end_ms > b.start_ms for a, b in itertools.pairwise(ordered))


def covered_ms(parts: tuple[Part, ...]) -> int:
    """Length of the time that was seen, each moment once."""
    total, until_ms = 0, 0
    for part in sorted(parts):
        end_ms = min(part.end_ms, part.seen_until_ms)
        total += max(0, end_ms - max(part.start_ms, until_ms))
        until_ms = max(until_ms, end_ms)
    return total
