"""Where a worker stands in its partitions, and what it has refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.errors import Rejected
from schemas.topics import Topic
from stream.arrays import IntArray
from stream.ingest.records import Payloads, Record
from stream.state.books import BOOKS
from stream.state.keys import PartitionId, VersionId
from stream.state.store import Watermark


@dataclass(slots=True)
class Progress:
    """Where the worker stands in one partition.

    Attributes
    ----------
    base : next offset to read, as stored
    next : the same after what was counted since
    expected : the same after what was polled and is not counted yet
    clock_ms : log clock: append time up to which the partition was read
    kind : which of the topics it is a partition of
    end : where the log ended when its end was reached; None when something was polled since
    """

    topic: str
    partition: PartitionId
    base: int
    next: int
    clock_ms: int
    watermarks: dict[VersionId, Watermark]
    kind: Topic = Topic.PREDICTIONS
    books: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BOOKS, 0))
    touched: set[VersionId] = field(default_factory=set)
    end: int | None = None
    expected: int = field(init=False)

    def __post_init__(self) -> None:
        self.expected = self.next

    def take(self, offset: int) -> bool:
        """Whether a polled record is the next one; it then waits for :func:`add_records`.

        A partition given back and assigned again during one poll brings its records twice.
        """
        if offset < self.expected:
            return False
        self.expected = offset + 1
        self.end = None
        return True


@dataclass(slots=True)
class Refused:
    """An event that goes to ``ml.rejected``."""

    record: Record
    value: bytes
    index: int
    rejected: Rejected


def book(progress: Mapping[int, Progress], book: str, partitions: IntArray) -> None:
    """Enter an event of each of these partitions into a book."""
    for partition, count in zip(*np.unique(partitions, return_counts=True), strict=True):
        progress[int(partition)].books[book] += int(count)


def advance(
    progress: Mapping[int, Progress],
    polled: Sequence[Record],
    partitions: IntArray,
    append_ms: IntArray,
) -> None:
    """Move past the polled records, whose partitions and append times are given, shape ``(n,)``."""
    for partition in np.unique(partitions).tolist():
        last = int(np.flatnonzero(partitions == partition)[-1])
        at = progress[partition]
        at.next = int(polled[last].offset() or 0) + 1
        at.clock_ms = max(at.clock_ms, int(append_ms[last]))


def book_unread(
    payloads: Payloads,
    polled: Sequence[Record],
    partitions: IntArray,
    progress: Mapping[int, Progress],
    refused: list[Refused],
) -> None:
    """Enter records that hold no event, or could not be taken apart."""
    for position in payloads.empty:
        book(progress, "consumed", partitions[[position]])
        book(progress, "empty", partitions[[position]])
    for position, rejected in payloads.refused:
        record = polled[position]
        book(progress, "consumed", partitions[[position]])
        book(progress, "rejected", partitions[[position]])
        refused.append(Refused(record, record.value() or b"", -1, rejected))
