"""Events per CPU-second of one worker, beside a bare consumer and a Faust agent, in one run.

Preloads one topic with events of 22 numeric features, then reads it three times, each time in a
process of its own whose CPU time (user and system, all threads) is measured from its first poll to
its last event:

* ``consume``: poll and decode each event into the same typed struct, nothing else,
* ``worker``: the whole data plane, with 256-quantile grids, latency and checkpoints,
* ``faust``: a Faust agent that parses the JSON and drops it.

Usage: ``python load_tests/throughput.py [--events 1000000] [--faust-events 100000]``. It starts its
own Kafka and Redis. CPU time of the broker and of Redis is not part of the figures.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FEATURES = 22
PARTITIONS = 4
MODEL, VERSION = "throughput", "1"
ROLES = ("consume", "worker", "faust")


def event(rng: np.random.Generator, number: int, start_ms: int) -> bytes:
    """One event of about 500 bytes; event time runs at 20,000 events a second."""
    values = rng.normal(size=FEATURES)
    features = {f"f{i:02d}": round(float(v), 4) for i, v in enumerate(values)}
    return json.dumps(
        {
            "model_name": MODEL,
            "model_version": VERSION,
            "request_id": f"r{number:09d}",
            "timestamp": start_ms + number // 20,
            "features": features,
            "prediction": int(values[0] > 0),
            "probability": round(float(1 / (1 + np.exp(-values[0]))), 4),
            "latency_ms": round(float(rng.exponential(20)), 2),
        },
        separators=(",", ":"),
    ).encode()


def settings_of(servers: str, redis_url: str) -> "Settings":  # noqa: F821  # imported where used
    """Settings of the run; session and polling as by default."""
    from stream.settings import load_settings

    return load_settings(
        environment={},
        options={
            "namespace": "load",
            "kafka": {"bootstrap.servers": servers},
            "redis": {"url": redis_url},
        },
    )


def preload(servers: str, redis_url: str, events: int) -> int:
    """Fill the topic and publish a baseline; returns bytes sent."""
    from confluent_kafka import Producer

    from schemas.topics import Topic, topic_name
    from stream.kafka import ensure_topics

    settings = settings_of(servers, redis_url)
    ensure_topics(settings)
    publish_baseline(settings)
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "batch.size": 1_000_000})
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    rng = np.random.default_rng(1)
    pool = [event(rng, i, 0) for i in range(20_000)]
    start_ms = time.time_ns() // 1_000_000 - events // 20
    sent = 0
    for number in range(events):
        value = pool[number % len(pool)]
        head, _, tail = value.partition(b'"timestamp":')
        rest = tail[tail.index(b",") :]
        value = head + b'"timestamp":' + str(start_ms + number // 20).encode() + rest
        sent += len(value)
        while True:
            try:
                producer.produce(topic, value, partition=number // 1000 % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return sent


def publish_baseline(settings: "Settings") -> None:  # noqa: F821
    """Register a baseline, so that every feature is counted on its grid."""
    from schemas.activations import Activation, Plan
    from schemas.baselines import Baseline, FeatureBaseline, baseline_id, encode_baseline
    from schemas.records import encode_record, record_key
    from schemas.topics import Topic, topic_name
    from stream.kafka import make_producer
    from stream.sketches.sums import scale_exponent

    rng = np.random.default_rng(2)

    def numeric(values: np.ndarray) -> FeatureBaseline:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 257)))
        return FeatureBaseline(
            kind="numeric", edges=tuple(edges.tolist()), scale_exponent=scale_exponent(1.0)
        )

    baseline = Baseline(
        model_name=MODEL,
        model_version=VERSION,
        rows=10_000,
        features={f"f{i:02d}": numeric(rng.normal(size=10_000)) for i in range(FEATURES)},
        prediction=FeatureBaseline(kind="categorical", categories=("0", "1")),
        probability=numeric(rng.uniform(size=10_000)),
    )
    identity = baseline_id(baseline)
    activation = Activation(
        model_name=MODEL,
        model_version=VERSION,
        effective_from=0,
        plan=Plan(),
        baseline_id=identity,
    )
    producer = make_producer(settings)
    baselines = topic_name(settings.namespace, Topic.BASELINES)
    config = topic_name(settings.namespace, Topic.CONFIG)
    producer.produce(baselines, encode_baseline(baseline), key=identity)
    producer.produce(config, encode_record(activation), key=record_key(activation))
    producer.flush()


def run_consume(servers: str, redis_url: str, events: int) -> float:
    """Poll and decode; returns CPU seconds."""
    from confluent_kafka import Consumer, TopicPartition

    from stream.registry import Registry

    settings = settings_of(servers, redis_url)
    registry = Registry(settings).start()
    decoder = registry.decoder(settings.bounds)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare"})
    consumer.assign([TopicPartition("load.predictions", p, 0) for p in range(PARTITIONS)])
    seen = 0
    began = time.process_time()
    while seen < events:
        polled = consumer.consume(5_000, 0.05)
        seen += len(decoder.decode([message.value() or b"" for message in polled]))
    spent = time.process_time() - began
    consumer.close()
    registry.close()
    return spent


def run_worker(servers: str, redis_url: str, events: int) -> float:
    """Run the data plane until it has committed every event; returns CPU seconds."""
    import threading

    from stream.bootstrap import connect_redis, now_ms
    from stream.registry import Registry
    from stream.state.store import StateStore
    from stream.worker import Worker

    settings = settings_of(servers, redis_url)
    client = connect_redis(settings)
    store = StateStore(client, settings.namespace)
    registry = Registry(settings).start()
    worker = Worker(settings, store, registry, now_ms)

    def watch() -> None:
        while True:
            keys = [k for k in client.scan_iter("load:state:{*}")]
            if sum(int(client.hget(k, "accepted") or 0) for k in keys) >= events:
                worker.stop()
                return
            time.sleep(0.2)

    began = time.process_time()
    threading.Thread(target=watch, daemon=True).start()
    worker.run()
    spent = time.process_time() - began
    registry.close()
    return spent


def run_faust(servers: str, _redis_url: str, events: int) -> float:
    """Parse in a Faust agent; returns CPU seconds."""
    import faust
    import orjson

    app = faust.App(
        "load.faust",
        broker=f"kafka://{servers}",
        store="memory://",
        topic_disable_leader=True,
        web_enabled=False,
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic("load.predictions", value_type=bytes)
    state = {"seen": 0, "began": 0.0}

    @app.agent(topic)
    async def parse(stream: "faust.Stream[bytes]") -> None:
        async for value in stream:
            if state["seen"] == 0:
                state["began"] = time.process_time()
            orjson.loads(value)
            state["seen"] += 1
            if state["seen"] == events:
                print("\n" + json.dumps({"cpu_s": time.process_time() - state["began"]}), flush=True)
                import os

                os._exit(0)

    faust.Worker(app, loglevel="error", quiet=True, redirect_stdouts=False).execute_from_commandline()
    raise RuntimeError("the Faust worker ended early")


def child(role: str, servers: str, redis_url: str, events: int) -> float:
    """Run one role in a process of its own; returns its CPU seconds."""
    done = subprocess.run(
        [sys.executable, __file__, "--role", role, "--servers", servers, "--redis", redis_url]
        + ["--events", str(events)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=600,
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith('{"cpu_s"')]
    if not answers:
        raise RuntimeError(f"{role} printed no result but: {done.stdout[-500:]}")
    return float(json.loads(answers[-1])["cpu_s"])


def main() -> None:
    """Run the comparison, or one role of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--faust-events", type=int, default=100_000)
    parser.add_argument("--role", choices=ROLES)
    parser.add_argument("--servers")
    parser.add_argument("--redis")
    given = parser.parse_args()
    if given.role:
        roles = {"consume": run_consume, "worker": run_worker, "faust": run_faust}
        spent = roles[given.role](given.servers, given.redis, given.events)
        print(json.dumps({"cpu_s": spent}), flush=True)
        return
    from stream.embedded import EmbeddedStack

    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack.start(Path(folder), kafka_heap_mb=1024) as stack,
    ):
        servers, redis_url = stack.bootstrap_servers, stack.redis_url
        size = preload(servers, redis_url, given.events)
        print(f"{platform.machine()}, Python {platform.python_version()}; {given.events:,} events ")
        print(f"of {size / given.events:.0f} bytes, {FEATURES} features, {PARTITIONS} partitions")
        rates = {}
        for role in ROLES:
            events = given.faust_events if role == "faust" else given.events
            rates[role] = events / child(role, servers, redis_url, events)
            print(f"{role:8s} {rates[role]:10,.0f} events per CPU-second", flush=True)
        print(f"worker / faust = {rates['worker'] / rates['faust']:.1f}")
        print(f"worker / consume = {rates['worker'] / rates['consume']:.2f}")


if __name__ == "__main__":
    main()
