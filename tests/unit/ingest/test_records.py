"""How records come apart into events."""

from typing import Any

import pytest

from schemas.errors import Reason
from stream.ingest.records import NDJSON_TYPE, split

NDJSON = [("content-type", NDJSON_TYPE.encode())]
BOUND = 1_000


class Message:
    """As much of a Kafka message as is looked at here."""

    def __init__(self, value: bytes | None, headers: Any = None) -> None:
        self._value, self._headers = value, headers

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Any:
        return self._headers


def split_one(value: bytes | None, headers: Any = None) -> Any:
    return split([Message(value, headers)], BOUND)  # type: ignore[list-item]


def test_single_events_have_no_index() -> None:
    taken = split([Message(b'{"a":1}'), Message(b'{"b":2}')], BOUND)  # type: ignore[list-item]
    assert taken.values == [b'{"a":1}', b'{"b":2}']
    assert taken.record == [0, 1]
    assert taken.index == [-1, -1]


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b'[{"a":1},{"a":2}]', [b'{"a":1}', b'{"a":2}']),
        (b' \n[ {"a": [1, "]"]} ,\t7 ] ', [b'{"a": [1, "]"]}', b"7"]),
        (b'[{"a":NaN}, {"a":-Infinity} ,1e999]', [b'{"a":NaN}', b'{"a":-Infinity}', b"1e999"]),
        (b"[NaN, 1" + b"0" * 5_000 + b"]", [b"NaN", b"1" + b"0" * 5_000]),
        ('[NaN, "é"]'.encode(), [b"NaN", '"é"'.encode()]),
    ],
)
def test_an_array_comes_apart_into_the_bytes_of_its_elements(
    value: bytes, parts: list[bytes]
) -> None:
    taken = split_one(value)
    assert taken.values == parts
    assert taken.index == list(range(len(parts)))
    assert taken.record == [0] * len(parts)


@pytest.mark.parametrize(
    "value", [b"[1,", b"[1,]", b"[,]", b"[NaN,]", b"[NaN]]", b"[NaN", b"[\xff"]
)
def test_what_is_no_array_is_one_malformed_event(value: bytes) -> None:
    taken = split_one(value)
    assert taken.values == []
    [(position, rejected)] = taken.refused
    assert position == 0
    assert rejected.reason is Reason.MALFORMED_JSON


def test_an_array_that_is_too_deep_or_too_large_is_refused() -> None:
    assert split_one(b"[" * 900).refused[0][1].reason is Reason.MALFORMED_JSON
    assert split_one(b"[" * 100_000).refused[0][1].reason is Reason.TOO_LARGE
    many = b"[" + b",".join([b'{"a":1}'] * 1_000) + b"]"
    assert len(split_one(many).values) == 1_000, "only an event has a bound, not a batch"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_come_apart_without_their_ends(end: bytes) -> None:
    taken = split_one(end.join([b'{"a":1}', b"", b"  ", b'{"a":2} ', b""]), NDJSON)
    assert taken.values == [b'{"a":1}', b'{"a":2} ']
    assert taken.index == [0, 1]


@pytest.mark.parametrize(
    ("value", "headers"),
    [(None, None), (b"", None), (b"[]", None), (b"[ \n]", None), (b"\n \r\n", NDJSON)],
)
def test_what_holds_no_event_is_empty(value: bytes | None, headers: Any) -> None:
    taken = split_one(value, headers)
    assert taken.empty == [0]
    assert taken.values == []


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/avro", False),
        (b"\xff", False),
    ],
)
def test_the_content_type_decides(content_type: bytes, accepted: bool) -> None:
    taken = split_one(b'{"a":1}', [("trace", None), ("Content-Type", content_type)])
    assert bool(taken.values) is accepted
    if not accepted:
        assert taken.refused[0][1].reason is Reason.UNSUPPORTED_CONTENT_TYPE
