"""Scale a service by its alerts: one more replica for each that fires, one fewer when it is over.

$ python autoscaler.py --model credit -- kubectl scale deployment/credit --replicas={}
$ streamgauge alerts tail --all --json | python autoscaler.py --model credit --stdin
"""

import argparse
import io
import json
import select
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition


def from_kafka(servers: str, topic: str) -> Iterator[dict[str, Any] | None]:
    """Yield the alerts that are kept, then each new one; None whenever there is no more for now."""
    settings = {"group.id": "autoscaler", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({"bootstrap.servers": servers, **settings})
    unread = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
    while True:
        for message in consumer.consume(100, timeout=1.0):
            error, value = message.error(), message.value()
            if error is None and value is not None:
                yield json.loads(value)
            elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition())
            elif error is not None:
                raise KafkaException(error)
        if not unread:
            yield None


def from_stdin() -> Iterator[dict[str, Any] | None]:
    """Yield alerts, one a line; None whenever there is no more for now, and at the end."""
    lines, line = io.FileIO(0), b"-"  # no buffer, which would hide from `select` what waits in it
    select.select([lines], [], [])  # what sends them takes a moment to begin
    while line:
        waits = select.select([lines], [], [], 0.2)[0]
        line = lines.readline() if waits else line
        yield json.loads(line) if waits and line else None


def main() -> None:
    """Follow the alerts of one model."""
    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True)
    options.add_argument("--min", type=int, default=1, help="replicas while nothing fires")
    options.add_argument("--max", type=int, default=10, help="replicas at most")
    options.add_argument("--cooldown", type=float, default=60, help="seconds between two changes")
    options.add_argument("--servers", default="127.0.0.1:9092", help="of Kafka")
    options.add_argument("--topic", default="ml.alerts")
    options.add_argument("--stdin", action="store_true", help="read alerts there, not from Kafka")
    options.add_argument("command", nargs="*", help="run with {} as the number; else print that")
    given = options.parse_args()
    firing, replicas, next_change = set[str](), 0, 0.0
    for alert in from_stdin() if given.stdin else from_kafka(given.servers, given.topic):
        if alert is None:
            wanted = min(given.min + len(firing), given.max)
            if wanted != replicas and time.monotonic() >= next_change:
                next_change = time.monotonic() + given.cooldown
                command = [part.replace("{}", str(wanted)) for part in given.command]
                command = command or ["echo", f"replicas {wanted}"]
                if subprocess.call(command, stdin=subprocess.DEVNULL) == 0:  # noqa: S603
                    replicas = wanted  # else it is tried again
        elif alert["labels"].get("model_name") == given.model:
            slow = "latency" in alert["rule"] or "throughput" in alert["rule"]  # also of yours
            if slow and alert["status"] == "firing" and not alert["stale"]:
                firing.add(alert["fingerprint"])
            elif alert["status"] == "resolved":
                firing.discard(alert["fingerprint"])


if __name__ == "__main__":
    main()
