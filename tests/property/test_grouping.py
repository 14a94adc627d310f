"""What a channel is told of a group: all of it, once, in order, whatever is muted in between."""

from itertools import pairwise
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from schemas.notifications import Kind, Notification
from stream.alerting.grouping import Member, begin, due_ms, is_beginning, join, joined
from stream.alerting.routing import FOR_PEOPLE, FOR_PROGRAMS, Destination, Timing
from stream.alerting.telling import RECHECK_MS, flush

NAMES = ["a", "b", "c"]
T0 = 1_790_002_800_000
TIMINGS = [FOR_PEOPLE, FOR_PROGRAMS, Timing(wait_ms=30_000, interval_ms=60_000, repeat_ms=200_000)]

# An alert begins, or ends if it has begun; as bad as that.
EVENTS = st.tuples(
    st.just("event"),
    st.sampled_from(NAMES),
    st.sampled_from([Status.FIRING, Status.FIRING, Status.NO_DATA]),
    st.sampled_from([Severity.WARNING, Severity.ERROR]),
)
# One that fires gets severer: it ends, and goes on at once.
WORSE = st.tuples(st.just("worse"), st.sampled_from(NAMES))
MUTES = st.tuples(st.just("mute"), st.sampled_from(NAMES))
PASSES = st.tuples(st.just("pass"), st.integers(0, 100_000))
STEPS = st.lists(EVENTS | EVENTS | WORSE | MUTES | PASSES, max_size=60)
CHANNELS = st.tuples(st.booleans(), st.sampled_from(TIMINGS))


class Group:
    """A group in memory, as the relay keeps it, and a book of what must be true of it."""

    def __init__(self, every_event: bool, timing: Timing) -> None:
        self.every_event = every_event
        self.conversation = begin(Destination("box", {"model_name": "credit"}, timing, "key"))
        self.members: dict[str, Member] = {}
        self.due: int | None = None
        self.now_ms = T0
        self.muted: set[str] = set()
        self.last: dict[str, AlertEvent] = {}
        self.told: list[Notification] = []
        self.firing: dict[str, AlertEvent] = {}  # as the channel knows it
        self.talks = False
        self.quiet: set[tuple[str, int]] = set()  # episodes that were muted at any time

    def take(self, kind: str, *rest: Any) -> None:
        if kind == "event":
            self._event(*rest)
        elif kind == "worse":
            self._worse(*rest)
        elif kind == "mute":
            self.muted ^= {rest[0]}
            self._note_quiet()
        else:
            self._pass(rest[0])
        self._check_counts()

    def _note_quiet(self) -> None:
        untold = [event for one in self.members.values() for event in one.untold]
        for one in (*self.last.values(), *untold):
            if one.rule in self.muted:
                self.quiet.add((one.fingerprint, one.starts_at))

    def _worse(self, name: str) -> None:
        last = self.last.get(name)
        if last is not None and is_beginning(last):
            self._event(name, Status.FIRING, Severity.ERROR)
            self.now_ms -= 1
            self._event(name, Status.FIRING, Severity.CRITICAL)

    def _event(self, name: str, status: Status, severity: Severity) -> None:
        labels = {"model_name": "credit", "feature": name}
        of, last = fingerprint(name, labels), self.last.get(name)
        over = last is None or last.status is Status.RESOLVED
        self.now_ms += 1
        starts_at = self.now_ms if over or last is None else last.starts_at
        status = status if over else Status.RESOLVED
        made = AlertEvent(
            id=alert_id(of, starts_at, status),
            fingerprint=of,
            status=status,
            severity=severity if last is None or over else last.severity,
            rule=name,
            labels=labels,
            summary=f"{name} is {status}",
            starts_at=starts_at,
            fired_at=starts_at,
            ends_at=self.now_ms if status is Status.RESOLVED else None,
        )
        self.last[name] = made
        self._note_quiet()
        silenced_by = "s" if name in self.muted else None
        self.join(replace(made, silenced_by=silenced_by))

    def join(self, one: AlertEvent) -> None:
        before = self.members.get(one.fingerprint)
        after = join(before, one)
        self.conversation = joined(self.conversation, before, after)
        if after is None:
            self.members.pop(one.fingerprint, None)
        else:
            self.members[one.fingerprint] = after
            if after.untold:
                due = due_ms(self.conversation, self.now_ms)
                self.due = due if self.due is None else min(due, self.due)

    def _pass(self, span_ms: int) -> None:
        """Let time go by; the group is looked at when it is due."""
        until_ms = self.now_ms + span_ms
        while self.due is not None and self.due <= until_ms:
            self.now_ms = max(self.now_ms, self.due)
            self.flush()
        self.now_ms = until_ms

    def flush(self) -> None:
        flushed = flush(
            self.conversation,
            self.members,
            self.now_ms,
            self.every_event,
            lambda one: one.rule in self.muted,
            lambda _: None,
        )
        self.conversation, self.due = flushed.conversation, flushed.due_ms
        for of, member in flushed.members.items():
            if member is None:
                del self.members[of]
            else:
                self.members[of] = member
        for one in flushed.notifications:
            self._hear(one)
        if flushed.notifications:
            assert flushed.notifications[-1].firing == len(self.firing)
        assert self.due is None or self.due > self.now_ms, "it would be looked at without end"
        held = [one for one in self.members.values() if one.untold]
        assert all(one.newest.rule in self.muted and len(one.untold) == 1 for one in held)
        assert not held or (self.due is not None and self.due <= self.now_ms + RECHECK_MS)

    def _hear(self, one: Notification) -> None:
        """Check a notification against what was told before it."""
        event(one.kind.value)
        self.told.append(one)
        assert one.events
        for told in one.events:
            known = self.firing.get(told.rule)
            if one.kind is Kind.REPEAT:
                assert known is not None
                assert known.id == told.id
                assert told.rule not in self.muted
            elif is_beginning(told):
                assert known is None, "it begins once"
                assert told.rule not in self.muted
                self.firing[told.rule] = told
            else:
                assert known is not None, "no end without its beginning"
                assert known.starts_at == told.starts_at
                del self.firing[told.rule]
        assert one.firing == len(self.firing) or self.every_event
        assert (one.kind is Kind.FIRST) == (not self.talks)
        assert one.kind is not Kind.RESOLVED or not self.firing
        self.talks = one.kind is not Kind.RESOLVED

    def _check_counts(self) -> None:
        known = [one for one in self.members.values() if one.known is not None]
        assert self.conversation.firing == len(known) == len(self.firing)
        ending = [one for one in known if one.newest.status is Status.RESOLVED]
        assert self.conversation.ending == len(ending)
        untold = any(one.untold for one in self.members.values())
        assert not untold or self.due is not None, "nothing is forgotten"
        assert self.conversation.talks == self.talks == bool(self.firing)
        if self.talks:
            assert self.due is not None, "it is repeated"


