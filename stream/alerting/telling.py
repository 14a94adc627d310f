"""How one channel is told of a group: the notifications of one conversation. Pure.

A conversation begins with a first notification, goes on with updates and repeats, and ends when
nothing in it fires. Channels that people read are told the worst few of many events, and how many
more there are; programs are told every event, in batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity
from schemas.notifications import Kind, Notification, notification_id
from stream.alerting.grouping import Conversation, Member, is_beginning
from stream.alerting.incidents import ranked_causes
from stream.alerting.severities import rank, worst
from stream.alerting.titles import first_of, title

FEW = 10
"""Up to so many, a program is sent one by one, unless its route groups them."""
BATCH = 100
"""Events in one notification to a program."""
SHOWN_MAX = 20
"""Events in one that people read; the rest is a number."""
RECHECK_MS = 10_000
"""How often what is muted is looked at again: a silence may have ended."""

News = Callable[[AlertEvent], str | None]


@dataclass(frozen=True, slots=True)
class Flushed:
    """What telling a channel of a group comes to.

    Attributes
    ----------
    conversation : after it
    members : that changed, by fingerprint; None is to be forgotten
    notifications : for the channel, in order
    due_ms : when to look at the group again; None is when something joins it
    """

    conversation: Conversation
    members: Mapping[str, Member | None]
    notifications: tuple[Notification, ...]
    due_ms: int | None


def flush(
    conversation: Conversation,
    members: Mapping[str, Member],
    now_ms: int,
    every_event: bool,
    is_muted: Callable[[AlertEvent], bool],
    news: News,
) -> Flushed:
    """Tell a channel what it is still to be told, and repeat what still fires when it is time.

    Parameters
    ----------
    conversation : as stored
    members : all alerts of the group, by fingerprint
    now_ms : wall clock
    every_event : whether the channel is given every event, in batches
    is_muted : whether an alert is kept quiet now
    news : what has changed about a model version, in words
    """
    teller = _Teller(conversation, dict(members), now_ms, every_event, news)
    waiting: dict[str, tuple[AlertEvent, ...]] = {}
    for of, member in members.items():
        left: Member | None = member
        if any(map(is_beginning, member.untold)):
            muted = is_muted(member.newest)
            left = _quieted(member) if muted else replace(member, muted=False)
        if left != member:
            teller.set(of, left)
        if left is not None and (told := left.untold[:-1] if left.muted else left.untold):
            waiting[of] = told
    waves = list(_waves(waiting))
    for wave, following in pairwise([*waves, []]):
        teller.tell(wave, goes_on=_goes_on(wave, following))
    teller.repeat(is_muted)
    return teller.flushed()


def _quieted(member: Member) -> Member | None:
    """Return what is left to tell of an alert that is muted: the end of what the channel knows.

    Its newest beginning is held back; what began and ended meanwhile nobody needs to hear of.
    """
    ends = member.untold[:1] if member.known is not None else ()
    held = member.untold[-1:] if is_beginning(member.newest) else ()
    if not ends and not held:
        return None
    return Member(member.known, (*ends, *held), muted=bool(held))


def _goes_on(wave: Sequence[AlertEvent], following: Sequence[AlertEvent]) -> bool:
    """Whether what ends in a wave goes on at once, as an alert does that becomes severer.

    That is one trouble. Episodes with a time between them are told as what they were, however late.
    """
    begin = {event.fingerprint: event.starts_at for event in following if is_beginning(event)}
    return any(
        event.ends_at is not None and begin.get(event.fingerprint) == event.ends_at
        for event in wave
    )


def _waves(waiting: Mapping[str, Sequence[AlertEvent]]) -> Iterator[list[AlertEvent]]:
    """Yield the first events of all alerts, then the second ones, and so on."""
    longest = max(map(len, waiting.values()), default=0)
    for number in range(longest):
        wave = [events[number] for events in waiting.values() if number < len(events)]
        yield sorted(wave, key=lambda event: (event.starts_at, event.fingerprint))


@dataclass(frozen=True, slots=True)
class _State:
    """What notifications say of everything that fires, made once for all of a batch."""

    firing: int
    most: AlertEvent | None
    severity: Severity
    cause: tuple[str, ...]
    incident: str | None


@dataclass(slots=True)
class _Teller:
    """Turns events into notifications and keeps count."""

    conversation: Conversation
    members: dict[str, Member]
    now_ms: int
    every_event: bool
    news: News
    changed: dict[str, Member | None] = field(default_factory=dict)
    made: list[Notification] = field(default_factory=list)

    def set(self, of: str, member: Member | None) -> None:
        """Change an alert of the group."""
        self.changed[of] = member
        if member is None:
            del self.members[of]
        else:
            self.members[of] = member

    def tell(self, wave: Sequence[AlertEvent], goes_on: bool) -> None:
        """Tell one event each of some alerts; `goes_on` where one that ends goes on at once."""
        now = self.conversation
        for event in wave:
            member = self.members[event.fingerprint]
            known = event if is_beginning(event) else None
            after = replace(member, known=known, untold=member.untold[1:])
            self.set(event.fingerprint, after if after.untold or known else None)
        firing = self._firing()
        kind = Kind.UPDATE if now.talks else Kind.FIRST
        kind = kind if firing or goes_on else Kind.RESOLVED
        over = kind is Kind.RESOLVED
        severity = worst((now.severity, *(event.severity for event in wave)))
        self.conversation = replace(now, severity=severity)
        self._make(kind, wave, firing)
        whole = not self.every_event or not now.talks
        self.conversation = replace(
            self.conversation,
            began_at=None if over else now.began_at if now.talks else self.now_ms,
            severity=Severity.INFO if over else severity,
            told_at=self.now_ms,
            whole_at=self.now_ms if whole else now.whole_at,
            updates=0 if over else now.updates + (kind is Kind.UPDATE),
            repeats=0 if over else now.repeats,
            firing=len(firing),
        )

    def repeat(self, is_muted: Callable[[AlertEvent], bool]) -> None:
        """Tell again what still fires, when it is time."""
        now = self.conversation
        if not now.talks or self.now_ms < self._repeated_ms():
            return
        firing = self._firing()
        heard = [event for event in firing if not is_muted(event)]
        self.conversation = replace(now, whole_at=self.now_ms)
        if heard:
            self.conversation = replace(
                self.conversation, told_at=self.now_ms, repeats=now.repeats + 1
            )
            self._make(Kind.REPEAT, heard, firing)

    def flushed(self) -> Flushed:
        """Return what it came to."""
        ending = sum(member.is_ending for member in self.members.values())
        self.conversation = replace(self.conversation, ending=ending)
        again = [self._repeated_ms()] if self.conversation.talks else []
        if any(member.untold for member in self.members.values()):
            again.append(self.now_ms + RECHECK_MS)
        due_ms = min(again, default=None)
        return Flushed(self.conversation, self.changed, tuple(self.made), due_ms)

    def _repeated_ms(self) -> int:
        whole_ms = min(self.conversation.whole_at, self.now_ms)  # the clock may have gone back
        return whole_ms + self.conversation.timing.repeat_ms

    def _firing(self) -> list[AlertEvent]:
        return [member.known for member in self.members.values() if member.known is not None]

    def _make(self, kind: Kind, events: Sequence[AlertEvent], firing: list[AlertEvent]) -> None:
        state = self._state(events, firing)
        if not self.every_event:
            shown = _worst_few(events)
            self._add(kind, shown, len(events) - len(shown), state)
            return
        together = self.conversation.timing.together or len(events) > FEW
        size = BATCH if together else 1
        batches = [events[at : at + size] for at in range(0, len(events), size)]
        for number, batch in enumerate(batches, start=1):
            part = Kind.UPDATE if kind is Kind.FIRST and number > 1 else kind
            part = Kind.UPDATE if kind is Kind.RESOLVED and number < len(batches) else part
            self._add(part, batch, 0, state)

    def _state(self, events: Sequence[AlertEvent], firing: list[AlertEvent]) -> _State:
        most = first_of(firing) if firing else None
        named = [event.incident for event in (*reversed(events), *firing) if event.incident]
        return _State(
            firing=len(firing),
            most=most,
            severity=self.conversation.severity if most is None else most.severity,
            cause=ranked_causes(firing, self._news_of(firing)) if firing else (),
            incident=named[0] if named else None,
        )

    def _add(self, kind: Kind, events: Sequence[AlertEvent], more: int, state: _State) -> None:
        now = self.conversation
        repeat = now.repeats if kind is Kind.REPEAT else 0
        self.made.append(
            Notification(
                id=notification_id(now.channel, now.key, [event.id for event in events], repeat),
                key=now.key,
                kind=kind,
                title=title(kind, events, state.most, state.firing, more, now.labels),
                severity=state.severity,
                events=tuple(events),
                more=more,
                firing=state.firing,
                cause=state.cause,
                labels=now.labels,
                incident=state.incident,
                at=self.now_ms,
                repeat=repeat,
            )
        )

    def _news_of(self, firing: Iterable[AlertEvent]) -> list[str]:
        versions = {event.labels.get("model_version"): event for event in firing}
        found = [self.news(event) for event in versions.values()]
        return [news for news in found if news is not None]


def _worst_few(events: Sequence[AlertEvent]) -> list[AlertEvent]:
    """Return the worst events, in the order in which they were."""
    if len(events) <= SHOWN_MAX:
        return list(events)
    ranked = sorted(range(len(events)), key=lambda at: (-rank(events[at].severity), at))
    return [events[at] for at in sorted(ranked[:SHOWN_MAX])]
