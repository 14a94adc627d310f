"""An independent checker: what every window must say, from the list of events that were sent.

It imports nothing of the project and shares none of its ideas: no panes, sketches or watermarks.
Every window is summed up from the events themselves, every quantile is read from the sorted
latencies. What it is compared with are the reports on the metrics topic, by highest revision.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WINDOWS = {
    "1m": (MINUTE_MS, MINUTE_MS),
    "5m": (5 * MINUTE_MS, MINUTE_MS),
    "1h": (HOUR_MS, 5 * MINUTE_MS),
    "1d": (DAY_MS, HOUR_MS),
    "7d": (7 * DAY_MS, DAY_MS),
}
"""Default windows by name: size and how often one closes, ms. Minutes divide all of them."""
QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99"}
QUANTILE_ERROR = 0.015
BOOKS = ("consumed", "accepted", "late", "rejected", "empty")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Sent:
    """One event, as its sender knows it."""

    model: str
    version: str
    time_ms: int
    latency_ms: float
    error: str | None = None


class WindowKey(NamedTuple):
    """Which window: ``end_ms`` is the first ms after it."""

    model: str
    version: str
    window: str
    end_ms: int


@dataclass(slots=True)
class Figures:
    """What a window holds."""

    count: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Add the events of a part of the window."""
        self.count += other.count
        self.errors += other.errors
        self.latencies_ms += other.latencies_ms


def expected_windows(sent: Iterable[Sent]) -> dict[WindowKey, Figures]:
    """Figures of every window, of every default size and hop, that holds an event."""
    minutes: dict[tuple[str, str, int], Figures] = defaultdict(Figures)
    for event in sent:
        minute = minutes[event.model, event.version, event.time_ms // MINUTE_MS]
        minute.count += 1
        minute.latencies_ms.append(event.latency_ms)
        if event.error is not None:
            minute.errors[event.error] += 1
    windows: dict[WindowKey, Figures] = defaultdict(Figures)
    for (model, version, minute_number), figures in minutes.items():
        at_ms = minute_number * MINUTE_MS
        for name, (size_ms, every_ms) in WINDOWS.items():
            first_end_ms = (at_ms // every_ms + 1) * every_ms
            for end_ms in range(first_end_ms, at_ms + size_ms + 1, every_ms):
                windows[WindowKey(model, version, name, end_ms)].add(figures)
    return dict(windows)


def differences(
    expected: Mapping[WindowKey, Figures], reports: Mapping[WindowKey, Mapping[str, Any]]
) -> list[str]:
    """Say what the reports have wrong; nothing when they are exactly right."""
    out = [f"{key}: not reported" for key in expected.keys() - reports.keys()]
    out += [f"{key}: reported, but empty" for key in reports.keys() - expected.keys()]
    for key in expected.keys() & reports.keys():
        out += [f"{key}: {text}" for text in _wrong_figures(key, expected[key], reports[key])]
    return sorted(out)[:_SHOWN] + ([f"{len(out)} in all"] if out else [])


def _wrong_figures(key: WindowKey, want: Figures, report: Mapping[str, Any]) -> list[str]:
    size_ms = WINDOWS[key.window][0]
    metrics = report["metrics"]
    exact = {
        "count": (report["count"], want.count),
        "revision": (report["revision"], want.count),
        "label_count": (report["label_count"], 0),
        "errors": (report.get("errors", {}), dict(want.errors)),
        "complete": (report["complete"], True),
        "start": (report["window"]["start"], key.end_ms - size_ms),
        "tumbling": (report["window"]["tumbling"], key.end_ms % size_ms == 0),
        "error_rate": (metrics["error_rate"], sum(want.errors.values()) / want.count),
        "latency_max_ms": (metrics["latency_max_ms"], max(want.latencies_ms)),
    }
    out = [f"{name} is {got}, not {true}" for name, (got, true) in exact.items() if got != true]
    mean = math.fsum(want.latencies_ms) / want.count
    near = {
        "throughput_per_s": (want.count * 1000 / size_ms, 1e-12),
        "latency_mean_ms": (mean, 1e-6),  # each latency is rounded to a nanosecond
    }
    ordered = np.sort(want.latencies_ms)
    for name, q in QUANTILES.items():
        true = float(ordered[math.ceil(Fraction(q) * want.count) - 1])  # the nearest rank
        near[f"latency_{name}_ms"] = (true, QUANTILE_ERROR)
    for name, (true, error) in near.items():
        if abs(metrics[name] - true) > error * abs(true):
            out.append(f"{name} is {metrics[name]}, not {true}")
    return out


class Reports:
    """Reports on ``<namespace>.metrics``, read as a user is told to: the highest revision holds."""

    def __init__(self, bootstrap_servers: str, namespace: str) -> None:
        self.best: dict[WindowKey, dict[str, Any]] = {}
        self.segments: dict[tuple[WindowKey, str], dict[str, Any]] = {}
        self.contents: dict[str, str] = {}
        self.ids: dict[tuple[WindowKey, int], list[str]] = defaultdict(list)
        self._records = TopicReader(bootstrap_servers, f"{namespace}.metrics")

    def read(self) -> dict[WindowKey, dict[str, Any]]:
        """Read on to the end of the topic and return the best report of each window.

        Those of segments are kept apart, in ``segments``.
        """
        for record in self._records.read():
            report = json.loads(record.value())
            window = report["window"]
            key = WindowKey(
                report["model_name"], report["model_version"], window["name"], window["end"]
            )
            content = json.dumps({**report, "id": None}, sort_keys=True)
            known = self.contents.setdefault(report["id"], content)
            assert known == content, f"two contents have the id {report['id']}"
            segment = report["segment"]
            if segment is not None:
                held = self.segments.get((key, segment), report)
                if report["revision"] >= held["revision"]:
                    self.segments[key, segment] = report
                continue
            self.ids[key, report["revision"]].append(report["id"])
            if report["revision"] >= self.best.get(key, report)["revision"]:
                self.best[key] = report
        return self.best

    def __enter__(self) -> "Reports":
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()


class TopicReader:
    """Reads all partitions of a topic, each time to its end."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._assigned = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"{topic}.checker",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )

    def read(self) -> list[Any]:
        """Return records that are new since the last call."""
        out: list[Any] = []
        if not self._assigned:
            found = self._consumer.list_topics(timeout=30).topics.get(self._topic)
            if found is None or not found.partitions:
                return out  # not created yet
            places = [TopicPartition(self._topic, p, OFFSET_BEGINNING) for p in found.partitions]
            self._consumer.assign(places)
            self._assigned = True
        while polled := self._consumer.consume(5_000, 0.2):
            for record in polled:
                error = record.error()
                if error is None:
                    out.append(record)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error.str()
        return out

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()

    def __enter__(self) -> "TopicReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_books(client: Any, namespace: str) -> Counter[str]:
    """Books of all partitions, added up; ``client`` is a Redis client that decodes to text."""
    books: Counter[str] = Counter()
    for key in client.scan_iter(f"{namespace}:state:{{*}}", count=1000):
        books.update({name: int(client.hget(key, name) or 0) for name in BOOKS})
    return books


def assert_balanced(books: Mapping[str, int]) -> None:
    """Check that every event that came in went somewhere, once."""
    assert books["consumed"] == sum(books[name] for name in BOOKS[1:]), dict(books)
