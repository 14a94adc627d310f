"""Kafka clients made from the settings, and the topics they need."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.topics import MESSAGE_BYTES_MAX, TOPICS, Topic, TopicSpec, topic_name, topic_settings
from stream.settings import Settings

log = structlog.get_logger("kafka")

ADMIN_TIMEOUT_S = 30.0
_TOPIC_VISIBLE_S = 30.0
# Syslog's level. librdkafka writes a line for every attempt to connect, hundreds in an outage; what
# it reports as an error is logged by `_tell` instead, once in a while.
_LOG_CRITICAL = 2
_TOLD_AGAIN_S = 10.0
_CLIENT_NAMES = ("bootstrap.servers", "client.id", "security.protocol", "ssl.", "sasl.")


class KafkaUnavailableError(Exception):
    """The broker cannot be used; the message says where and what to do. Retrying may help."""


def client_settings(settings: Settings, *more: str) -> dict[str, Any]:
    """Properties every client needs, and those named in ``more`` where they are set."""
    if settings.bootstrap_servers is None:
        raise KafkaUnavailableError("no broker is configured: set kafka.bootstrap_servers")
    return {
        name: value
        for name, value in settings.kafka.items()
        if name.startswith(_CLIENT_NAMES) or name in more
    } | {"log.connection.close": False, "log_level": _LOG_CRITICAL, "error_cb": _tell}


_told: dict[str, float] = {}


def _tell(error: KafkaError) -> None:
    """Log what a client reports, each kind of error once in ten seconds."""
    now = time.monotonic()
    if now - _told.get(error.name(), -_TOLD_AGAIN_S) >= _TOLD_AGAIN_S:
        _told[error.name()] = now
        log.warning("kafka", error=error.str(), retrying=error.retriable() or not error.fatal())


def make_producer(settings: Settings, **more: Any) -> Producer:
    """Make an idempotent producer."""
    given = client_settings(settings, "compression.type", "linger.ms")
    fixed = {"enable.idempotence": True, "message.max.bytes": MESSAGE_BYTES_MAX}
    return Producer(given | fixed | more)


def make_follower(settings: Settings, *, wait_ms: int = 100) -> Consumer:
    """Make a consumer that reads what it is assigned and belongs to no group.

    Parameters
    ----------
    settings : where Kafka is
    wait_ms : how long the broker waits for news at the end of a partition. New records come at
        once all the same, but twice so long passes until it is known that the end is reached
    """
    return Consumer(
        client_settings(settings)
        | {
            "group.id": f"{settings.namespace}.follower",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": wait_ms,
        }
    )


@contextlib.contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Say in a sentence that the broker does not answer, or refuses, where it does so inside.

    Raises
    ------
    KafkaUnavailableError
        In place of librdkafka's own error.
    """
    try:
        yield
    except KafkaException as error:
        raise KafkaUnavailableError(
            f"Kafka at {settings.bootstrap_servers} does not answer ({error.args[0].str()});"
            " is it running?"
        ) from error


def ensure_topics(settings: Settings, topics: Iterable[Topic] = tuple(Topic)) -> None:
    """Create the topics that are missing; existing ones are used as they are.

    Raises
    ------
    KafkaUnavailableError
        When the broker does not answer or refuses.
    """
    admin = AdminClient(client_settings(settings))
    wanted = {topic_name(settings.namespace, topic): TOPICS[topic] for topic in topics}
    with answering(settings):
        present = admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics
        missing = [
            NewTopic(
                name,
                num_partitions=settings.topics.partitions,
                replication_factor=settings.topics.replication,
                config=_topic_settings(settings, spec),
            )
            for name, spec in wanted.items()
            if name not in present
        ]
        for future in admin.create_topics(missing).values() if missing else ():
            _created(future)
        _wait_for(admin, set(wanted))


def _topic_settings(settings: Settings, spec: TopicSpec) -> dict[str, str]:
    retention_ms = settings.topics.retention_ms(spec.topic)
    chosen = {} if retention_ms is None else {"retention.ms": str(retention_ms)}
    return topic_settings(spec) | chosen


def _created(future: Any) -> None:
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _wait_for(admin: AdminClient, names: set[str]) -> None:
    """Wait until the broker shows new topics: a consumer would not find them before."""
    deadline = time.monotonic() + _TOPIC_VISIBLE_S
    while time.monotonic() < deadline:
        shown = admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics
        if all(name in shown and shown[name].partitions for name in names):
            return
        time.sleep(0.05)
    raise KafkaUnavailableError(f"topics {sorted(names)} were created and do not show up")


def topic_ids(settings: Settings, names: Iterable[str]) -> Mapping[str, str]:
    """Ids of topics: a topic deleted and made anew has another."""
    admin = AdminClient(client_settings(settings))
    futures = admin.describe_topics(TopicCollection(list(names)), request_timeout=ADMIN_TIMEOUT_S)
    return {name: str(future.result().topic_id) for name, future in futures.items()}
