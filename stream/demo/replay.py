"""Replay the housing data as live traffic."""

import threading
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq

from schemas.topics import Topic, topic_name
from stream.kafka import KafkaUnavailableError, make_producer
from stream.settings import Settings

MODEL, VERSION = "housing", "1"
FEATURES = (
    "AveBedrms",
    "AveOccup",
    "AveRooms",
    "HouseAge",
    "Latitude",
    "Longitude",
    "MedInc",
    "Population",
)
ROLES = {
    "id": "id",
    "timestamp": "timestamp",
    "prediction": "y_pred",
    "probability": "y_pred_proba",
    "label": "clf_target",
}
_LATENCY_MEDIAN_MS = 18.0
_LATENCY_SIGMA = 0.5  # of the logarithm: a p99 of three times the median, as web services have
_CHUNK_S = 0.05
_FLUSH_S = 30.0


def data_file(name: str) -> Path:
    """Path of a file of the demo's data."""
    return Path(str(resources.files("stream.demo") / "data" / name))


def housing_events() -> Iterator[tuple[int, str, bytes]]:
    """Yield (event time in ms, request id, event) in the order of time; latency is simulated."""
    table = pq.read_table(data_file("analysis.parquet"))
    rng = np.random.default_rng(7)
    latencies = rng.lognormal(np.log(_LATENCY_MEDIAN_MS), _LATENCY_SIGMA, table.num_rows)
    times = table.column("timestamp").cast("int64").to_pylist()
    for row, time_ms, latency_ms in zip(table.to_pylist(), times, latencies, strict=True):
        event: dict[str, Any] = {
            "model_name": MODEL,
            "model_version": VERSION,
            "request_id": row["id"],
            "timestamp": time_ms,
            "features": {name: row[name] for name in FEATURES},
            "prediction": row["y_pred"],
            "probability": row["y_pred_proba"],
            "latency_ms": round(float(latency_ms), 2),
        }
        yield time_ms, row["id"], orjson.dumps(event)


class Replay:
    """Sends the events in a thread, evenly over ``seconds``.

    Attributes
    ----------
    total, sent : how many events there are, and how many were sent
    sent_at : event times and when each was sent (monotonic seconds), in order
    """

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds
        self._events = list(housing_events())
        self.total = len(self._events)
        self.sent = 0
        self.sent_at: list[tuple[int, float]] = []
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether events are still being sent."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop sending and wait for the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # shown by the demo, in the main thread
            self.error = error

    def _send_all(self) -> None:
        producer = make_producer(self._settings, **{"linger.ms": 5})
        topic = topic_name(self._settings.namespace, Topic.PREDICTIONS)
        began = time.monotonic()
        while self.sent < self.total and not self._stop.is_set():
            due = self._due(time.monotonic() - began)
            for time_ms, request_id, value in self._events[self.sent : due]:
                producer.produce(topic, value, key=request_id)
                self.sent_at.append((time_ms, time.monotonic()))
            self.sent = max(self.sent, due)
            producer.poll(0)
            self._stop.wait(_CHUNK_S)
        if producer.flush(_FLUSH_S):
            raise KafkaUnavailableError(f"{topic} did not take all events of the demo")

    def _due(self, elapsed_s: float) -> int:
        return min(self.total, int(self.total * elapsed_s / self._seconds) + 1)


Clock = Callable[[], float]


class VisibleLatency:
    """How long events take from being sent until they are in Redis.

    The live window's watermark tells the newest event that is counted; when that is seen for the
    first time, its age is one sample.
    """

    def __init__(self, replay: Replay, disorder_ms: int, clock: Clock = time.monotonic) -> None:
        self._replay = replay
        self._disorder_ms = disorder_ms
        self._clock = clock
        self._seen = 0
        self.samples_s: list[float] = []

    def look(self, watermark_ms: int | None) -> None:
        """Take a sample where newer events have become visible."""
        if watermark_ms is None:
            return
        now = self._clock()
        newest_ms = watermark_ms + self._disorder_ms
        sent_at = self._replay.sent_at
        last = None
        while self._seen < len(sent_at) and sent_at[self._seen][0] <= newest_ms:
            last = sent_at[self._seen]
            self._seen += 1
        if last is not None:
            self.samples_s.append(now - last[1])
