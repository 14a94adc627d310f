"""Records to payloads: one Kafka message may carry one event, a JSON array of them, or one a line."""

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from schemas.errors import Reason, Rejected

JSON_TYPES = frozenset({"", "application/json"})
NDJSON_TYPE = "application/x-ndjson"

_elements = msgspec.json.Decoder(list[msgspec.Raw])


class Record(Protocol):
    """What is used of a :class:`confluent_kafka.Message`."""

    def value(self) -> bytes | None: ...
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> bytes | None: ...


@dataclass(slots=True)
class Payloads:
    """Events of one poll, still undecoded, in the order of the log.

    ``values[i]`` is element ``index[i]`` of record ``record[i]``; the index is -1 where the record
    is a single event. ``refused`` holds what could not even be taken apart.
    """

    values: list[bytes] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    refused: list[tuple[int, Rejected]] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)


def split(records: list[Record], event_bytes_max: int) -> Payloads:
    """Take records apart into one payload an event."""
    values = [record.value() for record in records]
    headers = [record.headers() for record in records]
    if not any(headers) and not any(v is None or v[:1] not in b"{" for v in values if v != b""):
        plain = [v for v in values if v]
        if len(plain) == len(values):
            count = len(plain)
            return Payloads(plain, list(range(count)), [-1] * count)
    out = Payloads()
    for position, (value, header) in enumerate(zip(values, headers, strict=True)):
        _split_one(out, position, value, header, event_bytes_max)
    return out


def _split_one(
    out: Payloads,
    position: int,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]] | None,
    event_bytes_max: int,
) -> None:
    if not value:
        out.empty.append(position)
        return
    content_type = _content_type(headers) if headers else ""
    if content_type == NDJSON_TYPE:
        parts = [line for line in value.split(b"\n") if line.strip()]
        if not parts:
            out.empty.append(position)
            return
    elif content_type not in JSON_TYPES:
        detail = f"content-type {content_type[:100]!r}; use application/json or {NDJSON_TYPE}"
        out.refused.append((position, Rejected(Reason.UNSUPPORTED_CONTENT_TYPE, detail)))
        return
    elif value.lstrip()[:1] == b"[":
        try:
            parts = [bytes(part) for part in _elements.decode(value)]
        except (msgspec.DecodeError, RecursionError) as error:
            if len(value) > event_bytes_max:
                rejected = Rejected(Reason.TOO_LARGE, f"{len(value)} bytes that are not JSON")
            else:
                rejected = Rejected(Reason.MALFORMED_JSON, str(error))
            out.refused.append((position, rejected))
            return
        if not parts:
            out.empty.append(position)
            return
    else:
        out.values.append(value)
        out.record.append(position)
        out.index.append(-1)
        return
    out.values += parts
    out.record += [position] * len(parts)
    out.index += range(len(parts))


def _content_type(headers: list[tuple[str, bytes | None]]) -> str:
    """Media type of a record, without parameters, in lower case."""
    for name, value in headers:
        if name.lower() == "content-type" and value:
            return value.decode("utf-8", "replace").split(";")[0].strip().lower()
    return ""
