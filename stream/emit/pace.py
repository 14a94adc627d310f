"""When to send what: as fast as it goes, at a rate, or as fast as event time did, times a speed."""

import time
from collections.abc import Callable, Iterable, Iterator

from stream.emit.record import Record

# How long a chunk may take to fill: fine enough that 50 events/s arrive one by one.
CHUNK_S = 0.02
CHUNK_RECORDS_MAX = 2_000

# A gap of a night in the data must not make the program deaf.
WAIT_S_MAX = 0.5


class Pace:
    """Hands out records when they are due.

    Parameters
    ----------
    rate
        Records a second; None is no bound.
    speed
        Event time a second: 3600 sends an hour of events each second. Needs event times in order.
    clock
        Seconds that only grow.
    wait
        Called with the seconds until the next record is due.
    """

    def __init__(
        self,
        rate: float | None = None,
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if rate is not None and speed is not None:
            raise ValueError("rate and speed exclude each other")
        self._rate = rate
        self._speed = speed
        self._clock = clock
        self._wait = wait
        self._begun = 0.0
        self._sent = 0
        self._first_ms: int | None = None

    @property
    def by_event_time(self) -> bool:
        """Whether records need event times."""
        return self._speed is not None

    def on_wait(self, wait: Callable[[float], None]) -> None:
        """Spend waiting times in ``wait`` from now on; it may return early."""
        self._wait = wait

    def chunks(self, batches: Iterable[list[Record]]) -> Iterator[list[Record]]:
        """Cut batches into chunks, each handed out when its first record is due."""
        self._begun = self._clock()
        for batch in batches:
            at = 0
            while at < len(batch):
                while (early_s := self._due_s(batch[at], self._sent) - self._clock()) > 0:
                    self._wait(min(early_s, WAIT_S_MAX))
                size = self._due_until(batch, at)
                yield batch[at : at + size]
                at += size
                self._sent += size

    def _due_until(self, batch: list[Record], at: int) -> int:
        """How many records from ``at`` on are due now or within a moment; at least one."""
        most = min(len(batch) - at, CHUNK_RECORDS_MAX)
        if self._rate is None and self._speed is None:
            return most
        until = self._clock() + CHUNK_S
        size = 1
        while size < most and self._due_s(batch[at + size], self._sent + size) <= until:
            size += 1
        return size

    def _due_s(self, record: Record, number: int) -> float:
        """When a record is due, by the clock."""
        if self._rate is not None:
            return self._begun + number / self._rate
        if self._speed is None or record.event_ms is None:
            return self._begun
        if self._first_ms is None:
            self._first_ms = record.event_ms
        return self._begun + (record.event_ms - self._first_ms) / 1000 / self._speed
