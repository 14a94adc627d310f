"""The alert agent in this process, on real Kafka and Redis, with a clock and channels of ours."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import redis
from alert_helpers import MINUTE_MS, T0, alerts_on_topic, by_id, errors

from schemas.alerts import AlertEvent, encode_alert
from schemas.metrics import WindowReport, encode_report, with_report_id
from schemas.models import ModelConfig
from schemas.notifications import Kind, Notification
from schemas.rules import RuleConfig, SilenceConfig
from stream.alerting.engine import AlertEngine
from stream.alerting.keys import AlertKeys
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.alerting.routing import INTERVAL_MS_MAX, ChannelKind, Routing, parse_routes
from stream.alerting.telling import RECHECK_MS
from stream.alerting.topic import AlertTopic, TopicAlert
from stream.kafka import ensure_topics
from stream.registry import Snapshot
from stream.settings import Settings, load_settings
from stream.state.keys import PartitionId, StateKeys, VersionId

NOW = T0 + 100 * MINUTE_MS
LABELS = {"model_name": "credit", "model_version": "3", "window": "5m"}


class Rules:
    """A registry whose rules, models and silences a test sets."""

    def __init__(self) -> None:
        self.version = 0
        self.snapshot = Snapshot()

    def set(
        self,
        *rules: RuleConfig,
        models: Iterable[ModelConfig] = (),
        silences: Iterable[SilenceConfig] = (),
    ) -> None:
        self.version += 1
        self.snapshot = Snapshot(
            rules={rule.name: rule for rule in rules},
            models={f"{model.model_name}/{model.model_version}": model for model in models},
            silences={silence.id: silence for silence in silences},
        )


class Box:
    """A channel in memory."""

    def __init__(self, type_: str = "webhook", *, resend_ms: int | None = None) -> None:
        self.type = type_
        self.every_event = type_ in {"webhook", "alertmanager", "log"}
        self.pages = type_ in {"pagerduty", "opsgenie"}
        self.edits = type_ == "slack"
        self.resend_ms = resend_ms
        self.notifications: list[Notification] = []
        self.error: Exception | None = None

    @property
    def got(self) -> list[AlertEvent]:
        return [event for one in self.notifications for event in one.events]

    @property
    def news(self) -> list[AlertEvent]:
        """What was told for the first time: repeats aside."""
        return [
            event
            for one in self.notifications
            if one.kind is not Kind.REPEAT
            for event in one.events
        ]

    @property
    def kinds(self) -> list[str]:
        return [one.kind.value for one in self.notifications]

    def send(self, notification: Notification) -> str | None:
        if self.error is not None:
            raise self.error
        self.notifications.append(notification)
        return None


class Memory:
    """The topics in memory, for tests that are about Redis: what is published is there at once."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.records: list[tuple[int, bytes]] = []
        self.reports: list[tuple[int, bytes]] = []

    def publish(self, alerts: Sequence[AlertEvent]) -> None:
        self.records += [(self._now_ms(), encode_alert(alert)) for alert in alerts]

    def read_back(self) -> list[TopicAlert]:
        latest: dict[str, TopicAlert] = {}
        for at_ms, raw in self.records:
            event = msgspec.json.decode(raw, type=AlertEvent)
            old = latest.get(event.fingerprint)
            before = () if old is None else (*old.before, old.event.id)
            latest[event.fingerprint] = TopicAlert(event, at_ms, before)
        return list(latest.values())

    def reports_since(self, at_ms: int) -> list[bytes]:
        return [raw for published_ms, raw in self.reports if published_ms >= at_ms]


