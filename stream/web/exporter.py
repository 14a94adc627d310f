"""``/metrics``: Streamgauge's own figures for Prometheus, computed at scrape."""

from collections.abc import Callable, Iterator

import redis
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from stream.state.books import read_books
from stream.state.client import RedisClient
from stream.state.keys import StateKeys

_MS = 1000.0


class StateCollector(Collector):
    """Books and log clocks of every partition, read from Redis."""

    def __init__(self, client: RedisClient, namespace: str, now_ms: Callable[[], int]) -> None:
        self._client = client
        self._namespace = namespace
        self._now_ms = now_ms

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
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
            clocks = self._client.hgetall(StateKeys(self._namespace).clocks)
        except redis.RedisError:
            return
        for partition, amounts in books.items():
            for book, amount in amounts.items():
                events.add_metric([str(partition), book], amount)
        for name, clock in clocks.items():
            behind.add_metric([name.decode()], max(0.0, (self._now_ms() - int(clock)) / _MS))
        yield events
        yield behind


def make_metrics_registry(
    client: RedisClient, namespace: str, now_ms: Callable[[], int]
) -> CollectorRegistry:
    """Registry of everything that ``/metrics`` shows."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(StateCollector(client, namespace, now_ms))
    return registry
