"""Predictions and labels whose every figure is known, and scikit-learn's opinion of them.

It imports nothing of the project: a window's figures are those of the requests that were answered
in it and whose last label says what was true.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from checker import DAY_MS, HOUR_MS
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from traffic import START_MS, Message

TUMBLING = {"1h": HOUR_MS, "1d": DAY_MS, "7d": 7 * DAY_MS}
LABELLED, EARLY, REPEATED, CORRECTED = 0.85, 0.10, 0.05, 0.02
SPAN_MS = 3 * HOUR_MS
_EXACT = 1e-12


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its sender knows it; ``truth`` is None where no label ever comes."""

    model: str
    number: int
    time_ms: int
    probability: float
    predicted: int
    truth: int | None

    @property
    def id(self) -> str:
        return f"{self.model}-{self.number}"


def make_requests(model: str, count: int, positives: float, seed: int) -> list[Request]:
    """Requests whose probability says something, and is not always right."""
    rng = np.random.default_rng(seed)
    prior = math.log(positives / (1 - positives))
    truth = rng.random(count) < positives
    score = prior + 2 * truth + rng.normal(0, 1.4, count)
    probability = 1 / (1 + np.exp(-score))
    times = START_MS + np.sort(rng.integers(0, SPAN_MS, count))
    known = rng.random(count) < LABELLED
    return [
        Request(
            model,
            i,
            int(times[i]),
            float(probability[i]),
            int(probability[i] > 2 * positives),
            int(truth[i]) if known[i] else None,
        )
        for i in range(count)
    ]


def as_event(request: Request) -> Message:
    event = {
        "model_name": request.model,
        "model_version": "1",
        "request_id": request.id,
        "timestamp": request.time_ms,
        "features": {"x": request.probability},
        "prediction": request.predicted,
        "probability": request.probability,
    }
    return None, json.dumps(event).encode(), []


def make_labels(
    requests: Sequence[Request], seed: int
) -> tuple[list[Message], list[Message], dict[str, int]]:
    """Labels that come before the predictions, labels that come after, and how many are what.

    Some come twice, some are wrong at first; which partition each goes to is left to chance.
    """
    rng = np.random.default_rng(seed)
    early: list[Message] = []
    late: list[Message] = []
    counts = {"repeated": 0, "corrected": 0, "early": 0}
    for request in requests:
        if request.truth is None:
            continue
        at_ms = request.time_ms + int(rng.exponential(DAY_MS))
        chance = rng.random(3)
        label: Any = [request.truth, bool(request.truth), str(request.truth)][request.number % 3]
        records = [_as_label(request, label, at_ms)]
        if chance[0] < CORRECTED:
            records.insert(0, _as_label(request, 1 - request.truth, at_ms - 1000))
            counts["corrected"] += 1
        elif chance[0] < CORRECTED + REPEATED:
            records.append(_as_label(request, request.truth, at_ms))
            counts["repeated"] += 1
        is_early = chance[1] < EARLY
        counts["early"] += is_early * len(records)
        (early if is_early else late).extend(records)
    rng.shuffle(early)
    rng.shuffle(late)
    return early, late, counts


def _as_label(request: Request, label: Any, time_ms: int) -> Message:
    event = {"request_id": request.id, "label": label, "timestamp": time_ms}
    key = request.id.encode() if request.number % 2 else None
    return key, json.dumps(event).encode(), []


def windows_of(requests: Iterable[Request]) -> dict[tuple[str, str, int], list[Request]]:
    """Requests by model, tumbling window and its end."""
    found: dict[tuple[str, str, int], list[Request]] = defaultdict(list)
    for request in requests:
        for name, size_ms in TUMBLING.items():
            end_ms = (request.time_ms // size_ms + 1) * size_ms
            found[request.model, name, end_ms].append(request)
    return dict(found)


def differences(requests: Sequence[Request], report: Mapping[str, Any]) -> list[str]:
    """Say in what a report differs from scikit-learn's figures."""
    labelled = [request for request in requests if request.truth is not None]
    metrics = report["metrics"]
    out = []
    counts = (report["count"], report["label_count"])
    if counts != (len(requests), len(labelled)):
        out.append(f"count and label_count {counts}, not {(len(requests), len(labelled))}")
    if metrics.get("label_coverage") != len(labelled) / len(requests):
        out.append(f"label_coverage {metrics.get('label_coverage')}")
    if not labelled:
        return out
    truth = np.array([request.truth for request in labelled])
    predicted = np.array([request.predicted for request in labelled])
    probability = np.array([request.probability for request in labelled])
    for name, expected, tolerance in _expected(truth, predicted, probability):
        found = metrics.get(name)
        if expected is None:
            out += [f"{name} is {found}, but can't be computed"] if found is not None else []
        elif found is None or abs(found - expected) > tolerance:
            out.append(f"{name} is {found}, not {expected}")
    if len(set(truth)) > 1:
        out += _beyond_bounds(truth, probability, metrics)
    table = confusion_matrix(truth, predicted, labels=[0, 1])
    for actual in (0, 1):
        for said in (0, 1):
            shown = report["confusion"].get(str(actual), {}).get(str(said), 0)
            if shown != table[actual, said]:
                out.append(f"confusion {actual} {said} is {shown}, not {table[actual, said]}")
    return out


def _expected(
    truth: Any, predicted: Any, probability: Any
) -> list[tuple[str, float | None, float]]:
    named = {"labels": [0, 1]}
    said, there = bool(predicted.any()), bool(truth.any())
    return [
        ("accuracy", accuracy_score(truth, predicted), _EXACT),
        ("precision", precision_score(truth, predicted) if said else None, _EXACT),
        ("recall", recall_score(truth, predicted) if there else None, _EXACT),
        ("f1", f1_score(truth, predicted) if said or there else None, _EXACT),
        ("log_loss", log_loss(truth, probability, **named), 1e-9),
        ("brier", brier_score_loss(truth, probability), 1e-9),
    ]


def _beyond_bounds(truth: Any, probability: Any, metrics: Mapping[str, Any]) -> list[str]:
    out = []
    for name, score in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        expected, found = score(truth, probability), metrics.get(name)
        if found is None or abs(found - expected) > 0.005:
            out.append(f"{name} is {found}, not {expected}")
        elif not metrics[f"{name}_low"] <= expected <= metrics[f"{name}_high"]:
            out.append(f"{name} {expected} is not in its bounds")
    return out