def lived(channel: tuple[bool, Timing], steps: list[tuple[Any, ...]]) -> Group:
    group = Group(*channel)
    for step in steps:
        group.take(*step)
    return group


@given(CHANNELS, STEPS)
def test_in_the_end_the_channel_knows_what_fires_and_has_heard_all_that_was_not_muted(
    channel: Any, steps: Any
) -> None:
    group = lived(channel, steps)
    group.muted.clear()
    group.take("pass", 1_000_000)
    fires = {name for name, last in group.last.items() if is_beginning(last)}
    assert set(group.firing) == fires
    assert {one.newest.rule for one in group.members.values()} == fires, "and nothing is kept"
    news = [e for one in group.told if one.kind is not Kind.REPEAT for e in one.events]
    ids = [one.id for one in news]
    assert len(set(ids)) == len(ids), "each event is told once"
    assert len({one.id for one in group.told}) == len(group.told)


@given(CHANNELS, STEPS)
def test_an_episode_that_was_never_muted_is_told_from_its_beginning_to_its_end(
    channel: Any, steps: Any
) -> None:
    group = Group(*channel)
    begun: list[AlertEvent] = []
    for step in steps:
        group.take(*step)
        last = group.last.get(step[1]) if step[0] in {"event", "worse"} else None
        if last is not None and is_beginning(last):
            begun.append(last)
    group.muted.clear()
    group.take("pass", 1_000_000)
    told = {one.id for notification in group.told for one in notification.events}
    for one in begun:
        if (one.fingerprint, one.starts_at) in group.quiet:
            continue
        assert one.id in told
        over = alert_id(one.fingerprint, one.starts_at, Status.RESOLVED)
        fires = group.last[one.rule].starts_at == one.starts_at
        assert (over in told) != (fires and is_beginning(group.last[one.rule]))


@given(CHANNELS, STEPS)
def test_what_goes_on_is_repeated_and_no_sooner_than_it_should(channel: Any, steps: Any) -> None:
    group = lived(channel, steps)
    group.muted.clear()
    group.take("pass", 1_000_000)
    heard, since = len(group.told), group.now_ms
    repeat_ms = group.conversation.timing.repeat_ms
    group.take("pass", 3 * repeat_ms)
    repeats = group.told[heard:]
    assert all(one.kind is Kind.REPEAT for one in repeats)
    assert bool(repeats) == bool(group.firing)
    times = [since, *dict.fromkeys(one.at for one in repeats)]  # programs are told each by itself
    assert all(later - sooner <= repeat_ms for sooner, later in pairwise(times))
    assert all(later - sooner >= repeat_ms for sooner, later in pairwise(times[1:]))


@given(CHANNELS, st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
def test_an_end_whose_beginning_was_lost_is_told(channel: Any, names: list[str]) -> None:
    group = Group(*channel)
    for name in names:
        group.take("event", name, Status.FIRING, Severity.ERROR)
    ends = [replace(one, status=Status.RESOLVED) for one in group.last.values()]
    ends = [replace(one, id=alert_id(one.fingerprint, one.starts_at, one.status)) for one in ends]
    lost = Group(*channel)
    for one in ends:
        lost.firing[one.rule] = one
        lost.join(one)
    lost.talks = True
    lost.take("pass", 100_000)
    assert not lost.members
    assert lost.told[-1].kind is Kind.RESOLVED
