"""Replay the housing data as live traffic, its labels among it."""

import heapq
import threading
import time
from collections.abc import Callable

from confluent_kafka import Producer

from schemas.topics import Topic, topic_name
from stream.demo.traffic import Record, housing_events, housing_labels
from stream.kafka import KafkaUnavailableError, make_producer
from stream.settings import Settings

_CHUNK_S = 0.05
_FLUSH_S = 30.0


class Replay:
    """Sends predictions and labels in a thread, in the order of event time, over ``seconds``.

    Attributes
    ----------
    total, sent : how many predictions there are, and how many were sent
    labels_sent : how many labels were sent
    sent_at : event times of predictions and when each was sent (monotonic seconds), in order
    """

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._topics = {topic: topic_name(settings.namespace, topic) for topic in Topic}
        self._seconds = seconds
        events = list(housing_events())
        merged = heapq.merge(events, housing_labels(), key=lambda record: record.time_ms)
        self._records: list[Record] = list(merged)
        self._next = 0
        self.total = len(events)
        self.sent = 0
        self.labels_sent = 0
        self.sent_at: list[tuple[int, float]] = []
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether records are still being sent."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop sending and wait for the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # shown by the demo, in the main thread
            self.error = error

    def _send_all(self) -> None:
        producer = make_producer(self._settings, **{"linger.ms": 5})
        began = time.monotonic()
        while self._next < len(self._records) and not self._stop.is_set():
            self._send_until(producer, self._due_ms(time.monotonic() - began))
            producer.poll(0)
            self._stop.wait(_CHUNK_S)
        if producer.flush(_FLUSH_S):
            raise KafkaUnavailableError("Kafka did not take all records of the demo: run it again")

    def _send_until(self, producer: Producer, due_ms: float) -> None:
        """Send the records up to an event time."""
        while self._next < len(self._records) and self._records[self._next].time_ms <= due_ms:
            record = self._records[self._next]
            producer.produce(self._topics[record.topic], record.value, key=record.key)
            self._next += 1
            if record.topic is Topic.LABELS:
                self.labels_sent += 1
            else:
                self.sent += 1
                self.sent_at.append((record.time_ms, time.monotonic()))

    def _due_ms(self, elapsed_s: float) -> float:
        first_ms, last_ms = self._records[0].time_ms, self._records[-1].time_ms
        return first_ms + (last_ms - first_ms) * elapsed_s / self._seconds


Clock = Callable[[], float]


class VisibleLatency:
    """How long events take from being sent until they are in Redis.

    The live window's watermark tells the newest event that is counted; when that is seen for the
    first time, its age is one sample.
    """

    def __init__(self, replay: Replay, disorder_ms: int, clock: Clock = time.monotonic) -> None:
        self._replay = replay
        self._disorder_ms = disorder_ms
        self._clock = clock
        self._seen = 0
        self.samples_s: list[float] = []

    def look(self, watermark_ms: int | None) -> None:
        """Take a sample where newer events have become visible."""
        if watermark_ms is None:
            return
        now = self._clock()
        newest_ms = watermark_ms + self._disorder_ms
        sent_at = self._replay.sent_at
        last = None
        while self._seen < len(sent_at) and sent_at[self._seen][0] <= newest_ms:
            last = sent_at[self._seen]
            self._seen += 1
        if last is not None:
            self.samples_s.append(now - last[1])
