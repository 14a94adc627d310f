"""The life of an alert: nothing → pending → firing → resolved, and again. Pure.

An episode is (fingerprint, starts_at), and its events' ids are made of that. So that an id never
stands for two different things:

- an episode does not begin in the window in which the last one ended, even if a revision of that
  window brings the condition back;
- its severity never changes. When a severer level holds, the episode ends and another begins; a
  milder one lets it go on as it is.
"""

from dataclasses import dataclass

import msgspec

from schemas.alerts import Severity, Status
from stream.alerting.evaluate import Observation
from stream.alerting.rules import SEVERITIES, Rule


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alert stands. Times are epoch ms of window ends.

    Attributes
    ----------
    status
        `pending`, `firing` or `resolved`.
    severity
        Of the level that held when it began.
    metric
        The figure that held when it began.
    at
        The newest window that was judged; older ones change nothing.
    starts_at
        End of the window in which the condition first held.
    fired_at
        End of the one in which `for` was met.
    ceased_at
        End of the first window of those since which it is over, while it is kept firing.
    ends_at
        End of the last episode, this one or the one before; None before the first.
    notified
        Whether somebody was told: not while the input is stale.
    """

    status: Status
    severity: Severity
    metric: str | None = None
    at: int
    starts_at: int
    fired_at: int | None = None
    ceased_at: int | None = None
    ends_at: int | None = None
    notified: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One event of an alert.

    Attributes
    ----------
    status : what it changed to
    episode : as it is after
    publish : whether it goes on the topic; not when only the notification was missing
    notify : whether it is told to people
    superseded : whether it is over only because a severer episode begins
    """

    status: Status
    episode: Episode
    publish: bool = True
    notify: bool = True
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What an observation does: the episode after it (None: nothing to remember), and events."""

    episode: Episode | None
    turns: tuple[Turn, ...] = ()


def advance(rule: Rule, before: Episode | None, seen: Observation, stale: bool) -> Change:
    """Take an alert one observation further.

    Parameters
    ----------
    rule : whose alert it is
    before : where it stands; None where nothing is known of it
    seen : what was seen now
    stale : whether what it rests on is old, as in a replay: then nobody is told

    Returns
    -------
    Change
        Equal to ``before``, without events, where the observation is older than what was judged.
    """
    if before is not None and seen.at_ms < before.at:
        return Change(before)
    if before is None or before.status is Status.RESOLVED:
        return _begin(rule, before, seen, stale)
    before = msgspec.structs.replace(before, at=seen.at_ms)
    if before.status is Status.PENDING:
        return _wait(rule, before, seen, stale)
    return _go_on(rule, before, seen, stale)


def _begin(rule: Rule, before: Episode | None, seen: Observation, stale: bool) -> Change:
    ended_at = None if before is None else before.ends_at
    cooling = ended_at is not None and (
        seen.at_ms <= ended_at or seen.at_ms < ended_at + rule.cooldown_ms
    )
    if not seen.holds or cooling:
        return Change(before)
    episode = Episode(
        status=Status.PENDING,
        severity=seen.severity,
        metric=seen.readings[0].metric if seen.readings else None,
        at=seen.at_ms,
        starts_at=seen.at_ms,
        ends_at=ended_at,
    )
    return _wait(rule, episode, seen, stale)


def _wait(rule: Rule, pending: Episode, seen: Observation, stale: bool) -> Change:
    """Fire when `for` is met; forget what ceased before, but not when the last episode ended."""
    if not seen.holds:
        if pending.ends_at is None:
            return Change(None)
        return Change(msgspec.structs.replace(pending, status=Status.RESOLVED))
    if seen.at_ms - pending.starts_at < rule.for_ms:
        return Change(pending)
    # The severity is that of now: a milder level may have been all there was at first.
    severity = max(pending.severity, seen.severity, key=SEVERITIES.index)
    fired = msgspec.structs.replace(
        pending,
        status=Status.FIRING,
        severity=severity,
        fired_at=seen.at_ms,
        ends_at=None,
        notified=not stale,
    )
    return Change(fired, (Turn(Status.FIRING, fired, notify=not stale),))


def _go_on(rule: Rule, firing: Episode, seen: Observation, stale: bool) -> Change:
    if not seen.clears:
        going_on = msgspec.structs.replace(firing, ceased_at=None)
        if (
            seen.holds
            and _severer(seen.severity, firing.severity)
            and seen.at_ms > firing.starts_at
        ):
            return _escalate(going_on, seen, stale)
        if seen.holds and not stale and not firing.notified:
            told = msgspec.structs.replace(going_on, notified=True)
            return Change(told, (Turn(Status.FIRING, told, publish=False),))
        return Change(going_on)
    ceased_at = seen.at_ms if firing.ceased_at is None else firing.ceased_at
    if seen.at_ms - ceased_at < rule.keep_firing_ms:
        return Change(msgspec.structs.replace(firing, ceased_at=ceased_at))
    over = _ended(firing, seen.at_ms)
    return Change(over, (Turn(Status.RESOLVED, over, notify=firing.notified),))


def _escalate(firing: Episode, seen: Observation, stale: bool) -> Change:
    over = _ended(firing, seen.at_ms)
    worse = Episode(
        status=Status.FIRING,
        severity=seen.severity,
        metric=seen.readings[0].metric if seen.readings else None,
        at=seen.at_ms,
        starts_at=seen.at_ms,
        fired_at=seen.at_ms,
        notified=not stale,
    )
    turns = (
        Turn(Status.RESOLVED, over, notify=firing.notified, superseded=True),
        Turn(Status.FIRING, worse, notify=not stale),
    )
    return Change(worse, turns)


def _ended(firing: Episode, at_ms: int) -> Episode:
    return msgspec.structs.replace(firing, status=Status.RESOLVED, ceased_at=None, ends_at=at_ms)


def _severer(one: Severity, other: Severity) -> bool:
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def retire(episode: Episode) -> Change:
    """End an alert whose rule is gone: nothing will ever tell that it is over."""
    if episode.status is Status.PENDING:
        return Change(None)
    if episode.status is Status.RESOLVED:
        return Change(episode)
    over = _ended(episode, episode.at)
    return Change(over, (Turn(Status.RESOLVED, over, notify=episode.notified),))
