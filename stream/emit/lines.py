"""JSON lines that are events already: sent as they are, whatever they hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from schemas.decoding import decode_event
from schemas.errors import Reason, Rejected
from schemas.events import LabelEvent
from schemas.names import text_of_id
from schemas.timestamps import parse_timestamp_ms
from stream.emit.record import Record

READ_BYTES = 1 << 20


def line_chunks(read: Callable[[int], bytes]) -> Iterator[list[bytes]]:
    """Split a stream into lines, handing out whole lines as soon as they are there.

    Parameters
    ----------
    read
        Returns what has arrived, at most so many bytes, and nothing at the end. Iterating over a
        pipe would wait for a full buffer instead, and a line typed by hand would not arrive.
    """
    rest = b""
    while data := read(READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


class _Keyed(msgspec.Struct):
    """All that is looked at."""

    request_id: str | int | float | None = None


_decode = msgspec.json.Decoder(_Keyed).decode


def key_of_any(line: bytes) -> str | Rejected | None:
    """Return the request id of an event of any kind; nothing else of it is looked at."""
    try:
        request_id = _decode(line).request_id
        return None if request_id is None else text_of_id(request_id)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError) as error:
        return Rejected(Reason.NOT_AN_EVENT, str(error))


def key_of_label(line: bytes) -> str | Rejected:
    """Return the request id of a label event, or why the line is none."""
    event = decode_event(line, LabelEvent)
    if isinstance(event, Rejected):
        return event
    when = None if event.timestamp is None else parse_timestamp_ms(event.timestamp)
    return when if isinstance(when, Rejected) else text_of_id(event.request_id)


@dataclass(slots=True)
class Lines:
    """Lines that go through, and what was seen of them.

    Attributes
    ----------
    key_of
        Returns a line's request id, or why it is no event.
    odd
        Lines that are no event, or whose ``request_id`` is no id; workers may reject them.
    first_odd
        Which line was the first of these, and why.
    """

    key_of: Callable[[bytes], str | Rejected | None] = key_of_any
    odd: int = 0
    first_odd: str | None = None
    _lines: int = 0

    def records(self, chunks: Iterable[list[bytes]]) -> Iterator[list[Record]]:
        """Turn lines into records keyed by their request id. Empty lines are left out."""
        for lines in chunks:
            yield [record for line in lines if (record := self._record(line.strip())) is not None]

    def _record(self, value: bytes) -> Record | None:
        self._lines += 1
        if not value:
            return None
        key = self.key_of(value)
        if isinstance(key, Rejected):
            self.odd += 1
            self.first_odd = self.first_odd or f"line {self._lines:,}: {key.detail}"
            return Record(None, None, value)
        return Record(None, None if key is None else key.encode(), value)
