"""How long after an event was sent its figures are in Redis, at a steady rate.

Starts an embedded stack, a worker and an agents process, sends events at ``--rate`` for
``--seconds`` and looks at the live hash of the smallest window: when its watermark shows an event
for the first time, the event's age is a sample.

Usage: ``python -m load_tests.visible [--rate 5000] [--seconds 30]``
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import redis
from confluent_kafka import Producer

from load_tests.traffic import MODEL, VERSION, Template, publish_reference, settings_of
from schemas.keys import live_key
from schemas.topics import Topic, topic_name
from stream.demo.demo import environment_of, roles
from stream.embedded import EmbeddedStack
from stream.kafka import ensure_topics
from stream.settings import Settings

_LOOK_S = 0.02
_TICK_S = 0.01
_POOL = 5_000


def send(settings: Settings, rate: int, seconds: float, sent: list[int]) -> None:
    """Send events evenly; their event time is the time of sending."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 5})
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    rng = np.random.default_rng(3)
    pool = [Template.draw(rng) for _ in range(_POOL)]
    began = time.time()
    number = 0
    while time.time() - began < seconds:
        while number < (time.time() - began) * rate:
            value = pool[number % _POOL].event(number, time.time_ns() // 1_000_000)
            producer.produce(topic, value)
            number += 1
        producer.poll(0)
        time.sleep(_TICK_S)
    producer.flush()
    sent.append(number)


def look(settings: Settings, sender: threading.Thread) -> list[float]:
    """Ages in seconds of the newest visible event, each time a newer one became visible."""
    client = redis.Redis.from_url(settings.redis.url or "", decode_responses=True)
    key = live_key(settings.namespace, MODEL, VERSION, "1m")
    ages, newest = [], 0
    while sender.is_alive():
        watermark = client.hget(key, "watermark")
        now_ms = time.time_ns() / 1e6
        if watermark is not None and int(watermark) > newest:
            newest = int(watermark)
            ages.append((now_ms - newest - settings.worker.disorder_ms) / 1000)
        time.sleep(_LOOK_S)
    return ages


class Measured(NamedTuple):
    """How many events were sent, and how old each was that became visible first."""

    sent: int
    ages_s: list[float]

    def text(self, rate: int) -> str:
        """Two lines for a person."""
        p95 = statistics.quantiles(self.ages_s, n=20)[-1]
        return (
            f"{self.sent:,} events at {rate:,}/s; {len(self.ages_s)} newer ones became visible\n"
            f"age when first visible: median {statistics.median(self.ages_s):.2f} s, "
            f"p95 {p95:.2f} s, max {max(self.ages_s):.2f} s"
        )


def measure(settings: Settings, rate: int, seconds: float, folder: Path) -> Measured:
    """Run a worker and an agents process under load; logs go to ``folder``."""
    ensure_topics(settings)
    publish_reference(settings)
    environment = environment_of(settings, dict(os.environ)) | {"STREAMGAUGE_HTTP__PORT": "0"}
    sent: list[int] = []
    with roles(environment, os.getpid(), folder / "roles.log"):
        sender = threading.Thread(target=send, args=(settings, rate, seconds, sent), daemon=True)
        sender.start()
        ages = look(settings, sender)
        sender.join()
    return Measured(sent[0], ages[len(ages) // 5 :])  # the first ones wait for the start


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedStack.start(Path(folder)) as stack:
        settings = settings_of(stack.bootstrap_servers, stack.redis_url)
        measured = measure(settings, given.rate, given.seconds, Path(folder))
        print(measured.text(given.rate))


if __name__ == "__main__":
    main()
