"""Silences: which alerts one keeps quiet, from when until when, and what makes a sound one. Pure.

A silence is about labels of alerts, and about `rule` and `severity` as if they were labels. It
keeps people from being told; the alerts themselves come and go as ever. What ended stays on the
topic for some days, as in Alertmanager, so that one can see who silenced what.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from schemas.alerts import AlertEvent
from schemas.names import NAME_PATTERN
from schemas.rules import SilenceConfig
from schemas.timestamps import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN
from stream.alerting.figures import matches_all
from stream.reading.times import moment_text

USUAL_LABELS = (
    "rule",
    "severity",
    "model_name",
    "model_version",
    "window",
    "segment",
    "feature",
    "namespace",
)
"""What can be matched in alerts of our own; alerts from elsewhere may have other labels."""

KEPT_MS = 5 * 86_400_000
"""How long an ended silence can still be looked up; 120 h, as Alertmanager keeps them."""

MATCHERS_MAX = 20
VALUE_CHARACTERS_MAX = 1_000
COMMENT_CHARACTERS_MAX = 2_000
"""Far beyond what a person writes; a silence is looked at for every notification."""

_ID_BYTES = 5  # ten digits: short enough to copy by hand, and no two alike in a lifetime
_LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


class State(StrEnum):
    """Where a silence stands."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Authors:
    """Who made a silence, and who changed or ended it last; None where the record does not say.

    Attributes
    ----------
    created_by, created_at : of the oldest record that the topic has of it; times in RFC 3339
    changed_by, changed_at : of the newest
    """

    created_by: str | None = None
    created_at: str | None = None
    changed_by: str | None = None
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSilence:
    """A silence on the topic, and whose it is."""

    silence: SilenceConfig
    authors: Authors


def authors_after(before: Authors | None, who: str | None, when: str | None) -> Authors:
    """Return whose a silence is after one more record of it; None is before the first."""
    if before is None:
        return Authors(who, when, who, when)
    return Authors(before.created_by, before.created_at, who, when)


def state(silence: SilenceConfig, now_ms: int) -> State:
    """Return where a silence stands; it is active from its start on, up to its end.

    Examples
    --------
    >>> one = SilenceConfig(id="a", match={"rule": "latency"}, starts_at=10, ends_at=20)
    >>> [state(one, now_ms).value for now_ms in (9, 10, 19, 20)]
    ['pending', 'active', 'active', 'expired']
    """
    if now_ms < silence.starts_at:
        return State.PENDING
    return State.ACTIVE if now_ms < silence.ends_at else State.EXPIRED


def is_about(silence: SilenceConfig, alert: AlertEvent) -> bool:
    """Whether all matchers of a silence fit an alert, whatever the time."""
    return matches_all(
        silence.match, {**alert.labels, "rule": alert.rule, "severity": alert.severity.value}
    )


def silencing(
    alert: AlertEvent, silences: Iterable[SilenceConfig], now_ms: int
) -> SilenceConfig | None:
    """Return the silence that keeps an alert quiet now.

    Parameters
    ----------
    alert : of which nobody may have to be told
    silences : all that there are, in any order
    now_ms : wall clock

    Returns
    -------
    None where there is none; of several, the one that ends last, and of those the first by id.
    """
    found = [
        silence
        for silence in silences
        if state(silence, now_ms) is State.ACTIVE and is_about(silence, alert)
    ]
    return min(found, key=lambda silence: (-silence.ends_at, silence.id), default=None)


def make_id(random_bytes: Callable[[int], bytes]) -> str:
    """Make an id of as many random bytes as it takes.

    Examples
    --------
    >>> make_id(lambda count: bytes(range(count)))
    '0001020304'
    """
    return random_bytes(_ID_BYTES).hex()


