"""Made-up traffic for load tests: events of 22 numeric features, and a baseline for them."""

import json
import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import Producer

from schemas.activations import Activation, Plan
from schemas.topics import Topic, topic_name
from stream.baseline.build import build_baseline
from stream.baseline.store import BEGINNING_OF_TIME, activate, publish_baseline
from stream.kafka import ensure_topics
from stream.settings import Settings, load_settings

FEATURES = 22
PARTITIONS = 4
EVENTS_PER_MS = 20
"""Event time runs at 20,000 events a second."""
MODEL, VERSION = "load", "1"
_POOL = 20_000
_PLACE = "?"
_REFERENCE_ROWS = 10_000
_RUN = 1_000


def settings_of(servers: str, redis_url: str, namespace: str = "load") -> Settings:
    """Settings of a run: the defaults, in a namespace of its own."""
    options = {
        "namespace": namespace,
        "kafka": {"bootstrap.servers": servers},
        "redis": {"url": redis_url},
    }
    return load_settings(environment={}, options=options)


def feature_names() -> list[str]:
    """Names of the features."""
    return [f"f{i:02d}" for i in range(FEATURES)]


def publish_reference(settings: Settings) -> None:
    """Publish a baseline, so that every feature is counted on its grid."""
    rng = np.random.default_rng(2)
    columns = {name: rng.normal(size=_REFERENCE_ROWS) for name in feature_names()}
    columns["prediction"] = (columns["f00"] > 0).astype(np.int64)
    columns["probability"] = 1 / (1 + np.exp(-columns["f00"]))
    baseline = build_baseline(pa.table(columns), model_name=MODEL, model_version=VERSION)
    now_ms = time.time_ns() // 1_000_000
    identity = publish_baseline(settings, baseline, "load test", now_ms)
    activation = Activation(
        model_name=MODEL,
        model_version=VERSION,
        effective_from=BEGINNING_OF_TIME,
        plan=Plan(),
        baseline_id=identity,
    )
    activate(settings, activation, "load test", now_ms)


def request_id(number: int) -> str:
    """Id of a request by its number."""
    return f"r{number:09d}"


class Template(NamedTuple):
    """An event of about 460 bytes, but for its request id and its time, which stand between."""

    head: bytes
    middle: bytes
    tail: bytes

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Template":
        """Draw features, and an answer and a latency to go with them."""
        values = rng.normal(size=FEATURES).round(4).tolist()
        document = {
            "model_name": MODEL,
            "model_version": VERSION,
            "request_id": _PLACE,
            "timestamp": _PLACE,
            "features": dict(zip(feature_names(), values, strict=True)),
            "prediction": int(values[0] > 0),
            "probability": round(float(1 / (1 + np.exp(-values[0]))), 4),
            "latency_ms": round(float(rng.exponential(20)), 2),
        }
        encoded = json.dumps(document, separators=(",", ":")).encode()
        return cls(*encoded.split(f'"{_PLACE}"'.encode()))

    def event(self, number: int, time_ms: int) -> bytes:
        """Return the event of a request at a time."""
        return b'%b"%b"%b%d%b' % (
            self.head,
            request_id(number).encode(),
            self.middle,
            time_ms,
            self.tail,
        )


def preload(settings: Settings, events: int) -> int:
    """Fill the topic of predictions; returns bytes sent.

    Values repeat after 20,000 events, times and request ids do not.
    """
    ensure_topics(settings)
    publish_reference(settings)
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 20, "batch.size": 1_000_000}
    )
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    rng = np.random.default_rng(1)
    pool = [Template.draw(rng) for _ in range(_POOL)]
    start_ms = time.time_ns() // 1_000_000 - events // EVENTS_PER_MS
    sent = 0
    for number in range(events):
        value = pool[number % _POOL].event(number, start_ms + number // EVENTS_PER_MS)
        sent += len(value)
        while True:
            try:
                producer.produce(topic, value, partition=number // _RUN % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return sent
