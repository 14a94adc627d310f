"""The one place that wires the shell to the core."""

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

import redis
from confluent_kafka.admin import AdminClient
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from schemas.alerts import AlertEvent
from schemas.durations import parse_duration_ms
from schemas.metrics import WindowReport, encode_report
from schemas.rules import RuleConfig, SilenceConfig
from schemas.topics import Topic, topic_name
from sinks.channel import Channel, ChannelSettingsError
from sinks.channels import channel_types, make_channels
from stream.alerting.engine import AlertEngine
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.alerting.routing import LOGS, PROGRAMS, ChannelKind, Routing, parse_routes
from stream.alerting.service import Alerting
from stream.alerting.topic import AlertTopic
from stream.alerting.view import read_active
from stream.alerting.watchdog import Watchdog
from stream.baseline.store import Publisher
from stream.configure import publish_config, publish_rule
from stream.custom_metrics import installed_metrics
from stream.kafka import KafkaUnavailableError, client_settings, ensure_topics, make_producer
from stream.reading.reader import WindowReader
from stream.registry import Registry
from stream.rollup.rollup import Rollup
from stream.settings import Settings, SettingsError
from stream.state.client import RedisClient
from stream.state.store import StateStore
from stream.web.alerts_api import AlertsApi
from stream.web.api import DriftApi
from stream.web.exporter import make_metrics_registry
from stream.web.health import check_health
from stream.web.rules_api import RulesApi
from stream.web.server import HttpServer
from stream.web.silences_api import SilencesApi
from stream.worker import Worker

_REDIS_TRIES = 30
_FLUSH_S = 30.0
_PROBE_S = 5.0
_ADOPTED_BY = "streamgauge agents"


class RedisUnavailableError(Exception):
    """Redis cannot be used; the message says where and what to do. Retrying may help."""


def now_ms() -> int:
    """Wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


def connect_redis(settings: Settings) -> RedisClient:
    """Connect, with retries that outlast a restart: every script may be sent twice.

    Raises
    ------
    RedisUnavailableError
        When nothing is configured or nobody answers.
    """
    url = settings.redis.url
    if url is None:
        raise RedisUnavailableError("no Redis is configured: set redis.url")
    errors = [redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError]
    first = redis.Redis.from_url(url, socket_timeout=10)
    try:
        first.ping()
    except redis.RedisError as error:
        place = url.rsplit("@", 1)[-1]
        raise RedisUnavailableError(
            f"Redis at {place} does not answer ({error}); is it running, is the password right?"
        ) from error
    finally:
        first.close()
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), _REDIS_TRIES)
    return redis.Redis.from_url(url, socket_timeout=10, retry=retry, retry_on_error=errors)


def probing_redis(url: str) -> RedisClient:
    """Make a client that asks once: who wants to know how things are wants the answer now."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_PROBE_S,
        socket_connect_timeout=_PROBE_S,
        retry=Retry(NoBackoff(), 0),
    )


def run_worker(settings: Settings, instance: str | None) -> None:
    """Run one data-plane worker until SIGINT or SIGTERM."""
    ensure_topics(settings)
    store = StateStore(connect_redis(settings), settings.namespace)
    registry = Registry(settings).start()
    worker = Worker(settings, store, registry, now_ms, instance)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.stop())
    try:
        worker.run()
    finally:
        registry.close()


def notification_channels(settings: Settings) -> dict[str, Channel]:
    """Make the notification channels, by name; that of the log is always there.

    Raises
    ------
    SettingsError
        When one cannot be made of its settings.
    """
    try:
        return make_channels(settings.channels, os.environ, now_ms)
    except ChannelSettingsError as error:
        raise SettingsError(str(error)) from error


