"""Predictions and labels for tests of the join: single ones, and any there may be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from join_model import Label, Prediction, Terms

from stream.state.keys import VersionId
from stream.window.panes import DAY_MS, HOUR_MS

START_S = 1_790_035_200
START_MS = START_S * 1000
EDGES = (0.0, 0.25, 0.5, 0.75)
FRAUD = VersionId("fraud", "1")
SAID = Terms("class", "1", EDGES)


def asked(id: str = "a", value: Any = 1, **more: Any) -> Prediction:
    given: dict[str, Any] = {
        "model": FRAUD.model,
        "version": FRAUD.version,
        "time_ms": START_MS,
        "append_s": START_S,
        "place": (0, 1, -1),
    }
    return Prediction(id=id, value=value, **(given | more))


def told(id: str = "a", value: Any = 1, after_s: int = 60, offset: int = 1, **more: Any) -> Label:
    given: dict[str, Any] = {
        "time_ms": START_MS + 1000 * after_s,
        "append_s": START_S + after_s,
        "place": ("labels", 0, offset, -1),
    }
    return Label(id=id, value=value, **(given | more))


TERMS = {
    ("fraud", "1"): Terms("class", "1", EDGES, countries=("FR", "ÄÖ|x:y")),
    ("fraud", "2"): Terms("class", "1", EDGES, horizon_s=3600),
    ("many", "1"): Terms("class", "cat", EDGES),
    ("price", "1"): Terms("number", target_edges=(-1.0, 0.0, 10.0), countries=("FR",)),
    ("list", "1"): Terms("ranking"),
    ("any", "1"): Terms(None, "1", EDGES, pane_ms=DAY_MS),
    ("click", "1"): Terms("class", "1", EDGES, absent=0, absent_after_s=1800),
    ("spend", "1"): Terms("number", horizon_s=3600, absent=0.5, absent_after_s=999_999),
}
CLASSES: list[Any] = [0, 1, True, False, "1", "0", 1.0, "cat", "dog", "a\x1fb", "a b", "x:y|z", ""]
CLASSES += ["ж" * 40, "long" * 40, 10**100, 1e100, 0.5, "\x00", "1|", "😀"]
NUMBERS: list[Any] = [0, 1, -5, 2.5, 0.1, -0.0, 1e308, -1e308, 1e-320, 123456789, 2**60, 10**290]
NUMBERS += [7.25e70, -3.3e-60, 1 / 3]
ITEMS: list[Any] = ["a", "b", "c", 1, "1", 1.0, 2, "ж", ""]
METRICS: list[Any] = ["rating", "odd:name|\x1f\x00", "ж" * 70, "", "x:metric.y:3"]
HORIZON_S = 7200


class Drawing:
    """Draws records that have everything in them that can go wrong."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.offset = 2**32 - 50

    def one_of(self, values: Sequence[Any]) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def place(self) -> tuple[int, int, int]:
        self.offset += 1
        index = int(self.rng.integers(3)) if self.chance(0.3) else -1
        return int(self.rng.integers(3)), self.offset, index

    def prediction(self, name: tuple[str, str], request: int) -> Prediction:
        version = name[0]
        value: Any = self.one_of(CLASSES)
        if version in ("price", "spend"):
            value = self.one_of([*NUMBERS, "text"]) if self.chance(0.9) else True
        elif version == "list" or (version == "any" and self.chance(0.3)):
            value = [self.one_of(ITEMS) for _ in range(self.rng.integers(0, 30))]
        elif version == "any":
            value = self.one_of(NUMBERS + CLASSES)
        append_s = START_S + 100 * request + int(self.rng.integers(0, 3600))
        time_ms = START_MS + int(self.rng.integers(0, 3 * HOUR_MS))
        country = self.one_of(["FR", "DE", "ÄÖ|x:y", None])
        return Prediction(
            *name, f"r{request}", time_ms, append_s, self.place(), value, self.score(), country
        )

    def score(self) -> Any:
        kind = int(self.rng.integers(8))
        p = float(self.one_of([0.0, 0.25, 0.3, 0.5, 0.99, 1.0, self.rng.random()]))
        if kind < 3:
            return p
        named = {
            3: {"0": 1 - p, "1": p},
            4: {"cat": p, "dog": (1 - p) / 2, "1": None, "ж": (1 - p) / 2},
            5: {str(i): 1 / 20 for i in range(20)},
            6: {"cat": 1e308, "dog": -1e308, "x": p, "a\x1fb": p},
        }
        return named.get(kind)

    def label(self, request: int) -> Label:
        name: tuple[str, str] = self.one_of(list(TERMS))
        scoped = int(self.rng.integers(6))
        value: Any = self.one_of(CLASSES + NUMBERS)
        if self.chance(0.2):
            value = [self.one_of(ITEMS) for _ in range(self.rng.integers(0, 8))]
        elif self.chance(0.1):
            value = {str(self.one_of(ITEMS)): self.one_of([None, -1.0, 0.0, 1.0, 2.5, 3.0])}
        metrics = None
        if self.chance(0.3):
            figures = (self.one_of(NUMBERS) for _ in METRICS)
            metrics = {
                n: float(f) for n, f in zip(METRICS, figures, strict=True) if self.chance(0.5)
            }
            value = None if metrics and self.chance(0.5) else value
        topic = "predictions" if scoped == 0 else "labels"
        return Label(
            f"r{request}",
            START_MS + int(self.rng.integers(-HOUR_MS, 20 * HOUR_MS)) // 1000 * 1000,
            START_S + 100 * request + int(self.rng.integers(-2 * HORIZON_S, 3 * HORIZON_S)),
            (topic, *self.place()),
            value,
            metrics or None,
            name[0] if scoped in (0, 1, 2) else None,
            name[1] if scoped in (2, 3) else None,
        )

    def records(self, requests: int) -> tuple[list[Prediction], list[Label]]:
        predictions: list[Prediction] = []
        labels: list[Label] = []
        for request in range(requests):
            for name in TERMS:
                several = self.one_of([0, 1, 1, 1, 2, 3])
                predictions += [self.prediction(name, request) for _ in range(several)]
            several = self.one_of([0, 1, 1, 2, 3, 5, 8, 40])
            labels += [self.label(request) for _ in range(several)]
        return predictions, labels

    def shuffled(self, records: Sequence[Any]) -> list[Any]:
        return [records[i] for i in self.rng.permutation(len(records))]
