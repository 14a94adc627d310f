"""The one place that wires the shell to the core."""

import signal
import time
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from schemas.metrics import WindowReport, encode_report
from schemas.topics import Topic, topic_name
from stream.kafka import KafkaUnavailableError, ensure_topics, make_producer
from stream.registry import Registry
from stream.rollup.rollup import Rollup
from stream.settings import Settings
from stream.state.store import StateStore
from stream.worker import Worker

_REDIS_TRIES = 30
_FLUSH_S = 30.0


class RedisUnavailableError(Exception):
    """Redis cannot be used; the message says where and what to do. Retrying may help."""


def now_ms() -> int:
    """Wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


def connect_redis(settings: Settings) -> "redis.Redis[Any]":
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

    ControlPlane(settings, Rollup(settings, client, registry, send, now_ms)).run()
