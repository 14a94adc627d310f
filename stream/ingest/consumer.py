"""The worker's consumer: in a group for its partitions, but at the offsets that Redis holds."""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import Topic
from stream.kafka import client_settings, make_follower
from stream.settings import Settings
from stream.state.keys import PartitionId
from stream.state.store import Claim, StateStore

SESSION_TIMEOUT_MS = 10_000
_OFFSETS_TIMEOUT_S = 10.0

log = structlog.get_logger("consumer")


def group_name(namespace: str, topic: Topic) -> str:
    """Name of the consumer group in which workers share a topic.

    Examples
    --------
    >>> group_name("ml", Topic.PREDICTIONS), group_name("ml", Topic.LABELS)
    ('ml.worker', 'ml.worker.labels')
    """
    return f"{namespace}.worker" + ("" if topic is Topic.PREDICTIONS else f".{topic}")


def make_group_consumer(settings: Settings, instance: str | None, topic: Topic) -> Consumer:
    """Make a consumer of the workers' group for a topic.

    ``instance`` makes the membership static: a worker that restarts in place keeps its partitions
    without a rebalance.
    """
    given = client_settings(
        settings,
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "fetch.min.bytes",
        "fetch.wait.max.ms",
        "queued.max.messages.kbytes",
        "group.instance.id",
    )
    fixed = {
        "group.id": group_name(settings.namespace, topic),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
    }
    session_ms = int(given.get("session.timeout.ms", SESSION_TIMEOUT_MS))
    defaults = {
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": max(session_ms // 3, 1),  # two may be lost
        "fetch.wait.max.ms": 50,
    }
    static = {"group.instance.id": instance} if instance else {}
    return Consumer(defaults | static | given | fixed)


def claim_partitions(
    settings: Settings,
    consumer: Consumer,
    assigned: Sequence[TopicPartition],
    topic_id: str,
    store: StateStore,
    owner: str,
    topic: Topic,
) -> dict[int, Claim]:
    """Claim partitions of one topic; they are to be assigned at the offsets of the claims.

    Where nothing is stored a partition starts at the earliest record that is retained. Where
    retention ran past the stored offset it starts at the earliest one too, and the gap is stored:
    windows before it are not complete.
    """
    claims: dict[int, Claim] = {}
    for given in assigned:
        partition = PartitionId(topic_id, given.partition)
        claim = store.claim(partition, owner, topic)
        lowest, _ = consumer.get_watermark_offsets(given, timeout=_OFFSETS_TIMEOUT_S)
        if claim.offset is None or claim.offset < lowest:
            seen_from_ms = 0
            if lowest > 0:
                seen_from_ms = append_ms_of_earliest(settings, given, lowest)
                log.warning(
                    "records_missing",
                    partition=str(partition),
                    stored_offset=claim.offset,
                    earliest_offset=lowest,
                )
            store.start(partition, lowest, seen_from_ms)
            claim = replace(claim, offset=lowest, seen_from_ms=seen_from_ms)
        claims[given.partition] = claim
    return claims


def append_ms_of_earliest(settings: Settings, given: TopicPartition, offset: int) -> int:
    """Append time of the earliest record that is retained; 0 where there is none."""
    follower = make_follower(settings)
    try:
        follower.assign([TopicPartition(given.topic, given.partition, offset)])
        for message in follower.consume(1, _OFFSETS_TIMEOUT_S):
            if message.error() is None:
                return int(message.timestamp()[1])
        return 0
    finally:
        follower.close()
