"""What a log of prediction events is made of, wherever it comes from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.ingest.records import Record

BATCH_RECORDS = 5_000
"""As many as a worker polls at once: decoding and counting are fastest there."""

FILE_PARTITION = 0

Advance = Callable[[int], None]
"""Is told how much of a log was read: in its own units, see `Log.size`."""


class LogError(Exception):
    """A log can't be read; the message says which, where and what to do."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A line or a row of a file, as a record of the log's only partition.

    Attributes
    ----------
    line
        How many lines or rows are before it: its offset.
    append_ms
        When the file is read: nothing in it can have been sent later.
    """

    payload: bytes
    line: int
    append_ms: int

    def value(self) -> bytes:
        """Return the event."""
        return self.payload

    def headers(self) -> None:
        """Return no headers: what a line holds is JSON."""

    def partition(self) -> int:
        """Return the partition: a file is one."""
        return FILE_PARTITION

    def offset(self) -> int:
        """Return the place in the file."""
        return self.line

    def timestamp(self) -> tuple[int, int]:
        """Return a time of no known type, and until when it was there, epoch ms."""
        return (0, self.append_ms)


class Log(Protocol):
    """A log of prediction events.

    Attributes
    ----------
    name
        What people call it.
    partitions
        Numbers of its partitions.
    size
        How much there is to read, in the units that `batches` tells; None where it is not known.
    seen_from_ms
        Windows that start before this append time are not complete.
    until_ms
        Append time up to which it is read, epoch ms: windows that end later stay open.
    has_append_times
        Whether its records say when they were appended; those of a file do not.
    """

    name: str
    partitions: Sequence[int]
    size: int | None
    seen_from_ms: int
    until_ms: int
    has_append_times: bool

    def batches(self, advance: Advance) -> Iterator[list[Record]]:
        """Yield its records in order, at most `BATCH_RECORDS` at once; raises `LogError`."""
        ...

    def place(self, record: Record) -> str:
        """Say where a record is, for a person."""
        ...
