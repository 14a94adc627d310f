"""Retrain a model that got worse: once for each episode of an alert, however often this restarts.

$ [streamgauge alerts tail --json |] python retrain.py [--stdin] --handled FILE -- ./retrain.sh
"""

import argparse
import io
import json
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

PERFORMANCE = ("accuracy-drop", "f1-drop", "rmse-rise")  # measured on labels, so a reason at any severity
DRIFT = (("data-drift", "error"), ("data-drift", "critical"))  # where your rule is as severe


def from_kafka(servers: str, topic: str) -> Iterator[dict[str, Any] | None]:
    """Yield the alerts that are kept, then each new one; None whenever there is no more for now."""
    settings = {"group.id": "retrain", "enable.auto.commit": False, "enable.partition.eof": True}
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
    while line:
        waits = select.select([lines], [], [], 0.2)[0]
        line = lines.readline() if waits else line
        yield json.loads(line) if waits and line else None


def is_reason(alert: dict[str, Any]) -> bool:
    """Whether to retrain; where an alert is silenced, people are at it."""
    live = alert["status"] == "firing" and not alert["stale"] and not alert["silenced_by"]
    return live and (alert["rule"] in PERFORMANCE or (alert["rule"], alert["severity"]) in DRIFT)


def main() -> None:
    """Follow the alerts."""
    options = argparse.ArgumentParser()
    options.add_argument("--handled", type=Path, required=True, help="file that remembers alerts")
    options.add_argument("--servers", default="127.0.0.1:9092", help="of Kafka")
    options.add_argument("--topic", default="ml.alerts")
    options.add_argument("--stdin", action="store_true", help="read alerts there, not from Kafka")
    options.add_argument("command", nargs="+", help="gets the alert on its standard input")
    given = options.parse_args()
    handled = set(given.handled.read_text().split()) if given.handled.exists() else set()
    latest: dict[str, dict[str, Any]] = {}
    for alert in from_stdin() if given.stdin else from_kafka(given.servers, given.topic):
        if alert is not None:
            latest[alert["fingerprint"]] = alert
            continue
        for one in [one for one in latest.values() if is_reason(one) and one["id"] not in handled]:
            handled.add(one["id"])  # the same id as long as it fires
            with given.handled.open("a") as file:  # before it runs: rather not at all than twice
                file.write(f"{one['id']}\n")
            print("retraining:", one["summary"], flush=True)
            subprocess.run(given.command, input=json.dumps(one), text=True, check=False)  # noqa: S603


if __name__ == "__main__":
    main()
