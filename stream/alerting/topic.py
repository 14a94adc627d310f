"""``ml.alerts``: publish to it, read it back; and where the reading of reports starts."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas.alerts import AlertEvent, encode_alert
from schemas.topics import Topic, topic_name
from stream.kafka import (
    ADMIN_TIMEOUT_S,
    KafkaUnavailableError,
    client_settings,
    make_producer,
)
from stream.settings import Settings
from stream.topic_reader import read_topic

_FLUSH_S = 10.0  # below the lease of the outbox
_BEFORE_MAX = 100  # of one alert, more than can wait to be published when Redis crashes
_NOT_OURS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)

log = structlog.get_logger("alerts")


class TopicAlert(NamedTuple):
    """The last event of an alert, when it was published, epoch ms, and the ids of those before."""

    event: AlertEvent
    published_ms: int
    before: tuple[str, ...] = ()


class AlertTopic:
    """``ml.alerts`` of one namespace, and what alerts have to look back to in ``ml.metrics``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = topic_name(settings.namespace, Topic.ALERTS)
        self._producer: Producer = make_producer(settings)

    def publish(self, alerts: Sequence[AlertEvent]) -> None:
        """Publish events and return when the broker has them.

        Raises
        ------
        KafkaUnavailableError
            When it does not confirm all of them; publish them again, their ids stay the same.
        """
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error)

        for alert in alerts:
            self._producer.produce(
                self.name, encode_alert(alert), alert.fingerprint, on_delivery=delivered
            )
        if self._producer.flush(_FLUSH_S) or failed:
            why = failed[0].str() if failed else f"no answer in {_FLUSH_S:.0f} s"
            raise KafkaUnavailableError(f"alerts could not be published to {self.name}: {why}")

    def read_back(self) -> list[TopicAlert]:
        """Read the last event of every alert, and which were before it.

        Raises
        ------
        KafkaUnavailableError
            When the topic cannot be read.
        """
        latest: dict[bytes, TopicAlert] = {}
        for message in read_topic(self._settings, Topic.ALERTS):
            key, value = message.key() or b"", message.value()
            if not value:
                latest.pop(bytes(key), None)
                continue
            try:
                event = msgspec.json.decode(value, type=AlertEvent)
                old = latest.get(bytes(key))
                before = () if old is None else (*old.before[-_BEFORE_MAX:], old.event.id)
                latest[bytes(key)] = TopicAlert(event, message.timestamp()[1], before)
            except msgspec.DecodeError as error:
                log.warning("alert_ignored", offset=message.offset(), why=str(error))
        return list(latest.values())

    def reports_since(self, at_ms: int) -> list[bytes]:
        """Read the reports that were published since a time.

        Raises
        ------
        KafkaUnavailableError
            When the topic cannot be read.
        """
        reports = read_topic(self._settings, Topic.METRICS, at_ms)
        return [report.value() or b"" for report in reports]


def read_from_start(settings: Settings, group: str, topic: str) -> None:
    """Let a group that never read a topic begin at its beginning, whatever its default is.

    The group reads notices, too, of which it wants the newest only. Without this, reports that
    arrive before its first commit would be lost by a crash.
    """
    admin = AdminClient(client_settings(settings))
    try:
        partitions = admin.list_topics(topic, timeout=ADMIN_TIMEOUT_S).topics[topic].partitions
        asked = [TopicPartition(topic, number) for number in partitions]
        request = ConsumerGroupTopicPartitions(group, asked)
        stored = admin.list_consumer_group_offsets([request])[group].result().topic_partitions
        missing = [at.partition for at in stored or () if at.offset < 0]
        if missing:
            first = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
            earliest = {TopicPartition(topic, number): first for number in missing}
            found = admin.list_offsets(earliest)
            at = [TopicPartition(topic, p.partition, f.result().offset) for p, f in found.items()]
            request = ConsumerGroupTopicPartitions(group, at)
            admin.alter_consumer_group_offsets([request])[group].result()
    except KafkaException as error:
        if error.args[0].code() not in _NOT_OURS:  # with members, the group has begun already
            raise KafkaUnavailableError(
                f"the place of {group} in {topic} could not be set: {error.args[0].str()}"
            ) from error
