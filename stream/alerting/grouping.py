"""One group of alerts, and what one channel is still to be told of it. Pure.

A group is what one channel is told together: the alerts that agree in some labels. Every event is
told once: the beginning of an episode, unless it is muted, and its end, where the beginning was
told. How it is told: `stream.alerting.telling`.
"""

import msgspec
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity, Status, alert_id
from stream.alerting.routing import Destination, Timing
from stream.alerting.severities import worst

UNTOLD_MAX = 100
"""Beyond it, whole episodes of one alert that nobody was told of are passed over, oldest first."""


class Member(msgspec.Struct, frozen=True):
    """An alert in a group.

    Attributes
    ----------
    known
        What the channel, as far as it was told, knows as firing; None where that is nothing.
    untold
        Events that it is still to be told, in order: beginnings and ends by turns, an end first
        where something is known.
    muted
        Whether the newest beginning was kept quiet when last looked at.
    """

    known: AlertEvent | None = None
    untold: tuple[AlertEvent, ...] = ()
    muted: bool = False

    @property
    def newest(self) -> AlertEvent:
        """The newest event."""
        newest = self.untold[-1] if self.untold else self.known
        assert newest is not None, "an alert of which all is told and nothing fires is forgotten"
        return newest

    @property
    def is_ending(self) -> bool:
        """Whether the channel knows it as firing, and it is over."""
        return self.known is not None and not is_beginning(self.newest)


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel was told of a group. Times are wall clock, ms.

    Attributes
    ----------
    channel
        Its name.
    labels
        What the alerts of the group have in common.
    timing
        When it is told.
    key
        Its name for channels that deduplicate: the same from one conversation to the next.
    began_at
        When the channel was first told of what, as far as it knows, goes on; None where nothing is.
    told_at
        When it was last told; 0 before.
    whole_at
        When it was last told of all that fires; the repeat interval counts from there. An update
        tells people enough; a program that is told every event learns nothing of the others by it.
    updates, repeats
        How many there were since it began.
    severity
        The worst that fired since it began.
    firing
        How many alerts the channel knows as firing.
    ending
        How many of these are over, which it is still to be told.
    unknown_since
        When a process first looked at it that knows no such channel, and none since that does.
    """

    channel: str
    labels: dict[str, str]
    timing: Timing
    key: str
    began_at: int | None = None
    told_at: int = 0
    whole_at: int = 0
    updates: int = 0
    repeats: int = 0
    severity: Severity = Severity.INFO
    firing: int = 0
    ending: int = 0
    unknown_since: int | None = None

    @property
    def talks(self) -> bool:
        """Whether the channel knows of something that goes on."""
        return self.began_at is not None


def is_beginning(event: AlertEvent) -> bool:
    """Whether an event begins an episode; the others end one."""
    return event.status is not Status.RESOLVED


def end_of(beginning: AlertEvent) -> AlertEvent:
    """Make the end of an episode whose own end is not to be had; it has the same id."""
    return replace(
        beginning,
        id=alert_id(beginning.fingerprint, beginning.starts_at, Status.RESOLVED),
        status=Status.RESOLVED,
        ends_at=beginning.fired_at,
        summary=f"over: {beginning.summary}",
    )


def begin(destination: Destination) -> Conversation:
    """Return a conversation in which nothing was said yet."""
    return Conversation(
        channel=destination.channel,
        labels=dict(destination.labels),
        timing=destination.timing,
        key=destination.key,
    )


def join(member: Member | None, event: AlertEvent) -> Member | None:
    """Take an event into a group.

    Parameters
    ----------
    member : the alert as the group knows it; None where it does not
    event : with `silenced_by` and `inhibited_by` as they are now

    Returns
    -------
    Member or None
        None where the alert is to be forgotten: it is over, and nobody was told that it began.

    Notes
    -----
    Where the end comes of what the group never saw begin, Redis was lost since, so it is told.
    Where the end of an episode is missing, for the same reason, it is made.
    """
    if member is None:
        return _joined_anew(event)
    if any(event.id == one.id for one in (member.known, *member.untold) if one is not None):
        return member
    begins, newest = is_beginning(event), member.newest
    if is_beginning(newest):
        ends_it = not begins and event.starts_at == newest.starts_at
        after = _ended(member, event if ends_it else end_of(newest))
        return _begun(after, event) if begins else after
    return _begun(member, event) if begins else member


def joined(conversation: Conversation, before: Member | None, after: Member | None) -> Conversation:
    """Count what an event changed: how many alerts are about to end."""
    unknown = before is None and after is not None and after.known is not None
    was = before is not None and before.is_ending
    now = after is not None and after.is_ending
    return replace(
        conversation,
        firing=conversation.firing + int(unknown),
        ending=conversation.ending + int(now) - int(was),
    )


def rejoined(conversation: Conversation, event: AlertEvent, now_ms: int) -> Conversation:
    """Count an alert that a channel was told of before Redis lost it; its conversation goes on."""
    talked = conversation.talks
    return replace(
        conversation,
        began_at=conversation.began_at if talked else now_ms,
        told_at=conversation.told_at if talked else now_ms,
        whole_at=conversation.whole_at if talked else now_ms,
        severity=worst((conversation.severity, event.severity)),
        firing=conversation.firing + 1,
    )


def due_ms(conversation: Conversation, now_ms: int) -> int:
    """Return when a group that has something to tell is told it."""
    timing = conversation.timing
    if not conversation.talks:
        return now_ms + timing.wait_ms
    interval_ms = timing.interval_ms
    if conversation.ending < conversation.firing:  # that all is over is told soon
        grown_ms = interval_ms * 2 ** min(conversation.updates, 16)
        interval_ms = max(interval_ms, min(grown_ms, timing.interval_ms_max))
    told_ms = min(conversation.told_at, now_ms)  # the clock may have gone back since
    return max(now_ms, told_ms + interval_ms)


def _joined_anew(event: AlertEvent) -> Member:
    return _begun(None, event) if is_beginning(event) else Member(event, (event,))


def _begun(member: Member | None, event: AlertEvent) -> Member:
    """Take a beginning where nothing fires; beyond the bound, pass over what nobody was told of."""
    known, untold = (None, ()) if member is None else (member.known, member.untold)
    untold = (*untold, event)
    first = 0 if known is None else 1  # an end whose beginning was told is not passed over
    while len(untold) > UNTOLD_MAX:
        untold = (*untold[:first], *untold[first + 2 :])
    return Member(known, untold, event.silenced_by is not None or event.inhibited_by is not None)


def _ended(member: Member, end: AlertEvent) -> Member | None:
    """Take the end of what fires; what was quiet from its beginning on goes as it came."""
    quiet = member.muted and bool(member.untold)
    untold = member.untold[:-1] if quiet else (*member.untold, end)
    return Member(member.known, untold) if untold or member.known is not None else None
