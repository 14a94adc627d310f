"""A model that nobody announced: figures at once, drift after a learned baseline."""

import itertools
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from programs import until

from schemas.baselines import Baseline
from schemas.topics import Topic
from stream.settings import load_settings
from stream.topic_reader import read_topic

EVENTS_MIN = 400
MINUTE_MS = 60_000
SPAN_MS = 60 * MINUTE_MS
LEARNING = {
    "STREAMGAUGE_PROVISIONAL__EVENTS_MIN": str(EVENTS_MIN),
    "STREAMGAUGE_PROVISIONAL__SPAN_MS_MIN": str(SPAN_MS),
    "STREAMGAUGE_WORKER__IDLE_TIMEOUT_MS": "2000",
}


def lines(count: Any, from_ms: Any, to_ms: Any, mean: Any) -> Iterator[Any]:
    """Events with a number, a category that is sometimes missing, and a class."""
    rng = random.Random(from_ms)
    for i in range(count):
        features: dict[str, Any] = {"age": round(rng.gauss(mean, 5), 2)}
        if i % 10:
            features["country"] = rng.choice(["DE", "FR", "IT"])
        yield json.dumps(
            {
                "model_name": "nobody",
                "model_version": "7",
                "request_id": f"{from_ms}-{i}",
                "timestamp": from_ms + (to_ms - from_ms) * i // count,
                "features": features,
                "prediction": i % 2,
                "probability": rng.random(),
                "latency_ms": 10,
            }
        )


def test_an_unannounced_model_has_figures_at_once_and_drift_once_it_was_learned(
    stack: Any, namespace: Any, programs: Any, read: Any
) -> None:
    def send(*span: Any) -> None:
        sent = programs.run("emit", "-", stdin="\n".join(lines(*span)).encode())
        assert sent.returncode == 0, sent.stderr

    def live(window: Any = "1d") -> Any:
        return read.hgetall(f"{namespace}:{{nobody}}:m:7:{window}")

    def feature(name: Any, window: Any = "1d") -> Any:
        return read.hgetall(f"{namespace}:{{nobody}}:f:7:{window}:{name}")

    programs.start("worker", **LEARNING)
    programs.start("agents", **LEARNING)
    start_ms = time.time_ns() // 1_000_000 // SPAN_MS * SPAN_MS - 4 * SPAN_MS

    send(100, start_ms, start_ms + SPAN_MS // 4, 40)
    until(lambda: live().get("count") == "100", "traffic of a model without a baseline")
    assert live()["latency_max_ms"] == "10.0"
    assert live()["baseline_events_missing"] == str(EVENTS_MIN - 100)
    assert feature("country")["missing_rate"] == "0.1"
    assert feature("country")["kind"] == "categorical"
    assert "psi" not in feature("age")

    send(400, start_ms + SPAN_MS // 4, start_ms + SPAN_MS + SPAN_MS // 2, 40)
    until(lambda: read.smembers(f"{namespace}:models") == {"nobody"}, "the model listed")
    settings = load_settings(environment=programs.environment)
    learned = until(lambda: list(read_topic(settings, Topic.BASELINES)), "a baseline published")
    baseline = msgspec.json.decode(learned[0].value() or b"", type=Baseline)
    assert baseline.provisional
    assert baseline.rows == EVENTS_MIN
    assert set(baseline.features) == {"age", "country"}

    minutes = itertools.count()

    def drifts() -> bool:
        """Whether it is told: what is counted before a worker knows the baseline has none."""
        begin_ms = start_ms + 2 * SPAN_MS + next(minutes) * MINUTE_MS
        send(30, begin_ms, begin_ms + MINUTE_MS, 60)
        return float(feature("age", "1h").get("psi", 0)) > 1

    until(drifts, "drift of the hour after")
    done = next(minutes)
    send(300, start_ms + 2 * SPAN_MS + done * MINUTE_MS, start_ms + 4 * SPAN_MS - 1, 60)
    until(lambda: live()["count"] == str(500 + 30 * done + 300), "all of them")
    assert float(feature("age", "1h")["psi"]) > 1
    assert float(feature("country", "1h")["psi"]) < 0.1
    assert "baseline_events_missing" not in live()