def make_routing(settings: Settings, channels: Mapping[str, Channel]) -> Routing:
    """Read the routes to these channels.

    Raises
    ------
    SettingsError
        When a route cannot be used.
    """
    types = channel_types(settings.channels)
    kinds = {
        name: ChannelKind(types[name], channel.every_event, channel.resend_ms)
        for name, channel in channels.items()
    }
    try:
        return Routing(parse_routes(settings.routes, kinds), kinds, settings.namespace)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def read_routing(settings: Settings) -> Routing:
    """Read the routes, and of which types the channels are, for those who want to know who is told.

    No channel is made, so the secrets of none are needed.

    Raises
    ------
    SettingsError
        When a type or a route cannot be used.
    """
    try:
        types = channel_types(settings.channels)
        kinds = {name: ChannelKind(of, of in LOGS | PROGRAMS) for name, of in types.items()}
        return Routing(parse_routes(settings.routes, kinds), kinds, settings.namespace)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def heartbeat_channels(settings: Settings, channels: Mapping[str, Channel]) -> dict[str, Channel]:
    """Return the channels that are sent the heartbeat, by name.

    Raises
    ------
    SettingsError
        When the watchdog names a channel that is none.
    """
    wanted = settings.watchdog.channels
    for name in wanted:
        if name not in channels:
            known = ", ".join(sorted(channels))
            raise SettingsError(f"watchdog.channels: there is no channel {name!r}; use {known}")
    return {name: channels[name] for name in wanted}


def make_watchdog(
    settings: Settings, client: RedisClient, channels: Mapping[str, Channel]
) -> Watchdog:
    """Wire the heartbeat to its channels.

    Raises
    ------
    SettingsError
        When it names a channel that is none.
    """
    told = heartbeat_channels(settings, channels)
    interval_ms = parse_duration_ms(settings.watchdog.interval)
    return Watchdog(client, settings.namespace, told, interval_ms)


def make_engine(settings: Settings, client: RedisClient, registry: Registry) -> AlertEngine:
    """Wire the alert engine to what was published."""
    return AlertEngine(client, settings.namespace, registry, AlertTopic(settings), now_ms)


def make_alerting(settings: Settings, client: RedisClient, registry: Registry) -> Alerting:
    """Wire the alert engine to ``ml.alerts`` and to the notification channels.

    Raises
    ------
    SettingsError
        When a channel, a route or the watchdog cannot be made of its settings.
    """
    channels = notification_channels(settings)
    routing = make_routing(settings, channels)
    topic = AlertTopic(settings)
    namespace = settings.namespace
    return Alerting(
        AlertEngine(client, namespace, registry, topic, now_ms),
        Relay(client, namespace, topic, routing, registry),
        Notifier(client, namespace, channels),
        make_watchdog(settings, client, channels),
        now_ms,
    )


def run_agents(settings: Settings) -> None:
    """Run one control-plane process until SIGINT or SIGTERM."""
    from stream.agents import ControlPlane  # noqa: PLC0415  # Faust takes a second to import

    ensure_topics(settings)
    client = connect_redis(settings)
    registry = Registry(settings).start()
    producer = make_producer(settings)
    topic = topic_name(settings.namespace, Topic.METRICS)

    def send(reports: list[WindowReport]) -> None:
        for report in reports:
            producer.produce(topic, encode_report(report), key=report.model_name.encode())
        if producer.flush(_FLUSH_S):
            raise KafkaUnavailableError(f"reports could not be published to {topic}")

    admin = AdminClient(client_settings(settings))

    probe = probing_redis(str(settings.redis.url))
    channels = tuple(read_routing(settings).channels)

    def health() -> tuple[bool, dict[str, Any]]:
        def broker() -> None:
            admin.list_topics(timeout=_PROBE_S)

        return check_health(probe, settings.namespace, broker, now_ms(), channels)

    callables = installed_metrics()
    metrics = make_metrics_registry(
        client, settings.namespace, now_ms, lambda: dict(callables.failures), channels
    )
    reader = WindowReader(
        probe, settings.namespace, lambda: registry.snapshot, settings.worker.disorder_ms
    )
    publisher = Publisher(settings, _ADOPTED_BY, now_ms)
    rollup = Rollup(settings, client, registry, send, publisher, now_ms, callables)
    alerting = make_alerting(settings, client, registry)

    def active() -> list[AlertEvent]:
        return read_active(probe, settings.namespace)

    def publish_a_rule(key: str, rule: RuleConfig | None, who: str) -> None:
        publish_rule(settings, key, rule, who, now_ms())

    def publish_silence(silence: SilenceConfig, who: str, at_ms: int) -> None:
        publish_config(settings, [silence], who, at_ms)

    routes = [
        *DriftApi(reader, now_ms).routes(),
        *AlertsApi(active, alerting.send).routes(),
        *RulesApi(lambda: registry.snapshot, publish_a_rule).routes(),
        *SilencesApi(registry.stored_silences, publish_silence, now_ms).routes(),
    ]
    http = HttpServer(settings.http, health, metrics, routes)
    ControlPlane(settings, rollup, alerting, http).run()
