"""What goes to the topic of rejected records, and that nothing sent there is too large for it."""

import hashlib
from typing import Any

import pytest

from schemas.errors import Reason, Rejected
from stream.ingest.progress import Refused
from stream.ingest.rejects import KEY_BYTES_MAX, REPUBLISHED_BYTES_MAX, publish_refused

BROKER_DEFAULT_BYTES_MAX = 1_048_588


class Taken:
    """Stands where a producer does, and keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, Any, dict[str, Any]]] = []

    def produce(self, _topic: str, value: bytes, **given: Any) -> None:
        self.records.append((value, given["key"], dict(given["headers"])))

    def flush(self, _timeout: float) -> int:
        return 0


class Source:
    """The record an event came from."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def key(self) -> bytes | None:
        return self._key

    def topic(self) -> str:
        return "ml.predictions"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 17


def published(value: bytes, key: bytes | None, index: int = -1) -> tuple[Any, Any, dict[str, Any]]:
    taken: Any = Taken()
    source: Any = Source(key)
    refused = Refused(source, value, index, Rejected(Reason.BAD_TYPE, "why"))
    publish_refused(taken, "ml", [refused])
    (record,) = taken.records
    return record  # type: ignore[no-any-return]


def test_bytes_and_key_are_unchanged_and_the_headers_say_why_and_where() -> None:
    value, key, headers = published(b'{"x": 1}', b"r-1", index=4)
    assert (value, key) == (b'{"x": 1}', b"r-1")
    assert headers == {
        "reason": "bad_type",
        "detail": "why",
        "topic": "ml.predictions",
        "partition": "3",
        "offset": "17",
        "index": "4",
    }


@pytest.mark.parametrize("key_bytes", [0, KEY_BYTES_MAX, KEY_BYTES_MAX + 1, 1_000_000])
@pytest.mark.parametrize("value_bytes", [1, REPUBLISHED_BYTES_MAX, 5_000_000])
def test_what_is_too_large_is_named_by_its_hash(value_bytes: int, key_bytes: int) -> None:
    given_value, given_key = b"v" * value_bytes, b"k" * key_bytes
    value, key, headers = published(given_value, given_key)
    sent = len(value) + len(key or b"") + sum(len(k) + len(v) for k, v in headers.items())
    assert sent < BROKER_DEFAULT_BYTES_MAX
    assert value == given_value or headers["sha256"] == hashlib.sha256(given_value).hexdigest()
    assert key == given_key or headers["key_sha256"] == hashlib.sha256(given_key).hexdigest()
