"""A worker's consumers: one for each topic that it reads, each in a group of its own.

One group for all topics would not do: what is cooperative shares out partitions by their number
alone, and left all of one topic with one worker and all of another with the next.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.topics import Topic
from stream.ingest.consumer import make_group_consumer
from stream.kafka import ADMIN_TIMEOUT_S
from stream.settings import Settings

OnChange = Callable[[Topic, Consumer, list[TopicPartition]], None]


class Subscriptions:
    """The consumers of one worker, from when it joins until it leaves.

    Parameters
    ----------
    settings : as everywhere
    instance : name of a static membership, or None
    topics : name of each topic
    on_assign, on_revoke, on_lost : called with the topic, its consumer and the partitions
    """

    def __init__(
        self,
        settings: Settings,
        instance: str | None,
        topics: Mapping[Topic, str],
        on_assign: OnChange,
        on_revoke: OnChange,
        on_lost: OnChange,
    ) -> None:
        self._topics = topics
        self._more = False
        self._consumers: dict[Topic, Consumer] = {}
        for kind, name in topics.items():
            consumer = self._consumers[kind] = make_group_consumer(settings, instance, kind)
            consumer.subscribe(
                [name],
                on_assign=partial(on_assign, kind),
                on_revoke=partial(on_revoke, kind),
                on_lost=partial(on_lost, kind),
            )

    def partitions(self, kind: Topic) -> list[int]:
        """Numbers of all partitions of a topic."""
        name = self._topics[kind]
        found = self._consumers[kind].list_topics(name, timeout=ADMIN_TIMEOUT_S).topics[name]
        return sorted(found.partitions)

    def poll(self, records_max: int, wait_s: float) -> list[Message]:
        """Poll every topic; waits for predictions alone, and not while there is more to read."""
        polled: list[Message] = []
        more = False
        for kind, consumer in self._consumers.items():
            waits = kind is Topic.PREDICTIONS and not self._more
            found = consumer.consume(records_max, wait_s if waits else 0)
            more = more or len(found) >= records_max
            polled += found
        self._more = more
        return polled

    def assignment(self) -> list[TopicPartition]:
        """Partitions of predictions that are assigned."""
        return self._consumers[Topic.PREDICTIONS].assignment()

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Read no more of these partitions of predictions, and keep them."""
        self._consumers[Topic.PREDICTIONS].pause(list(partitions))

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Read on."""
        self._consumers[Topic.PREDICTIONS].resume(list(partitions))

    def mirror(self, offsets: Iterable[tuple[Topic, TopicPartition]]) -> None:
        """Commit offsets to Kafka as well, for lag tools."""
        by_kind: dict[Topic, list[TopicPartition]] = {}
        for kind, at in offsets:
            by_kind.setdefault(kind, []).append(at)
        for kind, moved in by_kind.items():
            self._consumers[kind].commit(offsets=moved, asynchronous=True)

    def close(self) -> None:
        """Leave the groups; partitions that are still there are revoked first."""
        for consumer in self._consumers.values():
            consumer.close()
