"""Events per CPU-second of one worker, beside a bare consumer and a Faust agent, in one run.

Preloads one topic with events of 22 numeric features, then reads it three times, each time in a
process of its own, whose CPU time (user and system, all threads) is measured from before its
first poll to after its last event:

* ``consume``: poll, and decode each event into the same typed struct; nothing else,
* ``worker``: the whole data plane: decode, 256-quantile grids, latency, sums, checkpoints to Redis,
* ``faust``: a Faust agent that parses the JSON and drops it.

The CPU time of the broker and of Redis is not part of the figures.

Usage: ``python -m load_tests.throughput [--events 1000000] [--faust-events 100000]``
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from load_tests.traffic import FEATURES, PARTITIONS, preload, settings_of
from schemas.topics import Topic, topic_name
from stream.bootstrap import connect_redis, now_ms
from stream.embedded import EmbeddedStack
from stream.registry import Registry
from stream.settings import Settings
from stream.state.books import read_books
from stream.state.store import StateStore
from stream.worker import Worker

ROLES = ("consume", "worker", "faust")
_LOOK_S = 0.2
_RUN_S_MAX = 600


def run_consume(settings: Settings, events: int) -> float:
    """Poll and decode; returns CPU seconds."""
    registry = Registry(settings).start()
    decoder = registry.decoder(settings.bounds)
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": "bare"})
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    seen = 0
    began = time.process_time()
    while seen < events:
        polled = consumer.consume(settings.worker.poll_records, settings.worker.poll_ms / 1000)
        seen += len(decoder.decode([message.value() or b"" for message in polled]))
    spent = time.process_time() - began
    consumer.close()
    registry.close()
    return spent


def run_worker(settings: Settings, events: int) -> float:
    """Run the data plane until it has committed every event; returns CPU seconds."""
    client = connect_redis(settings)
    registry = Registry(settings).start()
    worker = Worker(settings, StateStore(client, settings.namespace), registry, now_ms)

    def watch() -> None:
        while True:
            books = read_books(client, settings.namespace)
            if sum(amounts["accepted"] for amounts in books.values()) >= events:
                worker.stop()
                return
            time.sleep(_LOOK_S)

    began = time.process_time()
    threading.Thread(target=watch, daemon=True).start()
    worker.run()
    spent = time.process_time() - began
    registry.close()
    return spent


def run_faust(settings: Settings, events: int) -> float:
    """Parse in a Faust agent; prints CPU seconds itself and ends the process."""
    import faust  # noqa: PLC0415  # the other roles should not carry it
    import orjson  # noqa: PLC0415

    app = faust.App(
        "load.faust",
        broker=f"kafka://{settings.bootstrap_servers}",
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="faust-"),
        topic_disable_leader=True,
        web_enabled=False,
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic(topic_name(settings.namespace, Topic.PREDICTIONS), value_type=bytes)
    seen = 0
    began = 0.0

    @app.agent(topic)
    async def parse(stream: faust.StreamT[bytes]) -> None:
        nonlocal seen, began
        async for value in stream:
            if seen == 0:
                began = time.process_time()
            orjson.loads(value)
            seen += 1
            if seen == events:
                answer(time.process_time() - began)
                os._exit(0)

    faust.Worker(
        app, loglevel="error", quiet=True, redirect_stdouts=False
    ).execute_from_commandline()
    raise RuntimeError("the Faust worker ended early")


def answer(cpu_s: float) -> None:
    """Tell the parent, on a line of its own."""
    print("\n" + json.dumps({"cpu_s": cpu_s}), flush=True)


def child(role: str, stack: EmbeddedStack, events: int) -> float:
    """Run one role in a process of its own; returns its CPU seconds."""
    command = [sys.executable, "-m", "load_tests.throughput", "--role", role]
    command += ["--servers", stack.bootstrap_servers, "--redis", stack.redis_url]
    done = subprocess.run(  # our own program
        [*command, "--events", str(events)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=_RUN_S_MAX,
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith('{"cpu_s"')]
    if not answers:
        raise RuntimeError(f"{role} printed no result but: {done.stdout[-500:]}")
    return float(json.loads(answers[-1])["cpu_s"])


def compare(events: int, faust_events: int) -> None:
    """Run all roles on an embedded stack and print the figures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack.start(Path(folder), kafka_heap_mb=1024) as stack,
    ):
        size = preload(settings_of(stack.bootstrap_servers, stack.redis_url), events)
        print(
            f"{platform.machine()}, Python {platform.python_version()}: {events:,} events of "
            f"{size / events:.0f} bytes, {FEATURES} features, {PARTITIONS} partitions"
        )
        rates = {}
        for role in ROLES:
            number = faust_events if role == "faust" else events
            rates[role] = number / child(role, stack, number)
            print(f"{role:8s} {rates[role]:10,.0f} events per CPU-second", flush=True)
        print(f"worker / faust    {rates['worker'] / rates['faust']:6.1f}")
        print(f"worker / consume  {rates['worker'] / rates['consume']:6.2f}")


def main() -> None:
    """Run the comparison, or one role of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--faust-events", type=int, default=100_000)
    parser.add_argument("--role", choices=ROLES)
    parser.add_argument("--servers")
    parser.add_argument("--redis")
    given = parser.parse_args()
    if given.role is None:
        compare(given.events, given.faust_events)
        return
    run = {"consume": run_consume, "worker": run_worker, "faust": run_faust}[given.role]
    answer(run(settings_of(given.servers, given.redis), given.events))


if __name__ == "__main__":
    main()
