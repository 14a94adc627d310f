"""``/metrics``: Streamgauge's own figures for Prometheus, computed at scrape."""

from collections.abc import Callable, Collection, Iterator, Mapping

import redis
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas.alerts import Severity, Status
from stream.alerting.channel_figures import read_channels
from stream.alerting.channel_store import OUTCOMES
from stream.alerting.view import count_active
from stream.custom_metrics import Failure
from stream.state.books import read_books
from stream.state.client import RedisClient
from stream.state.join import JOIN_OUTCOMES, JoinFigures, read_join
from stream.state.keys import READ_TOPICS, StateKeys

_MS = 1000.0
_ACTIVE = tuple(status for status in Status if status is not Status.RESOLVED)

Family = CounterMetricFamily | GaugeMetricFamily
Failures = Callable[[], Mapping[tuple[str, Failure], int]]
"""How often each registered performance metric failed, by its name and why."""


class StateCollector(Collector):
    """Books and log clocks of every partition, and the label join, read from Redis."""

    def __init__(self, client: RedisClient, namespace: str, now_ms: Callable[[], int]) -> None:
        self._client = client
        self._namespace = namespace
        self._now_ms = now_ms

    def collect(self) -> Iterator[Family]:
        """Yield the families; nothing when Redis does not answer."""
        events = CounterMetricFamily(
            "streamgauge_events",
            "Events by what became of them; consumed = accepted + late + rejected + empty.",
            labels=["partition", "book"],
        )
        behind = GaugeMetricFamily(
            "streamgauge_log_behind_seconds",
            "How far the reading of a partition is behind now, in append time.",
            labels=["partition"],
        )
        try:
            books = read_books(self._client, self._namespace)
            keys = StateKeys(self._namespace)
            clocks: dict[bytes, bytes] = {}
            for topic in READ_TOPICS:
                clocks |= self._client.hgetall(keys.clocks_of(topic))
            join = read_join(self._client, self._namespace)
        except redis.RedisError:
            return
        for partition, amounts in books.items():
            for book, amount in amounts.items():
                events.add_metric([str(partition), book], amount)
        for name, clock in clocks.items():
            behind.add_metric([name.decode()], max(0.0, (self._now_ms() - int(clock)) / _MS))
        yield events
        yield behind
        yield from join_families(join)


def join_families(join: JoinFigures) -> Iterator[Family]:
    """Families of the label join; there is none for each version, of which there may be many."""
    outcomes = CounterMetricFamily(
        "streamgauge_join_outcomes",
        "Predictions and labels by what the label join made of them.",
        labels=["outcome"],
    )
    for outcome in JOIN_OUTCOMES:
        outcomes.add_metric([outcome], getattr(join, outcome))
    yield outcomes
    for name, meaning, value in (
        ("entries", "Requests that the label join remembers.", join.entries),
        ("memory_bytes", "What the label join takes of Redis' memory, about.", join.memory_bytes),
        ("limited_versions", "Model versions for which memory is short.", len(join.rates)),
        (
            "share_min",
            "Smallest share of its requests that is joined of a model version.",
            min(join.rates.values(), default=1.0),
        ),
    ):
        yield GaugeMetricFamily(f"streamgauge_join_{name}", meaning, value=value)


class AlertsCollector(Collector):
    """Active alerts, and what became of notifications, read from Redis.

    There are as many series as severities and channels, however many alerts there are.
    """

    def __init__(self, client: RedisClient, namespace: str, channels: Collection[str]) -> None:
        self._client = client
        self._namespace = namespace
        self._channels = channels

    def collect(self) -> Iterator[Family]:
        """Yield the families; nothing when Redis does not answer."""
        active = GaugeMetricFamily(
            "streamgauge_alerts",
            "Alerts that are active now, silenced ones too.",
            labels=["status", "severity"],
        )
        outcomes = CounterMetricFamily(
            "streamgauge_notifications",
            "Notifications by channel and outcome; each try that failed counts.",
            labels=["channel", "outcome"],
        )
        waiting = GaugeMetricFamily(
            "streamgauge_notifications_waiting",
            "Notifications that a channel has still to deliver.",
            labels=["channel"],
        )
        try:
            counts = count_active(self._client, self._namespace)
            channels = read_channels(self._client, self._namespace, self._channels)
        except redis.RedisError:
            return
        for status in _ACTIVE:
            for severity in Severity:
                active.add_metric([status, severity], counts[status, severity])
        for channel in channels:
            waiting.add_metric([channel.name], channel.waiting)
            for outcome in OUTCOMES:
                outcomes.add_metric([channel.name, outcome], getattr(channel.state, outcome))
        yield active
        yield outcomes
        yield waiting


class FailuresCollector(Collector):
    """Failures of registered performance metrics; as many names as are installed."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures

    def collect(self) -> Iterator[Family]:
        """Yield the one family."""
        failed = CounterMetricFamily(
            "streamgauge_performance_metric_failures",
            "Calls of registered performance metrics that gave no figure, by why.",
            labels=["metric", "reason"],
        )
        for (metric, reason), count in sorted(self._failures().items()):
            failed.add_metric([metric, str(reason)], count)
        yield failed


def make_metrics_registry(
    client: RedisClient,
    namespace: str,
    now_ms: Callable[[], int],
    failures: Failures,
    channels: Collection[str] = (),
) -> CollectorRegistry:
    """Registry of everything that ``/metrics`` shows."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(StateCollector(client, namespace, now_ms))
    registry.register(AlertsCollector(client, namespace, channels))
    registry.register(FailuresCollector(failures))
    return registry
