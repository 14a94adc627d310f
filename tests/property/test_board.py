"""What is decided of entries: the same however they are cut into batches, and nothing is kept."""

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from stream.alerting.board import Board, Told, members_of, names_of, slots_of
from stream.alerting.grouping import is_beginning
from stream.alerting.judge import Entry
from stream.alerting.muting import Muting
from stream.alerting.routing import ChannelKind, RouteConfig, Routing

T0 = 1_790_002_800_000
CHANNELS = {"hook": ChannelKind("webhook", True), "mail": ChannelKind("email", False)}
ROUTINGS = [
    Routing((RouteConfig(channels=("hook", "mail")),), CHANNELS, "ml"),
    Routing((RouteConfig(channels=("mail",), group_by=("severity",)),), CHANNELS, "ml"),
    Routing((), CHANNELS, "ml"),
]
RULES = ["mine", "data-drift", "no-traffic"]

# An alert, by rule and model: it begins, or ends if it has begun. How severe, whether its input is
# old by then, and which routes there are by then.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(RULES),
        st.sampled_from(["credit", "fraud"]),
        st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
        st.sampled_from([Status.FIRING, Status.FIRING, Status.NO_DATA]),
        st.sampled_from([False, False, True]),
        st.sampled_from(ROUTINGS),
    ),
    max_size=40,
)
CUTS = st.lists(st.integers(1, 7), max_size=40)


class Stored:
    """A board as Redis keeps it: what is none is not there."""

    def __init__(self) -> None:
        self.board = Board()

    def decide(self, told: list[Told], now_ms: int) -> list[AlertEvent]:
        """Load the part that the entries concern, decide, store."""
        kept = self.board
        alerts = [one.entry.alert for one in told]
        routed = {a.fingerprint: kept.routed.get(a.fingerprint) for a in alerts}
        part = Board(routed=routed, slots={s: kept.slots.get(s, {}) for s in slots_of(alerts)})
        part.incidents = {name: kept.incidents.get(name) for name in names_of(told)}
        for group, of in members_of(told, routed).items():
            part.conversations[group] = kept.conversations.get(group)
            part.members |= {(group, one): kept.members.get((group, one)) for one in of}
            if group in kept.due:
                part.due[group] = kept.due[group]
        before = {slot: dict(standing) for slot, standing in part.slots.items()}
        part.decide(told, lambda slots: Muting((), now_ms, slots), now_ms)
        assert {s for s, standing in part.slots.items() if standing != before[s]} <= part.moved
        kept.incidents = _there({**kept.incidents, **part.incidents})
        kept.slots = _there({**kept.slots, **part.slots})
        kept.routed = {
            of: to for of, to in {**kept.routed, **part.routed}.items() if to is not None
        }
        kept.conversations = _there({**kept.conversations, **part.conversations})
        kept.members = _there({**kept.members, **part.members})
        kept.due |= part.due
        return part.events


def _there(found: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in found.items() if value}


def entries(steps: list[tuple[Any, ...]], end_all: bool) -> list[Told]:
    """What the steps put into the outbox, and in the end what ends everything."""
    firing: dict[tuple[str, str], AlertEvent] = {}
    found: list[Told] = []

    def add(
        rule: str, model: str, severity: Severity, status: Status, stale: bool, by: Any
    ) -> None:
        labels = {"model_name": model, "model_version": "3"}
        of, begun = fingerprint(rule, labels), firing.pop((rule, model), None)
        if begun is not None and begun.stale and not stale:  # people are told of it now
            firing[rule, model] = again = replace(begun, stale=False)
            found.append(Told.of(Entry(again, False, True), by.destinations(again, ())))
            return
        starts_at = T0 + len(found) if begun is None else begun.starts_at
        status = status if begun is None else Status.RESOLVED
        made = AlertEvent(
            id=alert_id(of, starts_at, status),
            fingerprint=of,
            status=status,
            severity=severity if begun is None else begun.severity,
            rule=rule,
            labels=labels,
            summary=f"{rule} is {status}",
            starts_at=starts_at,
            fired_at=starts_at,
            stale=stale,
        )
        notify = not stale if begun is None else not begun.stale
        if begun is None:
            firing[rule, model] = made
        found.append(Told.of(Entry(made, True, notify), by.destinations(made, ())))
        event(made.status.value)

    for step in steps:
        add(*step)
    while end_all and firing:
        rule, model = next(iter(firing))
        add(rule, model, Severity.WARNING, Status.FIRING, True, ROUTINGS[0])
    return found


def decided(told: list[Told], cuts: list[int]) -> tuple[list[AlertEvent], Board]:
    stored, events, at = Stored(), [], 0
    for size in (*cuts, len(told) + 1):
        if told[at : at + size]:
            events += stored.decide(told[at : at + size], T0)
        at += size
    return events, stored.board


@given(STEPS, CUTS)
def test_batches_change_nothing_but_who_was_seen_to_be_inhibited(steps: Any, cuts: Any) -> None:
    told = entries(steps, end_all=False)
    one, other = decided(told, [1] * len(told)), decided(told, cuts)
    for left, right in zip(one[0], other[0], strict=True):
        assert (left.id, left.incident) == (right.id, right.incident)
    assert one[1].incidents == other[1].incidents
    assert one[1].slots == other[1].slots
    assert one[1].routed == other[1].routed


@given(STEPS, CUTS)
def test_incidents_are_open_while_something_of_them_fires(steps: Any, cuts: Any) -> None:
    told = entries(steps, end_all=False)
    events, board = decided(told, cuts)
    open_: dict[str, str] = {}
    for one in events:
        if is_beginning(one):
            assert one.incident is not None
            open_[one.fingerprint] = one.incident
        else:
            assert one.incident == open_.pop(one.fingerprint), "the end belongs where it began"
    by_id = {incident.id: set(incident.alerts) for incident in board.incidents.values() if incident}
    assert by_id == {
        of: {one for one, incident in open_.items() if incident == of} for of in open_.values()
    }


@given(STEPS, CUTS)
def test_where_nothing_fires_nothing_stands_and_nothing_is_known(steps: Any, cuts: Any) -> None:
    _, board = decided(entries(steps, end_all=True), cuts)
    assert (board.incidents, board.slots, board.routed) == ({}, {}, {})


@given(STEPS, CUTS)
def test_an_end_goes_to_the_groups_of_its_beginning_and_no_others(steps: Any, cuts: Any) -> None:
    told = entries(steps, end_all=False)
    events, board = decided(told, cuts)
    begun: dict[str, Told] = {}
    for one in told:
        if is_beginning(one.entry.alert):
            begun[one.entry.alert.fingerprint] = one
        else:
            del begun[one.entry.alert.fingerprint]
    assert board.routed == {of: tuple(one.destinations) for of, one in begun.items()}
    firing = {event.fingerprint for event in events}
    for (group, of), member in board.members.items():
        assert of in firing
        assert member is not None
        assert group in board.due or not member.untold
    for group in {group for group, _ in board.members}:
        assert board.conversations[group] is not None
