"""Read a topic to where it ends now, for commands that look something up."""

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.topics import Topic, topic_name
from stream.kafka import ADMIN_TIMEOUT_S, KafkaUnavailableError, make_follower
from stream.settings import Settings

# A topic that gives nothing for this long, though its end is not reached, will give nothing.
SILENCE_S_MAX = 30.0
_POLL_S = 0.2
_BATCH = 1_000


def read_topic(settings: Settings, topic: Topic, since_ms: int | None = None) -> Iterator[Message]:
    """Yield a topic's records up to its present ends, each partition in its order.

    Parameters
    ----------
    settings
        Where Kafka is.
    topic
        Which topic.
    since_ms
        Append time to start at, epoch ms; None is the beginning.

    Raises
    ------
    KafkaUnavailableError
        When the topic is not there, or the broker falls silent.
    """
    name = topic_name(settings.namespace, topic)
    consumer = make_follower(settings)
    try:
        waiting = _assign(consumer, name, since_ms)
        heard = time.monotonic()
        while waiting:
            for message in consumer.consume(_BATCH, _POLL_S):
                heard = time.monotonic()
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
            if time.monotonic() - heard > SILENCE_S_MAX:
                raise KafkaUnavailableError(
                    f"{name} could not be read to its end: is the broker at"
                    f" {settings.bootstrap_servers} up?"
                )
    finally:
        consumer.close()


def _assign(consumer: Consumer, name: str, since_ms: int | None) -> set[int | None]:
    found = consumer.list_topics(name, timeout=ADMIN_TIMEOUT_S).topics[name].partitions
    if not found:
        raise KafkaUnavailableError(
            f"there is no topic {name}: is the namespace right? `streamgauge doctor` lists topics"
        )
    if since_ms is None:
        at = [TopicPartition(name, number, OFFSET_BEGINNING) for number in found]
    else:
        wanted = [TopicPartition(name, number, max(0, since_ms)) for number in found]
        at = consumer.offsets_for_times(wanted, timeout=ADMIN_TIMEOUT_S)
    consumer.assign(at)
    return {place.partition for place in at}


def latest_by_key(settings: Settings, topic: Topic) -> dict[str, Message]:
    """Return a compacted topic's records as they are now; deleted ones are gone."""
    out: dict[str, Message] = {}
    for message in read_topic(settings, topic):
        key = (message.key() or b"").decode("utf-8", "replace")
        if message.value():
            out[key] = message
        else:
            out.pop(key, None)
    return out


def header(message: Message, name: str) -> str | None:
    """Return a record's header as text, None where it has none of that name."""
    for found, value in list(message.headers() or ()):
        if found == name and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
    return None
