"""What is decided about events before they are published and told. Pure.

Each event from the outbox is given its incident, and what keeps it quiet now; then it joins the
groups of the channels that are told of it. An end goes where its beginning went, whatever the
routes and the severities are by then. The board is the part of the stored state that some events
concern; what is changed on it is stored in one step.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from schemas.alerts import AlertEvent
from stream.alerting.grouping import (
    Conversation,
    Member,
    begin,
    due_ms,
    is_beginning,
    join,
    joined,
    rejoined,
)
from stream.alerting.incidents import Incident, begun, incident_names
from stream.alerting.inhibition import Slots, source_slots, stands, target_slots
from stream.alerting.judge import Entry
from stream.alerting.muting import Muting
from stream.alerting.routing import Destination


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the outbox, and who is told of it by the routes as they are now."""

    entry: Entry
    destinations: Mapping[str, Destination]

    @classmethod
    def of(cls, entry: Entry, destinations: Iterable[Destination]) -> "Told":
        """Name the groups; nobody is told of what is only recorded."""
        told = destinations if entry.notify else ()
        return cls(entry, {one.group: one for one in told})


@dataclass(slots=True)
class Board:
    """Part of the state. What is looked up must have been loaded.

    Attributes
    ----------
    incidents : by name; None is none
    slots : of inhibition, fingerprints by slot
    moved : slots that have changed
    routed : groups that the beginning of an alert went to, by fingerprint; None is not known
    conversations : by group; None is none
    members : by group and fingerprint; None is none
    due : by group; absent is never
    events : as they will be published and told, in order
    """

    incidents: dict[str, Incident | None] = field(default_factory=dict)
    slots: dict[str, dict[str, None]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    routed: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    conversations: dict[str, Conversation | None] = field(default_factory=dict)
    members: dict[tuple[str, str], Member | None] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    events: list[AlertEvent] = field(default_factory=list)

    def decide(self, told: Sequence[Told], muting: Callable[[Slots], Muting], now_ms: int) -> None:
        """Decide about entries, in their order.

        Parameters
        ----------
        told : entries of the outbox
        muting : what keeps alerts quiet, given who stands where
        now_ms : wall clock
        """
        for one in told:  # a source keeps quiet what fires with it, whichever came first
            self._stand(one.entry.alert)
        quiet = muting(self.slots)
        for one in told:
            alert = replace(one.entry.alert, incident=self._incident(one.entry.alert))
            event = quiet.annotated(alert)
            self.events.append(event)
            for group, destination in self._route(one).items():
                if one.entry.rejoins:
                    self._rejoin(group, destination, event, now_ms)
                else:
                    self._join(group, destination, event, now_ms)

    def _stand(self, alert: AlertEvent) -> None:
        """Let an alert stand where it keeps others quiet, or leave."""
        for slot in source_slots(alert):
            standing = self.slots[slot]
            if stands(alert) == (alert.fingerprint in standing):
                continue
            self.moved.add(slot)
            if stands(alert):
                standing[alert.fingerprint] = None
            else:
                del standing[alert.fingerprint]

    def _incident(self, alert: AlertEvent) -> str | None:
        """Return the incident of an alert; open one, or close it with its last alert."""
        left = [self._leave(name, alert.fingerprint) for name in incident_names(alert)]
        if not is_beginning(alert):
            return left[0] or left[1]
        name = incident_names(alert)[0]
        incident = self.incidents[name] or Incident(left[0] or alert.incident or begun(alert))
        incident.alerts[alert.fingerprint] = None
        self.incidents[name] = incident
        return incident.id

    def _leave(self, name: str, of: str) -> str | None:
        """Take an alert out of an incident; returns which it was in."""
        incident = self.incidents[name]
        if incident is None or of not in incident.alerts:
            return None
        del incident.alerts[of]
        if not incident.alerts:
            self.incidents[name] = None
        return incident.id

    def _route(self, one: Told) -> dict[str, Destination | None]:
        """Return the groups that an entry goes to; where they may have to be begun, how."""
        of = one.entry.alert.fingerprint
        known = self.routed[of]
        if is_beginning(one.entry.alert):
            self.routed[of] = tuple(dict.fromkeys((*(known or ()), *one.destinations)))
            return dict(one.destinations)
        self.routed[of] = None
        if known is None:  # Redis was lost since
            return dict(one.destinations)
        return dict.fromkeys(known)

    def _join(
        self, group: str, destination: Destination | None, event: AlertEvent, now_ms: int
    ) -> None:
        conversation = self._conversation(group, destination)
        before = self.members[group, event.fingerprint]
        if conversation is None:  # its channel is configured no more
            return
        after = join(before, event)
        if after == before:
            return
        self.members[group, event.fingerprint] = after
        self.conversations[group] = conversation = joined(conversation, before, after)
        if after is not None and after.untold:
            self._look(group, due_ms(conversation, now_ms))

    def _rejoin(
        self, group: str, destination: Destination | None, event: AlertEvent, now_ms: int
    ) -> None:
        conversation = self._conversation(group, destination)
        if conversation is None or self.members[group, event.fingerprint] is not None:
            return
        self.members[group, event.fingerprint] = Member(event)
        self.conversations[group] = conversation = rejoined(conversation, event, now_ms)
        self._look(group, now_ms + conversation.timing.repeat_ms)

    def _conversation(self, group: str, destination: Destination | None) -> Conversation | None:
        conversation = self.conversations[group]
        if destination is None:
            return conversation
        return replace(conversation or begin(destination), timing=destination.timing)

    def _look(self, group: str, due: int) -> None:
        self.due[group] = min(due, self.due.get(group, due))


def names_of(told: Iterable[Told]) -> list[str]:
    """Names of incidents to be loaded."""
    return list(dict.fromkeys(name for one in told for name in incident_names(one.entry.alert)))


def slots_of(alerts: Iterable[AlertEvent]) -> list[str]:
    """Slots of inhibition that some alerts stand in, or are kept quiet from."""
    return list(dict.fromkeys(s for a in alerts for s in (*source_slots(a), *target_slots(a))))


def members_of(
    told: Iterable[Told], routed: Mapping[str, tuple[str, ...] | None]
) -> dict[str, list[str]]:
    """Fingerprints to be loaded, by group.

    Parameters
    ----------
    told : entries of the outbox
    routed : groups that the beginnings of their alerts went to
    """
    found: dict[str, dict[str, None]] = {}
    for one in told:
        of = one.entry.alert.fingerprint
        for group in (*one.destinations, *(routed[of] or ())):
            found.setdefault(group, {})[of] = None
    return {group: list(of) for group, of in found.items()}
