"""The housing data as events: predictions, and the labels that come weeks later."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.topics import Topic

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
LABEL_DELAY_MS = 21 * 86_400_000
"""Three weeks: three windows of a week have to do with estimates alone."""
_LATENCY_MEDIAN_MS = 18.0
_LATENCY_SIGMA = 0.5  # of the logarithm: a p99 of three times the median, as web services have


class Record(NamedTuple):
    """One record of the traffic: when it is sent, in event time, and where."""

    time_ms: int
    topic: Topic
    key: str
    value: bytes


def data_file(name: str) -> Path:
    """Path of a file of the demo's data."""
    return Path(str(resources.files("stream.demo") / "data" / name))


def housing_events() -> Iterator[Record]:
    """Yield the predictions in the order of time; latency is simulated."""
    table = pq.read_table(data_file("analysis.parquet"))
    rng = np.random.default_rng(7)
    latencies = rng.lognormal(np.log(_LATENCY_MEDIAN_MS), _LATENCY_SIGMA, table.num_rows)
    for row, time_ms, latency_ms in zip(table.to_pylist(), _times(table), latencies, strict=True):
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
        yield Record(time_ms, Topic.PREDICTIONS, row["id"], orjson.dumps(event))


def housing_labels() -> Iterator[Record]:
    """Yield the labels in the order of time, each three weeks after its prediction.

    Those that would come after the last prediction are left out: nobody knows them yet.
    """
    table = pq.read_table(data_file("analysis.parquet"), columns=["id", "timestamp"])
    truth = pq.read_table(data_file("analysis_target.parquet"))
    labels = dict(
        zip(*(truth.column(name).to_pylist() for name in truth.column_names), strict=True)
    )
    times = _times(table)
    for request_id, time_ms in zip(table.column("id").to_pylist(), times, strict=True):
        known_ms = time_ms + LABEL_DELAY_MS
        if known_ms <= times[-1]:
            event = {"request_id": request_id, "label": labels[request_id], "timestamp": known_ms}
            yield Record(known_ms, Topic.LABELS, request_id, orjson.dumps(event))


def _times(table: pa.Table) -> list[int]:
    times: list[int] = table.column("timestamp").cast("int64").to_pylist()
    return times
