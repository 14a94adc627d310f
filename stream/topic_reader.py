"""Read topics to where they end now."""

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.topics import Topic, topic_name
from stream.kafka import ADMIN_TIMEOUT_S, KafkaUnavailableError, answering, make_follower
from stream.settings import Settings

# A topic that gives nothing for this long, though its end is not reached, will give nothing.
SILENCE_S_MAX = 30.0
_POLL_S = 0.02  # of it all is waited for, unless a batch is full
_WAIT_MS = 10
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
    consumer = make_follower(settings, wait_ms=_WAIT_MS)
    try:
        places = places_of(settings, consumer, name, since_ms)
        if not places:
            raise KafkaUnavailableError(
                f"there is no topic {name}: is the namespace right? `streamgauge doctor` lists"
                " topics"
            )
        yield from read_to_end(settings, consumer, places)
    finally:
        consumer.close()


def read_to_end(
    settings: Settings, consumer: Consumer, places: Sequence[TopicPartition]
) -> Iterator[Message]:
    """Assign partitions to a follower, and yield their records up to their present ends.

    Parameters
    ----------
    settings
        Where Kafka is.
    consumer
        Made by `stream.kafka.make_follower`; afterwards it goes on from there.
    places
        Partitions, and where each is read from.

    Raises
    ------
    KafkaUnavailableError
        When the broker does not answer, or gives nothing more of what is not yet at its end.
    """
    consumer.assign(list(places))
    waiting = {(place.topic, place.partition) for place in places}
    heard = time.monotonic()
    while waiting:
        for message in consumer.consume(_BATCH, _POLL_S):
            error, place = message.error(), (str(message.topic()), message.partition() or 0)
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                continue
            if place in waiting:
                heard = time.monotonic()
            if error is None:
                yield message
            else:
                waiting.discard(place)
        if time.monotonic() - heard > SILENCE_S_MAX:
            names = " and ".join(sorted({topic for topic, _ in waiting}))
            raise KafkaUnavailableError(
                f"{names} could not be read to the end: is the broker at"
                f" {settings.bootstrap_servers} up?"
            )


def places_of(
    settings: Settings, consumer: Consumer, name: str, since_ms: int | None = None
) -> list[TopicPartition]:
    """Return where a topic is read from, a place for each partition; none where it is not there.

    Parameters
    ----------
    settings
        Where Kafka is.
    consumer
        Made by `stream.kafka.make_follower`.
    name
        Of the topic.
    since_ms
        Append time to start at, epoch ms; None is the beginning.

    Raises
    ------
    KafkaUnavailableError
        When the broker does not answer.
    """
    with answering(settings):
        found = consumer.list_topics(name, timeout=ADMIN_TIMEOUT_S).topics[name].partitions
        if since_ms is None or not found:
            return [TopicPartition(name, number, OFFSET_BEGINNING) for number in found]
        wanted = [TopicPartition(name, number, max(0, since_ms)) for number in found]
        return consumer.offsets_for_times(wanted, timeout=ADMIN_TIMEOUT_S)


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