def make_silence(
    *,
    id_: str,
    match: Mapping[str, str],
    starts_at: int,
    ends_at: int,
    comment: str,
    now_ms: int,
    everything: bool = False,
) -> SilenceConfig:
    """Make a silence that does what its maker means by it.

    Parameters
    ----------
    id_ : by which it is ended; a silence of the same id is replaced
    match : label to value, ``*`` allowed
    starts_at, ends_at : epoch ms
    comment : why
    now_ms : wall clock
    everything : whether all matchers may be ``*``

    Raises
    ------
    ValueError
        For what is none, would quiet nothing, or would quiet everything unasked.
    """
    _check_match(match, everything)
    if re.fullmatch(NAME_PATTERN, id_) is None:
        raise ValueError(f"{id_!r} is no id: use 1 to 128 of A-Z a-z 0-9 . _ -")
    if len(comment) > COMMENT_CHARACTERS_MAX:
        raise ValueError(f"the comment has more than {COMMENT_CHARACTERS_MAX:,} characters")
    for name, at in (("starts_at", starts_at), ("ends_at", ends_at)):
        if not TIMESTAMP_MS_MIN <= at <= TIMESTAMP_MS_MAX:
            raise ValueError(f"{name} {at} is no time of these centuries in epoch ms")
    if ends_at <= starts_at:
        raise ValueError(
            f"its end ({moment_text(ends_at)}) is not after its start ({moment_text(starts_at)})"
        )
    if ends_at <= now_ms:
        raise ValueError(f"it has ended already ({moment_text(ends_at)}): give a later end")
    return SilenceConfig(
        id=id_, match=dict(match), starts_at=starts_at, ends_at=ends_at, comment=comment
    )


def check_silence(silence: SilenceConfig) -> None:
    """Check a silence that was read: that its times can be shown, whoever wrote them.

    Raises
    ------
    ValueError
        When they can't.
    """
    if silence.starts_at < 0 or silence.ends_at > TIMESTAMP_MS_MAX:
        raise ValueError(f"silence {silence.id!r}: its times are none of these centuries in ms")


def _check_match(match: Mapping[str, str], everything: bool) -> None:
    if not match:
        raise ValueError("a silence needs a matcher, such as rule=latency or model_name=credit")
    if len(match) > MATCHERS_MAX:
        raise ValueError(f"a silence has {MATCHERS_MAX} matchers at most")
    for name, value in match.items():
        if _LABEL_NAME.fullmatch(name) is None:
            raise ValueError(
                f"{name!r} is no name of a label: a matcher is NAME=VALUE, where * stands for any"
                " characters"
            )
        if not value:
            raise ValueError(f"{name} matches no value: give one, or *")
        if len(value) > VALUE_CHARACTERS_MAX:
            raise ValueError(f"{name} has more than {VALUE_CHARACTERS_MAX:,} characters")
    if not everything and not any(value.strip("*") for value in match.values()):
        raise ValueError(
            "every matcher is *, which quiets all alerts that have these labels: narrow one, or"
            " say `everything`"
        )


def ended(silence: SilenceConfig, now_ms: int) -> SilenceConfig:
    """Return a silence as it is when it is ended now; one that has ended stays as it is.

    One that never began gets the millisecond before: a record can't end before it starts.
    """
    if state(silence, now_ms) is State.EXPIRED:
        return silence
    starts_at = min(silence.starts_at, now_ms - 1)
    return msgspec.structs.replace(silence, starts_at=starts_at, ends_at=now_ms)


def outdated_silences(silences: Iterable[SilenceConfig], now_ms: int) -> list[SilenceConfig]:
    """Return the silences that ended longer ago than they are kept, by id."""
    found = [silence for silence in silences if now_ms - silence.ends_at > KEPT_MS]
    return sorted(found, key=lambda silence: silence.id)


def document(stored: StoredSilence, now_ms: int) -> dict[str, Any]:
    """Write a silence for programs: the record's fields, its state and whose it is."""
    authors = stored.authors
    return {
        **msgspec.to_builtins(stored.silence),
        "state": state(stored.silence, now_ms).value,
        "created_by": authors.created_by,
        "created_at": authors.created_at,
        "changed_by": authors.changed_by,
        "changed_at": authors.changed_at,
    }


def in_order(silences: Iterable[StoredSilence], now_ms: int) -> list[StoredSilence]:
    """Sort silences for reading: those in force, then those to come, then those that ended."""
    states = (State.ACTIVE, State.PENDING, State.EXPIRED)

    def place(stored: StoredSilence) -> tuple[int, int, str]:
        silence = stored.silence
        of = states.index(state(silence, now_ms))
        at = -silence.ends_at if states[of] is State.EXPIRED else silence.ends_at
        return of, at, silence.id

    return sorted(silences, key=place)
