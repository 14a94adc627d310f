"""What the join costs a worker that reads predictions and labels from Kafka.

The same predictions of 22 features are read again and again, each time by a worker in a process of
its own: with hardly a request joined (``labels.sampling_rate`` of a millionth), and with all. Then
labels of all of them are read, in another order. What a worker does before its first commit is
left out: it joins its group, and waits for partitions.

Used by :mod:`load_tests.join`, which it is the second half of; alone it is what a child runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import redis
from confluent_kafka import Producer

from load_tests.traffic import MODEL, PARTITIONS, preload, request_id, settings_of
from schemas.models import LabelsConfig, ModelConfig
from schemas.topics import Topic, topic_name
from stream.bootstrap import connect_redis, now_ms
from stream.configure import publish_config
from stream.embedded import EmbeddedStack
from stream.registry import Registry
from stream.settings import Settings
from stream.state.books import read_books
from stream.state.client import RedisClient
from stream.state.join import read_join
from stream.state.store import StateStore
from stream.worker import Worker

EVENTS = 500_000
PAIRS = 3
_HARDLY = 1e-6
_LOOK_S = 0.05
_RUN_S_MAX = 300
_POLLED = 0.1


class Moment(NamedTuple):
    """How many events are accepted, and what that took until then."""

    accepted: int
    worker_s: float
    redis_s: float
    wall_s: float


class Rates(NamedTuple):
    """Events for each second of the worker's CPU, of Redis' CPU and of the wall clock."""

    worker: float
    redis: float
    wall: float

    def text(self, what: str) -> str:
        """A line for a person."""
        return f"{what:28s} {self.worker:12,.0f} {self.redis:11,.0f} {self.wall:11,.0f}"


def look(client: RedisClient, namespace: str) -> Moment:
    """Look where the worker of this process stands."""
    books = read_books(client, namespace)
    cpu = client.info("cpu")
    return Moment(
        sum(amounts["accepted"] for amounts in books.values()),
        time.process_time(),
        cpu["used_cpu_user"] + cpu["used_cpu_sys"],
        time.perf_counter(),
    )


def run_worker(settings: Settings, events: int) -> Rates:
    """Run a worker until it has committed so many more events."""
    client = connect_redis(settings)
    registry = Registry(settings).start()
    worker = Worker(settings, StateStore(client, settings.namespace), registry, now_ms)
    moments = [look(client, settings.namespace)]
    target = moments[0].accepted + events

    def watch() -> None:
        while moments[-1].accepted < target:
            time.sleep(_LOOK_S)
            now = look(client, settings.namespace)
            if now.accepted > moments[-1].accepted:
                moments.append(now)
        worker.stop()

    threading.Thread(target=watch, daemon=True).start()
    worker.run()
    registry.close()
    first, last = moments[1], moments[-1]
    if first is last:
        raise RuntimeError(f"all {events:,} events came with one commit: take more of them")
    done = last.accepted - first.accepted
    return Rates(
        *(done / (after - before) for before, after in zip(first[1:], last[1:], strict=True))
    )


def child(stack: EmbeddedStack, events: int) -> Rates:
    """Run a worker in a process of its own."""
    command = [sys.executable, "-m", "load_tests.join_workers", "--events", str(events)]
    command += ["--servers", stack.bootstrap_servers, "--redis", stack.redis_url]
    done = subprocess.run(  # our own program
        command, stdout=subprocess.PIPE, check=True, text=True, timeout=_RUN_S_MAX
    )
    return Rates(*json.loads(done.stdout.splitlines()[-1]))


def send_labels(settings: Settings, events: int) -> None:
    """Fill the topic of labels with one of each request, in another order."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 20})
    topic = topic_name(settings.namespace, Topic.LABELS)
    rng = np.random.default_rng(4)
    moment = time.time_ns() // 1_000_000
    for place, number in enumerate(rng.permutation(events).tolist()):
        label = b'{"request_id":"%b","label":%d,"timestamp":%d}' % (
            request_id(number).encode(),
            rng.random() < 0.5,
            moment,
        )
        while True:
            try:
                producer.produce(topic, label, partition=place % PARTITIONS)
                break
            except BufferError:
                producer.poll(_POLLED)
    producer.flush()


def compare_workers(stack: EmbeddedStack, events: int, pairs: int) -> None:
    """Run workers over the same events, in pairs without and with the join; print the figures."""
    settings = settings_of(stack.bootstrap_servers, stack.redis_url)
    client = redis.Redis.from_url(stack.redis_url)
    preload(settings, events)
    print(f"\n{events:,} events, {PARTITIONS} partitions")
    print(f"{'for each':28s} worker CPU-s Redis CPU-s      second")
    with_join: list[Rates] = []
    without: list[Rates] = []
    for pair in range(pairs):
        for rate, found in ((_HARDLY, without), (1.0, with_join)):
            labels = LabelsConfig(sampling_rate=rate)
            publish_config(settings, [ModelConfig(model_name=MODEL, labels=labels)], "load", pair)
            client.flushall()
            found.append(child(stack, events))
            print(found[-1].text(f"predictions, {rate:.0%} joined"), flush=True)
    ratios = [a.worker / b.worker for a, b in zip(with_join, without, strict=True)]
    print(f"with the join / without, by worker CPU: {statistics.median(ratios):.2f}")
    send_labels(settings, events)
    print(child(stack, events).text("labels"))
    figures = read_join(client, settings.namespace)
    print(f"matched {figures.matched:,} of {events:,}")


def main() -> None:
    """Run one worker and print its rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--redis", required=True)
    given = parser.parse_args()
    print("\n" + json.dumps(run_worker(settings_of(given.servers, given.redis), given.events)))


if __name__ == "__main__":
    main()
