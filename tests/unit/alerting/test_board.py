from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity, Status
from schemas.rules import SilenceConfig
from stream.alerting.board import Board, Told, members_of, names_of, slots_of
from stream.alerting.grouping import end_of
from stream.alerting.judge import Entry
from stream.alerting.losses import entry_after_loss
from stream.alerting.muting import Muting
from stream.alerting.routing import FOR_PEOPLE, Destination
from stream.alerting.transitions import Episode

MakeEvent = Callable[..., AlertEvent]
T0 = 1_790_002_800_000
NOW = T0 + 1_000_000
MAIL = Destination("mail", {"model_name": "credit"}, FOR_PEOPLE, "key")
CHAT = Destination("chat", {"model_name": "credit"}, FOR_PEOPLE, "key")


def entry(event: AlertEvent, *destinations: Destination, **fields: Any) -> Told:
    given = {"publish": True, "notify": True} | fields
    return Told.of(Entry(event, **given), destinations)


def board_for(*told: Told, **fields: Any) -> Board:
    """A board that knows nothing yet."""
    alerts = [one.entry.alert for one in told]
    board = Board(
        routed=fields.get("routed") or {alert.fingerprint: None for alert in alerts},
        slots={slot: {} for slot in slots_of(alerts)},
        incidents=dict.fromkeys(names_of(told)),
    )
    for group, of in members_of(told, board.routed).items():
        board.conversations[group] = None
        board.members |= dict.fromkeys((group, one) for one in of)
    return board


def decide(board: Board, *told: Told, silences: tuple[SilenceConfig, ...] = ()) -> list[AlertEvent]:
    board.decide(told, lambda slots: Muting(silences, NOW, slots), NOW)
    return board.events


def test_a_source_keeps_quiet_what_fires_with_it_whichever_came_first(
    make_event: MakeEvent,
) -> None:
    warning, critical = make_event(), make_event("worse", severity=Severity.CRITICAL)
    told = [entry(warning, MAIL), entry(critical, MAIL)]
    first, second = decide(board_for(*told), *told)
    assert (first.inhibited_by, second.inhibited_by) == (critical.fingerprint, None)
    gone = [*told, entry(end_of(critical), MAIL)]
    assert decide(board_for(*gone), *gone)[0].inhibited_by is None, "it is over already"


def test_an_alert_whose_input_becomes_fresh_moves_to_the_incident_that_people_see(
    make_event: MakeEvent,
) -> None:
    stale = make_event(stale=True)
    told = [
        entry(stale, MAIL, notify=False),
        entry(replace(stale, stale=False), MAIL, publish=False),
        entry(replace(end_of(stale), stale=True), MAIL),
    ]
    board = board_for(*told)
    old, fresh, over = decide(board, *told)
    assert old.incident != fresh.incident == over.incident
    assert set(board.incidents.values()) == {None}
    assert board.members[MAIL.group, stale.fingerprint] is not None, "who was told is told"


def test_what_was_only_recorded_ends_without_a_word(make_event: MakeEvent) -> None:
    stale = make_event(stale=True)
    told = [entry(stale, MAIL, notify=False), entry(end_of(stale), MAIL)]
    board = board_for(*told)
    decide(board, *told)
    assert board.members == {(MAIL.group, stale.fingerprint): None}
    assert board.due == {}


def test_an_end_goes_where_its_beginning_went(make_event: MakeEvent) -> None:
    one = make_event()
    told = [entry(one, MAIL), entry(end_of(one), CHAT)]
    board = board_for(*told)
    decide(board, *told)
    assert board.conversations[CHAT.group] is None
    assert board.members[CHAT.group, one.fingerprint] is None
    member = board.members[MAIL.group, one.fingerprint]
    assert member is not None
    assert [event.status for event in member.untold] == ["firing", "resolved"]


def test_an_end_of_which_nothing_is_known_goes_by_the_routes(make_event: MakeEvent) -> None:
    over = entry(end_of(make_event()), CHAT)
    board = board_for(over)
    decide(board, over)
    assert board.due == {CHAT.group: NOW}


def test_what_is_silenced_joins_and_waits(make_event: MakeEvent) -> None:
    silence = SilenceConfig(id="s", match={"rule": "error*"}, starts_at=0, ends_at=NOW + 1)
    one = entry(make_event(), MAIL)
    board = board_for(one)
    assert decide(board, one, silences=(silence,))[0].silenced_by == "s"
    member = board.members[MAIL.group, one.entry.alert.fingerprint]
    assert member is not None
    assert member.muted


def test_after_a_loss_what_people_knew_is_repeated_and_what_was_just_said_is_said_again(
    make_event: MakeEvent,
) -> None:
    one, over = make_event(incident="i"), make_event(status=Status.RESOLVED)
    firing = Episode(
        status=Status.FIRING, severity=Severity.WARNING, at=T0, starts_at=T0, notified=True
    )

    def entry_of(event: AlertEvent, known: Episode | None, is_recent: bool) -> Any:
        found = entry_after_loss(event, known, is_recent, None)
        return found and (found.publish, found.notify, found.rejoins)

    assert entry_of(one, None, True) == (False, True, False)
    assert entry_of(one, None, False) == (False, True, True)
    assert entry_of(over, None, True) == (False, True, False)
    assert entry_of(over, None, False) is None
    assert entry_of(over, firing, False) == (False, True, False), "its beginning was told"
    assert entry_of(over, replace(firing, notified=False), True) == (False, False, False)
    assert entry_of(replace(one, stale=True), None, True) is None

    rejoins = entry(one, MAIL, publish=False, rejoins=True)
    board = board_for(rejoins)
    (event,) = decide(board, rejoins)
    assert event.incident == "i", "it goes on under its name"
    conversation = board.conversations[MAIL.group]
    assert conversation is not None
    assert (conversation.talks, conversation.firing) == (True, 1)
    assert board.due == {MAIL.group: NOW + FOR_PEOPLE.repeat_ms}
