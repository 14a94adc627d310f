"""From the outbox to the topic, and to the lists of what channels have still to deliver.

1. decide: entries leave the outbox, are given their incident and what keeps them quiet, and join
   the groups of the channels that are told of them (`stream.alerting.board`);
2. tell: groups that are due become notifications (`stream.alerting.telling`);
3. publish: what was decided goes to ``ml.alerts`` and is confirmed by the broker.

The first two are one transaction each. A crash within the third publishes again: with the same
bytes, so with the same id. Nothing is decided while Redis may have lost what was published
(`stream.alerting.engine.AlertEngine.restore`): it would be decided twice, and differently.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Status, encode_alert
from schemas.models import ModelConfig
from schemas.rules import SilenceConfig
from stream.alerting.board import Told
from stream.alerting.grouping import Conversation, Member, end_of, join, joined
from stream.alerting.inhibition import Slots
from stream.alerting.judge import Entry
from stream.alerting.keys import AlertKeys
from stream.alerting.lease import Lease
from stream.alerting.muting import Muting
from stream.alerting.news import News, Published
from stream.alerting.routing import Routing
from stream.alerting.routing_store import RoutingStore
from stream.alerting.store import is_restored
from stream.alerting.telling import flush
from stream.alerting.transaction import Queue, transact
from stream.alerting.view import read_active
from stream.state.client import RedisClient
from stream.state.keys import VersionId

BY_ROUTE = ("log",)
"""`alert_channels` of a model that leaves it to the routes, its default: the log has everything."""
_BATCH = 100
_GROUPS_MAX = 1_000
WAITING_MAX = 500
"""While so many notifications wait for a channel, groups keep what they have to tell it: they tell
it in fewer, and what ends meanwhile is told with its beginning."""
_LATER_MS = 10_000
UNKNOWN_MS = 300_000
"""Groups of a channel that is not configured are kept so long: in a rolling restart it is unknown
to processes with the settings of before."""

log = structlog.get_logger("alerts")


class Publisher(Protocol):
    """Where alert events are published."""

    def publish(self, alerts: Sequence[AlertEvent]) -> None:
        """Return when all of them are safe."""


class Registered(Published, Protocol):
    """What the relay reads of a registry's snapshot."""

    @property
    def silences(self) -> Mapping[str, SilenceConfig]:
        """Silences by id."""

    def model(self, version: VersionId) -> ModelConfig:
        """Return the configuration of a model version."""


class Registry(Protocol):
    """What the relay needs of the registry."""

    @property
    def version(self) -> int:
        """Rises with every change."""

    @property
    def snapshot(self) -> Registered:
        """What is registered now."""


