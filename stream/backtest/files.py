"""Logs in files: events as JSON lines, or rows of a table with a role for each column."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from stream.backtest.log import BATCH_RECORDS, FILE_PARTITION, Advance, FileRecord, LogError
from stream.emit.columns import ColumnError
from stream.emit.events import prediction_events
from stream.emit.lines import line_chunks
from stream.emit.roles import Layout, MappingError
from stream.emit.tables import FileError, TableFile, format_of
from stream.ingest.records import Record

STDIN = "-"


class LinesLog:
    """A file, or standard input, of events as on the wire, one a line; see `Log`."""

    partitions: Sequence[int] = (FILE_PARTITION,)
    seen_from_ms = 0
    has_append_times = False

    def __init__(self, file: str, now_ms: int) -> None:
        self.name = "standard input" if file == STDIN else file
        self.until_ms = now_ms
        self._file = file
        self.size = None if file == STDIN else _plain_size(Path(file))

    def batches(self, advance: Advance) -> Iterator[list[Record]]:
        """Yield its lines; empty ones are no records, but count as lines."""
        line = 0
        waiting: list[Record] = []
        try:
            for chunk in line_chunks(_reader(self._file)):
                for text in chunk:
                    value = text.strip()
                    if value:
                        waiting.append(cast("Record", FileRecord(value, line, self.until_ms)))
                    line += 1
                    if len(waiting) == BATCH_RECORDS:
                        yield waiting
                        waiting = []
                advance(sum(map(len, chunk)) + len(chunk))
        except OSError as error:
            raise LogError(
                f"{self.name} can't be read after line {line:,} ({error}): check the path"
            ) from error
        if waiting:
            yield waiting

    def place(self, record: Record) -> str:
        """Name the line."""
        return f"line {(record.offset() or 0) + 1:,}"


def _plain_size(path: Path) -> int | None:
    """Size in bytes; None for a compressed file, whose lines are longer."""
    try:
        kind = format_of(path)
        if kind != "jsonl":
            raise LogError(
                f"{path} holds rows, not events: say whose they are with --model and --version"
            )
        return path.stat().st_size if path.suffix.lower() in (".jsonl", ".ndjson") else None
    except FileError as error:
        raise LogError(str(error)) from error
    except OSError as error:
        raise LogError(f"{path} can't be read ({error.strerror}): check the path") from error


def _reader(file: str) -> Callable[[int], bytes]:
    """Open a file to be read by pieces; what is compressed is told by its name."""
    if file == STDIN:
        return sys.stdin.buffer.read
    stream = pa.input_stream(file, compression="detect")
    return cast("Callable[[int], bytes]", stream.read)


class TableLog:
    """A table whose rows are predictions of one model version; see `Log`."""

    partitions: Sequence[int] = (FILE_PARTITION,)
    seen_from_ms = 0
    has_append_times = False

    def __init__(
        self,
        table: TableFile,
        layout: Layout,
        model: str,
        version: str,
        note: Callable[[str], None],
        now_ms: int,
    ) -> None:
        if "timestamp" not in layout.roles:
            raise MappingError("no column is the event time: name it with --map timestamp=COLUMN")
        self.name = str(table.path)
        self.size: int | None = table.rows
        self.until_ms = now_ms
        self._table = table
        self._layout = layout
        self._of = (model, version)
        self._note = note

    def batches(self, advance: Advance) -> Iterator[list[Record]]:
        """Yield its rows as `streamgauge emit` would send them."""
        row = 0
        try:
            for events in prediction_events(self._table, self._layout, *self._of, self._note):
                records = [
                    cast("Record", FileRecord(event.value, row + k, self.until_ms))
                    for k, event in enumerate(events)
                ]
                for first in range(0, len(records), BATCH_RECORDS):
                    some = records[first : first + BATCH_RECORDS]
                    yield some
                    advance(len(some))
                row += len(records)
        except (FileError, ColumnError, MappingError) as error:
            at = "" if row == 0 else f" (after row {row:,})"
            raise LogError(f"{self.name}{at}: {error}") from error

    def place(self, record: Record) -> str:
        """Name the row."""
        return f"row {(record.offset() or 0) + 1:,}"
