"""Made-up traffic for load tests: events of 22 numeric features, and a baseline for them."""

import json
import time

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


def event(rng: np.random.Generator, number: int, time_ms: int) -> bytes:
    """One event of about 460 bytes."""
    values = rng.normal(size=FEATURES).round(4).tolist()
    document = {
        "model_name": MODEL,
        "model_version": VERSION,
        "request_id": f"r{number:09d}",
        "timestamp": time_ms,
        "features": dict(zip(feature_names(), values, strict=True)),
        "prediction": int(values[0] > 0),
        "probability": round(float(1 / (1 + np.exp(-values[0]))), 4),
        "latency_ms": round(float(rng.exponential(20)), 2),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def preload(settings: Settings, events: int) -> int:
    """Fill the topic of predictions; returns bytes sent.

    Values repeat after 20,000 events, times do not.
    """
    ensure_topics(settings)
    publish_reference(settings)
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 20, "batch.size": 1_000_000}
    )
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    rng = np.random.default_rng(1)
    marker = 10**12
    pool = [event(rng, i, marker).split(str(marker).encode()) for i in range(_POOL)]
    start_ms = time.time_ns() // 1_000_000 - events // EVENTS_PER_MS
    sent = 0
    for number in range(events):
        head, tail = pool[number % _POOL]
        value = head + str(start_ms + number // EVENTS_PER_MS).encode() + tail
        sent += len(value)
        while True:
            try:
                producer.produce(topic, value, partition=number // _RUN % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return sent
