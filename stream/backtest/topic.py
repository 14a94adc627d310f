"""A topic as a log: its partitions in the order of append time, without a consumer group.

Read as they come, partitions would be minutes or hours apart, and what a backtest holds in memory
would grow with the distance. So those that are ahead are paused, and the result does not depend on
how fast each of them is delivered.
"""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from stream.backtest.log import BATCH_RECORDS, Advance, LogError
from stream.ingest.consumer import append_ms_of_earliest
from stream.ingest.records import Record
from stream.kafka import ADMIN_TIMEOUT_S, make_follower
from stream.settings import Settings
from stream.topic_reader import SILENCE_S_MAX

AHEAD_RECORDS_MAX = 20_000
"""Records of one partition that wait for the others: 10 MB at 500 bytes."""
_POLL_S = 0.2


@dataclass(slots=True)
class _Reading:
    """How far one partition was read; ``clock_ms`` is the largest append time so far."""

    next: int
    end: int
    clock_ms: int = 0
    waiting: int = 0
    paused: bool = False
    done: bool = field(init=False)

    def __post_init__(self) -> None:
        self.done = self.next >= self.end


class TopicLog:
    """What a topic holds now; see `Log`.

    Parameters
    ----------
    settings : where the broker is
    topic : its name
    since_ms, until_ms : append times between which records are read; ``since_ms`` None is the
        beginning, and a record after ``until_ms`` ends its partition
    """

    has_append_times = True

    def __init__(self, settings: Settings, topic: str, since_ms: int | None, until_ms: int) -> None:
        self.name = topic
        self.until_ms = until_ms
        self._settings = settings
        self._consumer = make_follower(settings)
        try:
            self._at = _places(self._consumer, topic, since_ms)
            self.seen_from_ms = self._seen_from(since_ms)
        except KafkaException as error:
            raise LogError(
                f"{topic} can't be read ({error.args[0].str()}): `streamgauge doctor` says more"
            ) from error
        self.partitions: Sequence[int] = sorted(self._at)
        self.size: int | None = sum(at.end - at.next for at in self._at.values())

    def place(self, record: Record) -> str:
        """Name partition and offset."""
        return f"partition {record.partition()}, offset {record.offset():,}"

    def batches(self, advance: Advance) -> Iterator[list[Record]]:
        """Yield what was there at the start, the earliest appended first."""
        heap: list[tuple[int, int, int, Record]] = []
        try:
            self._consumer.assign(
                [TopicPartition(self.name, n, at.next) for n, at in self._at.items()]
            )
            out: list[Record] = []
            for record in self._in_order(heap):
                out.append(record)
                if len(out) == BATCH_RECORDS:
                    yield out
                    advance(len(out))
                    out = []
            if out:
                yield out
                advance(len(out))
        finally:
            self._consumer.close()

    def _in_order(self, heap: list[tuple[int, int, int, Record]]) -> Iterator[Record]:
        heard = time.monotonic()
        while not all(at.done for at in self._at.values()):
            for message in self._consumer.consume(BATCH_RECORDS, _POLL_S):
                heard = time.monotonic()
                self._take(message, heap)
            if time.monotonic() - heard > SILENCE_S_MAX:
                raise LogError(
                    f"{self.name} could not be read to its end: is the broker at"
                    f" {self._settings.bootstrap_servers} up?"
                )
            safe_ms = min((at.clock_ms for at in self._at.values() if not at.done), default=None)
            while heap and (safe_ms is None or heap[0][0] < safe_ms):
                _, partition, _, record = heapq.heappop(heap)
                self._at[partition].waiting -= 1
                yield record
            self._hold_back(safe_ms)

    def _take(self, message: Record, heap: list[tuple[int, int, int, Record]]) -> None:
        """Put a record where it waits for the other partitions."""
        at = self._at[message.partition() or 0]
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                at.done = True
            elif error.fatal():
                raise LogError(
                    f"{self.name} can't be read ({error.str()}): `streamgauge doctor` says more"
                )
            return
        offset = message.offset() or 0
        append_ms = int(message.timestamp()[1])
        if at.done or offset < at.next:
            return
        at.next = offset + 1
        at.clock_ms = max(at.clock_ms, append_ms)
        at.done = at.next >= at.end or append_ms > self.until_ms
        if append_ms <= self.until_ms:
            at.waiting += 1
            heapq.heappush(heap, (at.clock_ms, message.partition() or 0, offset, message))

    def _hold_back(self, safe_ms: int | None) -> None:
        """Pause partitions that are ahead or done, and go on with those that are not any more.

        The one that all others wait for, whose clock is ``safe_ms``, goes on whatever waits.
        """
        for number, at in self._at.items():
            most = AHEAD_RECORDS_MAX // 2 if at.paused else AHEAD_RECORDS_MAX
            ahead = at.waiting > most and safe_ms is not None and at.clock_ms > safe_ms
            wanted = at.done or ahead
            if wanted != at.paused:
                at.paused = wanted
                change = self._consumer.pause if wanted else self._consumer.resume
                change([TopicPartition(self.name, number)])

    def _seen_from(self, since_ms: int | None) -> int:
        """Append time from which on nothing is missing: retention may have cut the log."""
        if since_ms is not None:
            return since_ms
        cut = {number: at.next for number, at in self._at.items() if 0 < at.next < at.end}
        return max(
            (
                append_ms_of_earliest(self._settings, TopicPartition(self.name, number), offset)
                for number, offset in cut.items()
            ),
            default=0,
        )


def _places(consumer: Consumer, topic: str, since_ms: int | None) -> dict[int, _Reading]:
    """Where each partition begins and ends now."""
    found = consumer.list_topics(topic, timeout=ADMIN_TIMEOUT_S).topics[topic].partitions
    if not found:
        raise LogError(
            f"there is no topic {topic}: is the namespace right? `streamgauge doctor` lists topics"
        )
    at = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in found]
    if since_ms is not None:
        at = consumer.offsets_for_times(
            [TopicPartition(topic, number, max(0, since_ms)) for number in found],
            timeout=ADMIN_TIMEOUT_S,
        )
    out = {}
    for place in at:
        low, high = consumer.get_watermark_offsets(place, timeout=ADMIN_TIMEOUT_S)
        begin = place.offset if since_ms is not None else low
        out[place.partition] = _Reading(high if begin < 0 else max(low, begin), high)
    return out
