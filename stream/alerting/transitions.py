"""The life of an alert: nothing → pending → firing → resolved, and again. Pure.

An episode is (fingerprint, starts_at), and its events' ids are made of that. So that an id never
stands for two different things:

- an episode does not begin in the window in which the last one ended, even if a revision of that
  window brings the condition back;
- its severity never changes. When a severer level holds, the episode ends and another begins; a
  milder one lets it go on as it is;
- an episode about an absent figure goes by another clock, whose times are no window's end, so the
  two kinds keep apart what each has used.
"""

from dataclasses import dataclass

import msgspec

from schemas.alerts import Severity, Status
from stream.alerting.evaluate import Observation
from stream.alerting.rules import Rule
from stream.alerting.severities import rank, worst


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alert stands. Times are epoch ms of window ends.

    Attributes
    ----------
    status
        `pending`, `firing`, `no_data` or `resolved`.
    severity
        Of the level that held when it began.
    metric
        The figure that held when it began.
    at
        The newest window that was judged; older ones change nothing. 0 before the first.
    starts_at
        End of the window in which the condition first held.
    fired_at
        End of the one in which `for` was met.
    ceased_at
        End of the first window of those since which it is over, while it is kept firing.
    ends_at
        When it was over; None until then.
    barred_to
        Until which window no other episode begins: the last one began or ended in it.
    missed_to
        The same for episodes about an absent figure, by their clock.
    notified
        Whether somebody was told: not while the input is stale.
    no_data
        Whether it is about a figure that is absent. Its times then follow the wall clock, from the
        last window that had the figure.
    """

    status: Status
    severity: Severity
    metric: str | None = None
    at: int
    starts_at: int
    fired_at: int | None = None
    ceased_at: int | None = None
    ends_at: int | None = None
    barred_to: int | None = None
    missed_to: int | None = None
    notified: bool = False
    no_data: bool = False


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
    if before is not None and before.no_data and before.status is not Status.RESOLVED:
        return _without_data(rule, before, seen, stale)
    if before is not None and seen.at_ms < before.at:
        return Change(before)
    if before is None or before.status is Status.RESOLVED:
        return _begin(rule, before, seen, stale)
    if seen.no_data:
        return _go_missing(rule, before, seen, stale)
    before = msgspec.structs.replace(before, at=seen.at_ms)
    if before.status is Status.PENDING:
        return _wait(rule, before, seen, stale)
    return _go_on(rule, before, seen, stale)


def _begin(rule: Rule, before: Episode | None, seen: Observation, stale: bool) -> Change:
    if not seen.holds or (before is not None and _is_barred(rule, before, seen)):
        return Change(before)
    judged_to = 0 if before is None else before.at
    episode = Episode(
        status=Status.PENDING,
        severity=seen.severity,
        metric=seen.readings[0].metric if seen.readings else None,
        at=judged_to if seen.no_data else seen.at_ms,
        starts_at=seen.at_ms,
        barred_to=None if before is None else before.barred_to,
        missed_to=None if before is None else before.missed_to,
        no_data=seen.no_data,
    )
    return _wait(rule, episode, seen, stale)


def _is_barred(rule: Rule, before: Episode, seen: Observation) -> bool:
    """Whether it is too early for another episode.

    That data are back is no reason to wait: what was missing bars only what is missing again.
    """
    bars = [before.barred_to, before.missed_to] if seen.no_data else [before.barred_to]
    return any(
        seen.at_ms <= to or seen.at_ms < to + rule.cooldown_ms for to in bars if to is not None
    )


def _without_data(rule: Rule, before: Episode, seen: Observation, stale: bool) -> Change:
    """Take an alert about an absent figure further; where the figure is back, it is over."""
    pending = before.status is Status.PENDING
    if seen.no_data:
        return _wait(rule, before, seen, stale) if pending else Change(before)
    if pending:
        idle = _idle(before)
        idle = None if idle is None else msgspec.structs.replace(idle, at=seen.at_ms)
        return _begin(rule, idle, seen, stale)
    over = _ended(before, max(seen.at_ms, before.starts_at))
    over = msgspec.structs.replace(over, at=seen.at_ms)
    next_ = _begin(rule, over, seen, stale)
    return Change(
        next_.episode, (Turn(Status.RESOLVED, over, notify=before.notified), *next_.turns)
    )


def _go_missing(rule: Rule, before: Episode, seen: Observation, stale: bool) -> Change:
    """Take an alert further whose figure is absent now: that tells nothing of a real trouble."""
    if before.status is Status.PENDING:  # whether it holds still nobody can say
        return _begin(rule, _idle(before), seen, stale)
    return _go_on(rule, before, seen, stale) if seen.clears else Change(before)


def _wait(rule: Rule, pending: Episode, seen: Observation, stale: bool) -> Change:
    """Fire when `for` is met; forget what ceased before, but not when the last episode ended."""
    if not seen.holds:
        return Change(_idle(pending))
    if seen.at_ms - pending.starts_at < rule.for_ms:
        return Change(pending)
    # The severity is that of now: a milder level may have been all there was at first.
    severity = worst((pending.severity, seen.severity))
    status = Status.NO_DATA if pending.no_data else Status.FIRING
    fired = msgspec.structs.replace(
        pending,
        status=status,
        severity=severity,
        fired_at=seen.at_ms,
        notified=not stale,
    )
    return Change(fired, (Turn(status, fired, notify=not stale),))


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
    ceased_at = seen.at_ms if firing.ceased_at is None else min(firing.ceased_at, seen.at_ms)
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
        missed_to=firing.missed_to,
        notified=not stale,
    )
    turns = (
        Turn(Status.RESOLVED, over, notify=firing.notified, superseded=True),
        Turn(Status.FIRING, worse, notify=not stale),
    )
    return Change(worse, turns)


def _ended(firing: Episode, at_ms: int) -> Episode:
    over = msgspec.structs.replace(firing, status=Status.RESOLVED, ceased_at=None, ends_at=at_ms)
    if firing.no_data:
        return msgspec.structs.replace(over, no_data=False, missed_to=at_ms)
    return msgspec.structs.replace(over, barred_to=max(firing.at, firing.starts_at))


def _idle(pending: Episode) -> Episode | None:
    """Return what stays of what came to nothing: when the last episodes were; None without any."""
    if pending.barred_to is None and pending.missed_to is None:
        return None
    return msgspec.structs.replace(pending, status=Status.RESOLVED, no_data=False)


def _severer(one: Severity, other: Severity) -> bool:
    return rank(one) > rank(other)


def retire(episode: Episode, at_ms: int | None = None) -> Change:
    """End an alert of which nothing will ever tell that it is over: its rule is gone, say.

    Parameters
    ----------
    episode : where it stands
    at_ms : when it is over; None is when it was last judged
    """
    if episode.status is Status.PENDING:
        return Change(_idle(episode))
    if episode.status is Status.RESOLVED:
        return Change(episode)
    over = _ended(episode, max(at_ms or episode.at, episode.at, episode.starts_at))
    return Change(over, (Turn(Status.RESOLVED, over, notify=episode.notified),))