class World:
    """Engine, relay and notifier in this process, on the test's servers."""

    def __init__(self, settings: Settings, client: Any, topic: Any = None) -> None:
        self.settings, self.client = settings, client
        self.now = NOW
        self.rules = Rules()
        self.topic = topic or Memory(lambda: self.now)
        namespace = settings.namespace
        self.keys = AlertKeys(namespace)
        self.state = StateKeys(namespace)
        self.engine = self.another_engine()
        self.box = Box()
        self.route(box=self.box)

    def another_engine(self) -> AlertEngine:
        return AlertEngine(
            self.client,
            self.settings.namespace,
            self.rules,
            self.topic,
            lambda: self.now,
        )

    def route(self, routes: Sequence[Mapping[str, Any]] = (), **boxes: Box) -> None:
        """Start again with these routes and channels."""
        self.boxes = boxes
        kinds = {
            name: ChannelKind(box.type, box.every_event, box.resend_ms)
            for name, box in boxes.items()
        }
        self.routing = Routing(parse_routes(routes, kinds), kinds, self.settings.namespace)
        self.relay = self.another_relay()
        self.notifier = Notifier(self.client, self.settings.namespace, boxes)

    def another_relay(self, client: Any = None, topic: Any = None) -> Relay:
        namespace = self.settings.namespace
        topic = topic or self.topic
        return Relay(client or self.client, namespace, topic, self.routing, self.rules)

    def relay_to(self, topic: Any, *channels: str) -> Relay:
        routing = Routing(
            (), {name: ChannelKind("webhook", True) for name in channels}, self.settings.namespace
        )
        return Relay(self.client, self.settings.namespace, topic, routing, self.rules)

    def let_out(self) -> None:
        """One turn, as the service does it."""
        self.engine.restore()
        self.relay.turn(self.now)
        for name in self.boxes:
            self.notifier.deliver(name, self.now)

    def evaluate(self, *reports: WindowReport) -> None:
        """Publish reports, and judge them."""
        for report in reports:
            if isinstance(self.topic, Memory):
                self.topic.reports.append((self.now, encode_report(report)))
            self.engine.evaluate(report)

    def events(self) -> list[AlertEvent]:
        """What was published, by id; the same id must have the same content."""
        if isinstance(self.topic, Memory):
            return list(by_id([raw for _, raw in self.topic.records]).values())
        return list(by_id(alerts_on_topic(self.settings)).values())

    def appended(self, at_ms: int, partition: int = 0) -> None:
        """As a worker leaves it: the newest event of the version, whatever its event time."""
        version = VersionId("credit", "3")
        place = PartitionId("topic", partition)
        self.client.sadd(self.state.versions, " ".join(version))
        self.client.hset(self.state.version(version), f"w:{place}", f"1000:{at_ms}")

    def read_until(self, at_ms: int, partition: int = 0) -> None:
        self.client.hset(self.state.clocks, str(PartitionId("topic", partition)), at_ms)

    def forget(self) -> None:
        """Lose everything of this namespace in Redis."""
        for key in self.client.scan_iter(f"{self.settings.namespace}:*"):
            self.client.delete(key)

    def left(self) -> set[str]:
        """What of the routing is still in Redis: it should not outlive what fires."""
        prefix = self.keys.group("").removesuffix("group:")
        kinds = ("group:", "routed", "incidents", "inhibitors", "due", "outbox", "decided")
        more = ("waiting:", "tries:", "receipts:", "expiring", "lease:")
        keys = {key.decode().removeprefix(prefix) for key in self.client.scan_iter(f"{prefix}*")}
        return {key for key in keys if key.startswith((*kinds, *more))}


def settings_of(stack: Any, namespace: str) -> Settings:
    """Settings of one namespace on the test's servers."""
    environment = {
        "STREAMGAUGE_NAMESPACE": namespace,
        "STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "STREAMGAUGE_REDIS__URL": stack.redis_url,
    }
    return load_settings(environment=environment)


@contextmanager
def world_of(settings: Settings) -> Iterator[World]:
    """A world on Redis, its topics in memory."""
    with redis.Redis.from_url(settings.redis.url or "") as client:
        yield World(settings, client)


@contextmanager
def world_on_kafka(settings: Settings) -> Iterator[World]:
    """A world on Redis and on topics of its own."""
    ensure_topics(settings)
    with redis.Redis.from_url(settings.redis.url or "") as client:
        yield World(settings, client, AlertTopic(settings))


def statuses(events: Iterable[AlertEvent]) -> list[str]:
    return [event.status.value for event in events]


MINE = RuleConfig(name="mine", metric="error_rate", window="5m", condition="> 0.1")


def rate_of(model: str, minute: int, rate: float, **fields: Any) -> WindowReport:
    """A report of a model's error rate."""
    made = msgspec.structs.replace(errors(minute, rate, **fields), model_name=model)
    return with_report_id(made)


def settle(world: World, span_ms: int = INTERVAL_MS_MAX) -> None:
    """Let so much time go by that all groups are told what they have to tell."""
    until_ms = world.now + span_ms
    while world.now < until_ms:
        world.let_out()
        world.now += RECHECK_MS
    world.let_out()


def look(world: World, minutes: float) -> None:
    """Let time go by and look, as the service does."""
    until_ms = world.now + int(minutes * MINUTE_MS)
    while world.now < until_ms:
        world.now += 15_000
        world.engine.tick(world.now)
        world.let_out()


def let_leases_run_out(world: World) -> None:
    """What a dead process holds is held for seconds of the wall clock."""
    for lease in ("outbox", *(f"channel:{name}" for name in world.boxes)):
        world.client.delete(world.keys.lease(lease))
