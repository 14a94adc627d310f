from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity, Status
from schemas.notifications import Kind
from stream.alerting.grouping import (
    UNTOLD_MAX,
    Conversation,
    Member,
    begin,
    due_ms,
    end_of,
    is_beginning,
    join,
    joined,
    rejoined,
)
from stream.alerting.routing import FOR_PEOPLE, FOR_PROGRAMS, Destination, Timing
from stream.alerting.telling import BATCH, FEW, RECHECK_MS, SHOWN_MAX, Flushed, flush

MakeEvent = Callable[..., AlertEvent]
T0 = 1_790_002_800_000
NOW = T0 + 1_000_000
LABELS = {"model_name": "credit"}


def conversation(timing: Timing = FOR_PEOPLE, **fields: Any) -> Conversation:
    return replace(begin(Destination("box", LABELS, timing, "key")), **fields)


def told(
    members: dict[str, Member],
    before: Conversation | None = None,
    *,
    every_event: bool = False,
    now_ms: int = NOW,
    muted: bool = False,
) -> Flushed:
    before = before or conversation()
    return flush(before, members, now_ms, every_event, lambda _: muted, lambda _: None)


def many(make_event: MakeEvent, count: int, **fields: Any) -> dict[str, Member]:
    labels = [LABELS | {"feature": f"f{number}"} for number in range(count)]
    events = [make_event("shift", labels=one, **fields) for one in labels]
    return {event.fingerprint: Member(None, (event,)) for event in events}


def test_an_end_that_is_missing_is_made_where_another_episode_comes(make_event: MakeEvent) -> None:
    first, second = make_event(), make_event(starts_at=T0 + 60_000)
    member = join(Member(first), second)
    assert member == Member(first, (end_of(first), second))
    assert end_of(first).id == make_event(status=Status.RESOLVED).id
    over = join(Member(first), end_of(second))  # that it began is missing: it needs no end
    assert over == Member(first, (end_of(first),))
    assert join(Member(None, (first,), muted=True), end_of(second)) is None


@pytest.mark.parametrize("known", [True, False])
def test_of_too_many_whole_episodes_are_passed_over(make_event: MakeEvent, known: bool) -> None:
    first = make_event(starts_at=T0 - 1)
    member: Member | None = Member(first, (end_of(first),)) if known else None
    for number in range(3 * UNTOLD_MAX):
        event = make_event(starts_at=T0 + number)
        member = join(join(member, event), end_of(event))
    assert member is not None
    assert len(member.untold) <= UNTOLD_MAX + 1
    assert [is_beginning(event) for event in member.untold[-2:]] == [True, False]
    pairs = member.untold[1:] if known else member.untold
    assert all(a.starts_at == b.starts_at for a, b in zip(pairs[::2], pairs[1::2], strict=True))
    assert member.untold[0].starts_at == (T0 - 1 if known else pairs[0].starts_at)


def test_the_interval_doubles_with_each_update_but_not_for_the_last_end() -> None:
    at = conversation(began_at=NOW, told_at=NOW, firing=2)
    waits = [due_ms(replace(at, updates=number), NOW) - NOW for number in (0, 1, 2, 5, 50)]
    assert waits == [10_000, 20_000, 40_000, 300_000, 300_000]
    assert due_ms(replace(at, updates=50, ending=2), NOW) == NOW + 10_000
    assert due_ms(replace(at, told_at=NOW + 86_400_000), NOW) == NOW + 10_000, "the clock went back"
    assert due_ms(conversation(Timing(wait_ms=30_000)), NOW) == NOW + 30_000


def test_people_are_shown_the_worst_few_and_programs_everything(make_event: MakeEvent) -> None:
    members = many(make_event, 250)
    of, one = list(members.items())[200]
    members[of] = replace(one, untold=(replace(one.newest, severity=Severity.ERROR),))
    (mail,) = told(members).notifications
    assert (len(mail.events), mail.more, mail.firing) == (SHOWN_MAX, 250 - SHOWN_MAX, 250)
    assert of in {event.fingerprint for event in mail.events}
    assert mail.severity == "error"
    assert mail.title.startswith("ERROR credit: 250 alerts fire, first shift")
    hooks = told(members, conversation(FOR_PROGRAMS), every_event=True).notifications
    assert [len(one.events) for one in hooks] == [BATCH, BATCH, 50]
    assert [one.kind for one in hooks] == [Kind.FIRST, Kind.UPDATE, Kind.UPDATE]
    assert {event.fingerprint for one in hooks for event in one.events} == set(members)
    assert len({one.id for one in hooks}) == 3


