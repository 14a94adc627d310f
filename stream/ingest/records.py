"""Records to payloads: a Kafka message carries one event, a JSON array of them, or one a line."""

import json
import re
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
from confluent_kafka import Message

from schemas.errors import Reason, Rejected

JSON_TYPES = frozenset({"", "application/json"})
NDJSON_TYPE = "application/x-ndjson"

Record: TypeAlias = "Message[bytes, bytes]"
Headers: TypeAlias = dict[str, str | bytes | None] | list[tuple[str, str | bytes | None]] | None

_elements = msgspec.json.Decoder(list[msgspec.Raw])
_lenient = json.JSONDecoder(parse_int=len, parse_float=len)  # only where an element ends matters
_space = re.compile(r"[ \t\r\n]*")


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
    headers: Headers,
    event_bytes_max: int,
) -> None:
    if not value:
        out.empty.append(position)
        return
    content_type = _content_type(headers) if headers else ""
    if content_type == NDJSON_TYPE:
        parts = [line.removesuffix(b"\r") for line in value.split(b"\n") if line.strip()]
        if not parts:
            out.empty.append(position)
            return
    elif content_type not in JSON_TYPES:
        detail = f"content-type {content_type[:100]!r}; use application/json or {NDJSON_TYPE}"
        out.refused.append((position, Rejected(Reason.UNSUPPORTED_CONTENT_TYPE, detail)))
        return
    elif value.lstrip()[:1] == b"[":
        try:
            parts = _elements_of(value)
        except (ValueError, RecursionError) as error:
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


def _elements_of(value: bytes) -> list[bytes]:
    """Elements of an array, each in its own bytes; NaN and Infinity do no harm to the others.

    Raises
    ------
    ValueError, RecursionError
        When it is no JSON even so. `msgspec.DecodeError` is a ValueError.
    """
    try:
        return [bytes(part) for part in _elements.decode(value)]
    except msgspec.DecodeError as error:
        text = value.decode("utf-8")
        parts = []
        at = _past_space(text, text.index("[") + 1)
        while True:
            _, end = _lenient.raw_decode(text, at)
            parts.append(text[at:end].encode())
            at = _past_space(text, end)
            if text[at : at + 1] != ",":
                break
            at = _past_space(text, at + 1)
        if text[at:].strip(" \t\r\n") != "]":
            raise error
        return parts


def _past_space(text: str, at: int) -> int:
    found = _space.match(text, at)
    return found.end() if found else at


def _content_type(headers: Headers) -> str:
    """Media type of a record, without parameters, in lower case."""
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    for name, value in pairs:
        if name.lower() == "content-type" and value:
            text = value if isinstance(value, str) else value.decode("utf-8", "replace")
            return text.split(";")[0].strip().lower()
    return ""
