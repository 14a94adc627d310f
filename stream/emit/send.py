"""Records to a topic, and an honest account of what arrived there."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream.emit.record import Record
from stream.kafka import make_producer
from stream.settings import Settings

# Longer than a broker takes to restart; what is still undelivered then has failed.
DELIVERY_TIMEOUT_MS = 60_000
_FLUSH_S = 0.2
_QUEUE_FULL_POLL_S = 0.05
# One request holds up to 1 MB; waiting this long fills it at 50,000 small events a second.
_LINGER_MS = 20


@dataclass(slots=True)
class Delivery:
    """What became of the records.

    Attributes
    ----------
    sent
        Acknowledged by the broker.
    failed
        Not acknowledged.
    why
        The first failure, in the broker's words.
    seconds
        How long it took.
    """

    sent: int = 0
    failed: int = 0
    why: str | None = None
    seconds: float = 0.0


class Sender:
    """Produces to one topic. A record counts as sent when all in-sync replicas have it."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = topic
        self._failed = 0
        self._why: str | None = None
        self._given = 0
        self._begun = time.monotonic()
        self._producer: Producer = make_producer(
            settings,
            **{
                "linger.ms": _LINGER_MS,
                "message.timeout.ms": DELIVERY_TIMEOUT_MS,
                # Successes are counted by what is left; a call for each would halve the rate.
                "delivery.report.only.error": True,
                "on_delivery": self._on_failure,
            },
        )

    def _on_failure(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._fail(error.str())

    def _fail(self, why: str) -> None:
        self._failed += 1
        self._why = self._why or why

    def send(self, records: Iterable[Record]) -> None:
        """Queue records; waits while the queue is full."""
        for record in records:
            self._given += 1
            while not self._is_queued(record):
                self._producer.poll(_QUEUE_FULL_POLL_S)
        self._producer.poll(0)

    def _is_queued(self, record: Record) -> bool:
        """Queue a record, or count it as failed; False where the queue is full."""
        try:
            self._producer.produce(self.topic, record.value, record.key)
        except BufferError:
            return False
        except KafkaException as error:  # too large, or the producer is beyond repair
            self._fail(error.args[0].str())
        return True

    def wait(self, seconds: float) -> None:
        """Serve the producer for a while."""
        self._producer.poll(seconds)

    @property
    def delivered(self) -> int:
        """How many have arrived so far, at least."""
        return max(0, self._given - self._failed - len(self._producer))

    def close(self, progress: Callable[[int], None] | None = None) -> Delivery:
        """Wait until every record has arrived or failed.

        Parameters
        ----------
        progress
            Called with `delivered` now and then.
        """
        deadline = time.monotonic() + DELIVERY_TIMEOUT_MS / 1000 + 5
        while left := self._producer.flush(_FLUSH_S):
            if progress is not None:
                progress(self.delivered)
            if time.monotonic() > deadline:
                self._failed += left
                self._why = self._why or "the broker did not acknowledge in time"
                break
        return Delivery(
            self._given - self._failed, self._failed, self._why, time.monotonic() - self._begun
        )
