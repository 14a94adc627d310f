"""Traffic whose every event is known: made from a seed, packed in every way, produced to Kafka."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from checker import DAY_MS, MINUTE_MS, Sent
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

PARTITIONS = 4
START_MS = 1_700_000_000_000 // DAY_MS * DAY_MS + 22 * 60 * MINUTE_MS + 17 * MINUTE_MS
"""In November 2023, at 22:17: long enough ago for every window to close, and before a midnight."""
DISORDER_MS = 5_000
VERSIONS = (("credit", "1"), ("credit", "2"), ("churn", "2024-01"), ("churn", "b"))
_ERRORS = ("timeout", "upstream", "out of memory")
_ERROR_SHARE = 0.03
_CHUNK = 40
_FLUSH_S = 60.0

Headers = list[tuple[str, str | bytes | None]]
Message = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers."""
NDJSON: Headers = [("content-type", b"application/x-ndjson")]


def make_events(
    count: int,
    seed: int,
    start_ms: int = START_MS,
    span_ms: int = 3 * 60 * MINUTE_MS,
    versions: Sequence[tuple[str, str]] = VERSIONS,
) -> list[Sent]:
    """Events over ``span_ms`` of event time, in an order that is up to 5 s off."""
    rng = np.random.default_rng(seed)
    times = start_ms + rng.integers(0, span_ms, count)
    order = np.argsort(times + rng.uniform(0, DISORDER_MS, count))
    which = rng.integers(0, len(versions), count)
    latencies = np.round(rng.lognormal(3.0, 0.8, count), 3)
    failed = rng.random(count) < _ERROR_SHARE
    kinds = rng.integers(0, len(_ERRORS), count)
    return [
        Sent(
            model=versions[which[i]][0],
            version=versions[which[i]][1],
            time_ms=int(times[i]),
            latency_ms=float(latencies[i]),
            error=_ERRORS[kinds[i]] if failed[i] else None,
        )
        for i in order.tolist()
    ]


def encode(event: Sent, number: int) -> bytes:
    """One event as a service writes it; every third as a string of RFC 3339, the rest as ms."""
    fields: dict[str, Any] = {
        "model_name": event.model,
        "model_version": event.version,
        "request_id": f"r-{number}",
        "timestamp": event.time_ms,
        "features": {"age": 18 + number % 60, "income": number * 1.5, "country": "FR"},
        "latency_ms": event.latency_ms,
    }
    if number % 3 == 0:
        text = datetime.fromtimestamp(event.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
        fields["timestamp"] = text.replace("+00:00", "Z")
    if event.error is None:
        fields["prediction"] = number % 2
    elif number % 2:
        fields["error"] = event.error
    else:
        fields["error"] = {"type": event.error, "message": "it failed"}
    return json.dumps(fields).encode()


def pack(events: Sequence[Sent], seed: int, first_number: int = 0) -> Iterator[Message]:
    """Pack events in order: one a record with and without a key, arrays, NDJSON."""
    rng = np.random.default_rng(seed)
    for first in range(0, len(events), _CHUNK):
        numbers = range(first_number + first, first_number + min(first + _CHUNK, len(events)))
        encoded = [encode(events[n - first_number], n) for n in numbers]
        way = rng.random()
        if way < 0.4:
            yield from (
                (f"r-{n}".encode(), one, []) for n, one in zip(numbers, encoded, strict=True)
            )
        elif way < 0.8:
            yield from ((None, one, []) for one in encoded)
        elif way < 0.9:
            yield None, b"[" + b", ".join(encoded) + b" ]", []
        else:
            yield b"lines", b"\r\n".join([*encoded, b"", b" "]), NDJSON


def create_topic(
    bootstrap_servers: str, namespace: str, partitions: int = PARTITIONS, name: str = "predictions"
) -> str:
    """Create a topic of events, else that of predictions, before anybody reads it."""
    topic = f"{namespace}.{name}"
    settings = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "8000000"}
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    for made in admin.create_topics([NewTopic(topic, partitions, 1, config=settings)]).values():
        made.result(_FLUSH_S)
    return topic


class Sender:
    """Produces to one topic, and knows that the broker has everything."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._failed: list[Any] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": 8_000_000,
                "enable.idempotence": True,
                "log_level": 0,
            }
        )

    def send(self, messages: Iterator[Message] | Sequence[Message], partition: int = -1) -> None:
        """Produce messages, to one partition where it is given, and wait for the broker."""
        for key, value, headers in messages:
            while True:
                try:
                    self._producer.produce(
                        self._topic,
                        value,
                        key=key,
                        headers=headers,
                        partition=partition,
                        on_delivery=self._delivered,
                    )
                    break
                except BufferError:
                    self._producer.poll(0.1)
        assert self._producer.flush(_FLUSH_S) == 0
        if self._failed:
            raise KafkaException(self._failed[0])

    def send_one(self, message: Message, partition: int = -1) -> tuple[int, int]:
        """Produce one message and return the partition and the offset it got."""
        key, value, headers = message
        places: list[tuple[int, int]] = []

        def delivered(error: Any, record: Any) -> None:
            self._delivered(error, record)
            places.append((record.partition(), record.offset()))

        self._producer.produce(
            self._topic,
            value,
            key=key,
            headers=headers,
            partition=partition,
            on_delivery=delivered,
        )
        assert self._producer.flush(_FLUSH_S) == 0
        if self._failed:
            raise KafkaException(self._failed[0])
        return places[0]

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failed.append(error)
