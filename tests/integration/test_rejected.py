"""Bad input of every kind among good: nothing stops, the bad is kept, the good is counted."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checker import Sent, TopicReader
from programs import Programs
from settled import QUICK, assert_settled
from traffic import (
    NDJSON,
    PARTITIONS,
    START_MS,
    Headers,
    Message,
    Sender,
    create_topic,
    encode,
    make_events,
    pack,
)

EVENTS = 30_000
ROUNDS = 8
SPAN_MS = 50 * 60_000
GOOD = {"model_name": "credit", "model_version": "1", "timestamp": START_MS, "prediction": 1}


def event(**changes: Any) -> bytes:
    """A good event with some fields changed; None takes one away."""
    fields = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    return json.dumps(fields).encode()


BAD: dict[str, tuple[bytes, str, str]] = {
    "cut off": (b'{"model_name": "credit", ', "malformed_json", "truncated"),
    "no JSON": (b"hello", "malformed_json", "byte 0"),
    "a number": (b"42", "not_an_event", "object"),
    "a string": (b'"credit"', "not_an_event", "object"),
    "null": (b"null", "not_an_event", "object"),
    "no model": (event(model_name=None), "missing_field", "model_name"),
    "no prediction": (event(prediction=None), "missing_field", "prediction"),
    "model a number": (event(model_name=7), "bad_type", "model_name"),
    "model with slashes": (event(model_name="../../etc/passwd"), "bad_name", "model_name"),
    "model with a line end": (event(model_name="credit\n"), "bad_name", "model_name"),
    "model without letters": (event(model_name=""), "bad_name", "model_name"),
    "model too long": (event(model_name="m" * 129), "bad_name", "model_name"),
    "version with a space": (event(model_version="v 1"), "bad_name", "model_version"),
    "version a fraction": (event(model_version=1.5), "bad_value", "model_version"),
    "features a list": (event(features=[1]), "bad_type", "features"),
    "latency a string": (event(latency_ms="12"), "bad_type", "latency_ms"),
    "latency negative": (event(latency_ms=-1), "bad_value", "latency_ms"),
    "probability 2": (event(probability=2), "bad_value", "probability"),
    "tags a list": (event(tags=["a"]), "bad_type", "tags"),
    "seconds": (event(timestamp=START_MS // 1000), "timestamp_in_seconds", "milliseconds"),
    "microseconds": (event(timestamp=START_MS * 1000), "timestamp_not_milliseconds", "after 5138"),
    "no zone": (event(timestamp="2023-11-14T22:17:00"), "bad_timestamp", "zone"),
    "digits in a string": (event(timestamp=str(START_MS)), "bad_timestamp", "RFC 3339"),
    "invalid UTF-8": (event(who="\x7f").replace(b"\\u007f", b"\xff"), "malformed_json", "UTF-8"),
    "nested deep": (b'{"model_name": "credit", "x": ' + b"[" * 100_000, "malformed_json", "deep"),
    "too many features": (
        event(features={f"f{i}": i for i in range(1001)}),
        "too_many_features",
        "1001 features",
    ),
    "too large": (event(note="x" * 1_100_000), "too_large", "at most 1000000"),
    "large, but not too large to publish": (b"[" + b" " * 600_000, "malformed_json", ""),
}
"""By what is wrong: the bytes, the reason, and what the detail says."""


Place = tuple[str, str, str]
"""Where an event was read: partition, offset, index in its record."""


@dataclass(frozen=True)
class Refused:
    """What is expected on the topic of rejected records."""

    value: bytes
    key: bytes | None
    reason: str
    detail: str


class Bad:
    """Sends bad events and remembers where each of them went."""

    def __init__(self, sender: Sender) -> None:
        self.expected: dict[Place, Refused] = {}
        self._sender = sender

    def send(self, message: Message, refused: Mapping[int, Refused], partition: int = -1) -> None:
        """Send one record; ``refused`` says what becomes of its events, by index."""
        partition, offset = self._sender.send_one(message, partition)
        for index, one in refused.items():
            self.expected[str(partition), str(offset), str(index)] = one


def send_bad(bad: Bad) -> tuple[list[Sent], int]:
    """Send one of every kind; returns the good events among them and how many were empty."""
    for name, (value, reason, detail) in BAD.items():
        key = name.encode()
        bad.send((key, value, []), {0: Refused(value, key, reason, detail)})
    soon = event(timestamp=time.time_ns() // 1_000_000 + 600_000)
    bad.send((None, soon, []), {0: Refused(soon, None, "timestamp_in_future", "ahead")})
    avro: Headers = [("content-type", b"application/avro")]
    value = event()
    bad.send((b"a", value, avro), {0: Refused(value, b"a", "unsupported_content_type", "avro")})
    good = [Sent("credit", "1", START_MS + 1, 5.0), Sent("churn", "b", START_MS + 2, 6.0)]
    first, last = (encode(one, n) for n, one in enumerate(good))
    inside = {
        1: Refused(b'{"model_name" : "x y"}', None, "bad_name", "model_name"),
        2: Refused(b"[ ]", None, "not_an_event", "object"),
        3: Refused(b"7", None, "not_an_event", "object"),
    }
    parts = [first, *(inside[i].value for i in (1, 2, 3)), last]
    bad.send((None, b" [" + b" ,\n".join(parts) + b"] ", []), inside)
    lines = b"\r\n\r\n".join(parts) + b"\n"
    bad.send((None, lines, [("Content-Type", b"application/x-ndjson; charset=utf-8")]), inside)
    empty: list[Message] = [
        (b"k", None, []),
        (None, b"", []),
        (None, b"[ ]", []),
        (None, b"\n \r\n", NDJSON),
    ]
    for message in empty:
        bad.send(message, {})
    return good * 2, len(empty)


ODD = [
    b'{"x": NaN, "y": -Infinity, "z": 1e999}',
    b'{"x": 1' + b"0" * 30 + b', "y": -1' + b"0" * 400 + b', "z": 1' + b"0" * 5000 + b"}",
    json.dumps({'\u0000\n"{}:*@%': 1, "ml:state:{x}": "y", "": True, "é" * 300: None}).encode(),
    b'{"x": {"a": [1, {"b": []}]}, "y": [[1]], "z": [1, "a", null]}',
]
"""Features that are strange, and no reason to reject an event."""


def odd_messages(sent: list[Sent]) -> list[Message]:
    """Events with odd features, alone and in arrays; they are added to ``sent``."""
    out: list[Message] = []
    for batched in (False, True):
        events = []
        for number, features in enumerate(ODD):
            sent.append(Sent("credit", "2", START_MS + number, 7.5))
            text = encode(sent[-1], number)
            value = json.dumps(json.loads(text) | {"features": "HERE"}).encode()
            events.append(value.replace(b'"HERE"', features))
        if batched:
            out.append((None, b"[" + b",".join(events) + b"]", []))
        else:
            out += [(None, one, []) for one in events]
    return out


LATE = (START_MS - 1_800_000, START_MS - 86_400_000 * 365)
"""Times that are more than the allowed hour behind the end of the traffic."""


def send_late(bad: Bad) -> None:
    """Send to every partition what comes too late, alone and in an array."""
    for partition in range(PARTITIONS):
        single, inside = (event(timestamp=time_ms) for time_ms in LATE)
        bad.send((None, single, []), {0: Refused(single, None, "too_late", "behind")}, partition)
        array = b"[" + inside + b"]"
        bad.send((None, array, []), {0: Refused(inside, None, "too_late", "behind")}, partition)


def assert_all_kept(stack: Any, namespace: str, topic: str, bad: Bad) -> None:
    """Check every record on the topic of rejected ones: its bytes, its key, its headers."""
    found: dict[Place, Any] = {}
    with TopicReader(stack.bootstrap_servers, f"{namespace}.rejected") as reader:
        for record in reader.read():
            headers = {name: value.decode() for name, value in record.headers()}
            place = (headers["partition"], headers["offset"], headers["index"])
            assert place not in found, "published once, as nothing crashed"
            found[place] = record
    assert found.keys() == bad.expected.keys()
    for place, record in found.items():
        expected = bad.expected[place]
        headers = {name: value.decode() for name, value in record.headers()}
        assert headers["topic"] == topic
        assert headers["reason"] == expected.reason, headers["detail"]
        assert expected.detail in headers["detail"]
        assert record.key() == expected.key
        if len(expected.value) < 900_000:
            assert record.value() == expected.value
            assert "sha256" not in headers
        else:
            assert record.value() == b""
            assert headers["sha256"] == hashlib.sha256(expected.value).hexdigest()


def test_bad_input_is_kept_with_its_reason_and_the_good_is_all_counted(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    programs.start("agents", **QUICK)
    topic = create_topic(stack.bootstrap_servers, namespace)
    sender = Sender(stack.bootstrap_servers, topic)
    bad = Bad(sender)
    traffic = make_events(EVENTS, seed=8, span_ms=SPAN_MS)
    messages = list(pack(traffic, seed=9))
    good: list[Sent] = []
    empty = 0
    for part in range(ROUNDS):
        more, empty_more = send_bad(bad)
        good += more
        empty += empty_more
        sender.send(messages[part * len(messages) // ROUNDS : (part + 1) * len(messages) // ROUNDS])
    sender.send(odd_messages(good))
    rejected = len(bad.expected)
    send_late(bad)
    late = len(bad.expected) - rejected

    worker = programs.start("worker", **QUICK)
    assert_settled(
        stack, namespace, read, traffic + good, rejected=rejected, late=late, empty=empty
    )
    assert worker.poll() is None, "it went on"
    assert_all_kept(stack, namespace, topic, bad)
