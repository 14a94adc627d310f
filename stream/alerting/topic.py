"""``ml.alerts``: publish to it, and read it back."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog
from confluent_kafka import KafkaError, Message, Producer

from schemas.alerts import AlertEvent, encode_alert
from schemas.topics import Topic, topic_name
from stream.kafka import KafkaUnavailableError, make_producer
from stream.settings import Settings
from stream.topic_reader import read_topic

_FLUSH_S = 10.0  # below the lease of the outbox
_BEFORE_MAX = 100  # of one alert, more than can wait to be published when Redis crashes

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