class Relay:
    """Empties the outbox of one namespace.

    Parameters
    ----------
    client : Redis
    namespace : of the alerts
    topic : where events are published
    routing : channels, and what goes to which
    registry : silences, models and their versions
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        topic: Publisher,
        routing: Routing,
        registry: Registry,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._keys = AlertKeys(namespace)
        self._store = RoutingStore(client, namespace)
        self._topic = topic
        self._routing = routing
        self._registry = registry
        self._news = News()

    def turn(self, now_ms: int) -> int:
        """Decide about what waits, tell who is due, publish; returns how many events it decided."""
        decided = 0
        if not self._has_work(now_ms):
            return decided
        with Lease(self._client, self._keys.lease("outbox")) as lease:
            while lease.renew() and (count := self._decide(now_ms)):
                decided += count
            later = dict.fromkeys(self._routing.channels, 0)
            for group in self._client.zrangebyscore(self._keys.due, "-inf", now_ms, 0, _GROUPS_MAX):
                if lease.renew():
                    self._tell(group.decode(), now_ms, later)
            while lease.renew() and self._publish():
                pass
        return decided

    def tick(self, now_ms: int) -> None:
        """Show users what keeps active alerts quiet now: silences begin and end by themselves."""
        alerts = read_active(self._client, self._namespace)
        fired = [alert for alert in alerts if alert.status is not Status.PENDING]
        muting = self._muting(self._store.slots(fired), now_ms)
        now = [muting.annotated(alert) for alert in fired]
        changed = [after for before, after in zip(fired, now, strict=True) if after != before]
        for at in range(0, len(changed), _BATCH):
            self._show(changed[at : at + _BATCH])

    def _show(self, alerts: Sequence[AlertEvent]) -> None:
        def work(queue: Queue) -> None:
            self._store.show(queue, alerts)

        watched = self._store.shown_keys(alerts)
        transact(self._client, self._keys.sequence, work, watched)

    def _has_work(self, now_ms: int) -> bool:
        with self._client.pipeline(transaction=False) as pipe:
            pipe.exists(self._keys.outbox, self._keys.decided)
            pipe.zcount(self._keys.due, "-inf", now_ms)
            return any(pipe.execute())

    def _decide(self, now_ms: int) -> int:
        """Decide about the oldest entries; returns how many it were."""
        raw = self._client.lrange(self._keys.outbox, 0, _BATCH - 1)
        if not raw:
            return 0
        entries = [msgspec.json.decode(text, type=Entry) for text in raw]
        told = [self._told(entry) for entry in entries]

        def work(queue: Queue) -> list[AlertEvent] | None:
            if not is_restored(self._client, self._keys):
                return None
            if self._client.lrange(self._keys.outbox, 0, len(raw) - 1) != raw:
                return []  # another process has just decided about them
            board = self._store.load(told)
            board.decide(told, lambda slots: self._muting(slots, now_ms), now_ms)
            self._store.store(queue, board)
            for entry, event in zip(entries, board.events, strict=True):
                if entry.publish:
                    queue.add("RPUSH", self._keys.decided, encode_alert(event))
            queue.add("LTRIM", self._keys.outbox, len(raw), -1)
            return board.events

        watched = self._store.shown_keys(entry.alert for entry in entries)
        events = transact(self._client, self._keys.sequence, work, watched)
        if events is None:
            return 0
        for event, one in zip(events, told, strict=bool(events)):
            _log(event, [destination.channel for destination in one.destinations.values()])
        return len(raw)

    def _told(self, entry: Entry) -> Told:
        named = entry.channels or ()
        model = entry.alert.labels.get("model_name")
        if not named and model is not None:
            version = VersionId(model, entry.alert.labels.get("model_version", "*"))
            of_model = self._registry.snapshot.model(version).alert_channels
            named = () if of_model == BY_ROUTE else of_model
        return Told.of(entry, self._routing.destinations(entry.alert, named))

    def _tell(self, group: str, now_ms: int, later: dict[str, int]) -> None:
        """Make notifications of what a group has to tell.

        Parameters
        ----------
        group : its name
        now_ms : wall clock
        later : how many groups of a channel were put off because too much waits for it
        """
        self._news.follow(self._registry.version, self._registry.snapshot)

        def work(queue: Queue) -> None:
            conversation, members = self._store.group(group)
            if conversation is None:
                self._store.forget(queue, group)
                return
            kind = self._routing.channels.get(conversation.channel)
            if kind is None:
                self._keep_a_while(queue, group, conversation, now_ms)
                return
            conversation = replace(conversation, unknown_since=None)
            name = conversation.channel
            if self._client.llen(self._keys.waiting(name)) >= WAITING_MAX:
                later[name] += 1  # not all of them at once again
                due_ms = now_ms + _LATER_MS * (1 + later[name] // WAITING_MAX)
                self._store.put_off(queue, group, conversation, due_ms)
                return
            conversation = self._ended(conversation, members)
            slots = self._store.slots(member.newest for member in members.values())
            flushed = flush(
                conversation,
                members,
                now_ms,
                kind.every_event,
                self._muting(slots, now_ms).mutes,
                lambda alert: self._news.of(alert, now_ms),
            )
            left = {**members, **flushed.members}
            kept = sum(member is not None for member in left.values())
            self._store.store_flushed(queue, group, flushed, kept)

        transact(self._client, self._keys.sequence, work)

    def _keep_a_while(
        self, queue: Queue, group: str, conversation: Conversation, now_ms: int
    ) -> None:
        """Leave a group to a process that knows its channel; where there is none, forget it."""
        since = min(conversation.unknown_since or now_ms, now_ms)
        if now_ms - since < UNKNOWN_MS:
            self._store.put_off(
                queue, group, replace(conversation, unknown_since=since), now_ms + _LATER_MS
            )
        else:
            self._store.forget(queue, group)

    def _ended(self, conversation: Conversation, members: dict[str, Member]) -> Conversation:
        """End in a group what ended without its knowledge: Redis may have lost who was told."""
        firing = [of for of, member in members.items() if member.known and not member.untold]
        ended = self._store.inactive(firing)
        # In this order: an end that is not yet decided would be in the outbox now.
        if self._client.exists(self._keys.outbox):
            return conversation
        for of in ended:
            after = join(members[of], end_of(members[of].newest))
            assert after is not None, "what was told goes on until its end is told"
            conversation = joined(conversation, members[of], after)
            members[of] = after
        return conversation

    def _muting(self, slots: Slots, now_ms: int) -> Muting:
        return Muting(tuple(self._registry.snapshot.silences.values()), now_ms, slots)

    def _publish(self) -> int:
        """Publish the oldest decided events; returns how many it were."""
        raw = self._client.lrange(self._keys.decided, 0, _BATCH - 1)
        if raw:
            self._topic.publish([msgspec.json.decode(text, type=AlertEvent) for text in raw])
            with self._client.pipeline(transaction=True) as pipe:
                for text in raw:
                    pipe.lrem(self._keys.decided, 1, text)
                pipe.execute()
        return len(raw)


def _log(event: AlertEvent, channels: Sequence[str]) -> None:
    log.info(
        "alert",
        status=event.status,
        rule=event.rule,
        severity=event.severity,
        labels=event.labels,
        summary=event.summary,
        channels=list(channels),
        silenced_by=event.silenced_by,
        inhibited_by=event.inhibited_by,
        id=event.id,
    )
