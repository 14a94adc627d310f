"""JSON lines that are events already: sent as they are, whatever they hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from schemas.names import text_of_id
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


@dataclass(slots=True)
class Lines:
    """Counts of what went through.

    Attributes
    ----------
    odd
        Lines that are no JSON object, or whose ``request_id`` is no id; workers will reject them.
    """

    odd: int = 0

    def records(self, chunks: Iterable[list[bytes]]) -> Iterator[list[Record]]:
        """Turn lines into records keyed by their request id. Empty lines are left out."""
        for lines in chunks:
            yield [self._record(value) for line in lines if (value := line.strip())]

    def _record(self, value: bytes) -> Record:
        try:
            request_id = _decode(value).request_id
            key = None if request_id is None else text_of_id(request_id).encode()
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError):
            self.odd += 1
            key = None
        return Record(None, key, value)