def test_the_last_batch_alone_ends_a_conversation(make_event: MakeEvent) -> None:
    members = {
        of: Member(one.newest, (end_of(one.newest),)) for of, one in many(make_event, 150).items()
    }
    before = conversation(FOR_PROGRAMS, began_at=NOW, firing=150, ending=150)
    flushed = told(members, before, every_event=True)
    assert [one.kind for one in flushed.notifications] == [Kind.UPDATE, Kind.RESOLVED]
    assert set(flushed.members.values()) == {None}
    assert (flushed.conversation.talks, flushed.due_ms) == (False, None)


def test_a_few_are_sent_one_by_one_to_programs(make_event: MakeEvent) -> None:
    few = told(many(make_event, FEW), conversation(FOR_PROGRAMS), every_event=True)
    assert [len(one.events) for one in few.notifications] == [1] * FEW
    together = replace(FOR_PROGRAMS, together=True)
    grouped = told(many(make_event, FEW), conversation(together), every_event=True)
    assert [len(one.events) for one in grouped.notifications] == [FEW]


def test_what_gets_severer_stays_one_conversation_and_what_comes_again_is_another(
    make_event: MakeEvent,
) -> None:
    one = make_event()
    over = replace(end_of(one), ends_at=T0 + 60_000)
    before = conversation(began_at=NOW, firing=1, ending=0)
    for starts_at, kinds in (
        (T0 + 60_000, [Kind.UPDATE, Kind.UPDATE]),
        (T0 + 120_000, [Kind.RESOLVED, Kind.FIRST]),
    ):
        again = make_event(starts_at=starts_at, severity=Severity.ERROR)
        flushed = told({one.fingerprint: Member(one, (over, again))}, before)
        assert [made.kind for made in flushed.notifications] == kinds
        assert flushed.conversation.firing == 1


def test_what_began_and_ended_in_a_silence_is_dropped_and_what_fires_held(
    make_event: MakeEvent,
) -> None:
    one, two = make_event(), make_event(starts_at=T0 + 1)
    of = one.fingerprint
    unheard = told({of: Member(None, (one, end_of(one)))}, muted=True)
    assert (unheard.notifications, unheard.members, unheard.due_ms) == ((), {of: None}, None)
    held = told({of: Member(None, (one, end_of(one), two))}, muted=True)
    assert held.members == {of: Member(None, (two,), muted=True)}
    assert held.due_ms == NOW + RECHECK_MS
    before = conversation(began_at=NOW, firing=1, whole_at=NOW)
    known = told({of: Member(one, (end_of(one), two, end_of(two)))}, before, muted=True)
    assert [event.id for made in known.notifications for event in made.events] == [end_of(one).id]
    assert known.notifications[0].kind is Kind.RESOLVED


def test_programs_are_sent_what_fires_again_though_updates_come_all_the_time(
    make_event: MakeEvent,
) -> None:
    one = make_event()
    timing = replace(FOR_PROGRAMS, repeat_ms=60_000)
    before = conversation(timing, began_at=NOW, firing=1, told_at=NOW - 1, whole_at=NOW - 60_000)
    members = {one.fingerprint: Member(one), **many(make_event, 1)}
    kinds = [made.kind for made in told(members, before, every_event=True).notifications]
    assert kinds == [Kind.UPDATE, Kind.REPEAT, Kind.REPEAT]
    assert [made.kind for made in told(members, before).notifications] == [Kind.UPDATE]


def test_a_conversation_goes_on_after_redis_has_lost_it(make_event: MakeEvent) -> None:
    one = make_event(severity=Severity.ERROR)
    after = rejoined(conversation(), one, NOW)
    assert (after.talks, after.firing, after.severity) == (True, 1, "error")
    later = NOW + FOR_PEOPLE.repeat_ms
    (made,) = told({one.fingerprint: Member(one)}, after, now_ms=later).notifications
    assert (made.kind, made.key) == (Kind.REPEAT, conversation().key)
    assert joined(after, Member(one), Member(one, (end_of(one),))).ending == 1
