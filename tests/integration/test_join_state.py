"""The label join against a real Redis and a model of it: in any order, however often repeated."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import join_model as model
import numpy as np
import pytest
import redis
from join_model import Counts, Label, Prediction, Terms

from schemas.activations import Plan
from schemas.models import AbsentMeans, LabelsConfig
from stream.embedded import EmbeddedStack
from stream.ingest.decode import DecodedEvent
from stream.ingest.joining import (
    PREDICTIONS_BIT,
    Labels,
    Requests,
    add_requests,
    request_keys,
)
from stream.sketches.exact_sums import ExactSums
from stream.state.join import JoinFigures, JoinStore, read_join
from stream.state.keys import StateKeys, VersionId
from stream.window.label_terms import Groups, LabelPlan, LabelTerms, Mode, terms_of
from stream.window.label_text import name_hash
from stream.window.labelled import LabelCounts, decode_labels
from stream.window.panes import DAY_MS, HOUR_MS, PaneId
from stream.window.segments import compile_segments

START_S = 1_790_035_200
START_MS = START_S * 1000
BUCKETS = 64
"""All requests lie in the first ones, so that one sweep goes through them all."""
EDGES = (0.0, 0.25, 0.5, 0.75)


class Join:
    """The join of one namespace, handed predictions and labels as a worker hands them."""

    def __init__(self, client: Any, namespace: str, bytes_max: int = 10**9) -> None:
        self.client = client
        self.namespace = namespace
        self.keys = StateKeys(namespace)
        self.store = JoinStore(client, namespace, bytes_max)
        self.terms: dict[tuple[str, str], Terms] = {}
        self.at(0)

    def at(self, clock_s: int) -> None:
        """Let every partition have been read as far."""
        self.client.hset(self.keys.clocks, "predictions:0", clock_s * 1000)
        self.client.hset(self.keys.label_clocks, "labels:0", clock_s * 1000)

    def send(self, predictions: Sequence[Prediction], labels: Sequence[Label] = ()) -> None:
        """Join records."""
        groups: Groups = {}
        for version, of in self.terms.items():
            mine = [one for one in predictions if (one.model, one.version) == version]
            if mine:
                add_requests(groups, requests_of(mine), terms_for(version, of), None)
        self.store.join(groups, packed_labels(labels), self.horizon_s)

    @property
    def horizon_s(self) -> int:
        return max(of.horizon_s for of in self.terms.values())

    def sweep(self, clock_s: int) -> None:
        """Sweep all requests when every partition was read as far, or a little further."""
        cycle_s = self.horizon_s // 8
        self.at(clock_s - clock_s % cycle_s + max(clock_s % cycle_s, cycle_s // 2))
        self.client.hset(self.keys.join, "cursor", 0)
        self.store.sweep(self.horizon_s)

    def panes(self, version: VersionId) -> dict[PaneId, LabelCounts]:
        members = self.client.zrange(self.keys.labelled(version), 0, -1)
        return {
            PaneId.parse(m.decode()): decode_labels(
                self.client.hgetall(self.keys.label_pane(version, m.decode()))
            )
            for m in members
        }

    def counted(self) -> dict[tuple[str, str, int], LabelCounts]:
        """Label panes of all versions, by start."""
        return {
            (*version, pane.start_ms): counts
            for version in self.terms
            for pane, counts in self.panes(VersionId(*version)).items()
        }

    def figures(self) -> JoinFigures:
        return read_join(self.client, self.namespace)


def terms_for(version: tuple[str, str], of: Terms) -> LabelTerms:
    plan = LabelPlan(
        task=Plan().task,
        positive=of.positive,
        mode=None if of.mode is None else Mode(of.mode),
        edges=np.array(of.edges),
        target_edges=None if of.target_edges is None else np.array(of.target_edges),
        segments=compile_segments({"tags.country": of.countries} if of.countries else {}),
    )
    absent = None
    if of.absent is not None:
        absent = AbsentMeans(value=of.absent, after=f"{of.absent_after_s}s")
    config = LabelsConfig(join_horizon=f"{of.horizon_s}s", absent_means=absent)
    return terms_of(VersionId(*version), plan, config, of.pane_ms)


def keys_of(ids: Iterable[str]) -> Any:
    keys = request_keys(ids).copy()
    keys[:, 0] = 0
    keys[:, 1] %= BUCKETS
    return keys


def requests_of(predictions: Sequence[Prediction]) -> Requests:
    partitions, offsets, indexes = np.array([one.place for one in predictions]).T
    return Requests(
        [
            DecodedEvent(
                prediction=one.value,
                probability=one.probability,
                tags=None if one.country is None else {"country": one.country},
            )
            for one in predictions
        ],
        keys_of(one.id for one in predictions),
        np.array([one.time_ms for one in predictions]),
        np.array([one.append_s * 1000 + 7 for one in predictions]),
        partitions,
        offsets,
        indexes,
    )


def packed_labels(labels: Sequence[Label]) -> list[bytes]:
    out = Labels()
    for one in labels:
        topic, partition, offset, index = one.place
        out.add(
            keys_of([one.id]).tobytes(),
            time_ms=one.time_ms,
            place=(partition + (PREDICTIONS_BIT if topic == "predictions" else 0), offset, index),
            append_ms=one.append_s * 1000 + 7,
            label=one.value,
            metrics=one.metrics,
            model=None if one.model is None else name_hash(one.model),
            version=None if one.version is None else name_hash(one.version),
        )
    return out.parts


@pytest.fixture
def join(stack: EmbeddedStack, namespace: str) -> Iterator[Join]:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield Join(client, namespace)


# -- what is counted and what is expected, in the same words ---------------------------------------


def plain(counts: LabelCounts) -> dict[str, Any]:
    """Everything in a pane but sums, without zeros."""
    return {
        "cells": counts.cells.tolist(),
        "pairs": counts.confusion(),
        "other": counts.pairs.other,
        "scores": {
            name: hits(cells)
            for classes in counts.scores.values()
            for name, cells in classes.items()
            if cells.any()
        },
        "magnitudes": {n: hits(cells) for n, cells in counts.magnitudes.items() if cells.any()},
        "targets": [hits(cells) for cells in counts.targets.values() if cells.any()],
        "delays": hits(counts.delays),
        "segments": {
            name: plain(part) for name, part in counts.segments.items() if part.cells.any()
        },
    }


def plain_model(counts: Counts) -> dict[str, Any]:
    return {
        "cells": [counts.registered, counts.labelled, counts.corrected, counts.unusable],
        "pairs": dict(counts.pairs),
        "other": 0,
        "scores": {name: dict(cells) for name, cells in counts.scores.items()},
        "magnitudes": {name: dict(cells) for name, cells in counts.magnitudes.items()},
        "targets": [dict(counts.targets)] if counts.targets else [],
        "delays": dict(counts.delays),
        "segments": {name: plain_model(part) for name, part in counts.segments.items()},
    }


def hits(cells: Any) -> dict[int, int]:
    return {i: int(cells[i]) for i in np.flatnonzero(cells).tolist()}


def exact(counts: LabelCounts) -> dict[str, Any]:
    """The integers of all sums, without zeros."""
    of_all = {
        (name, band): parts
        for name, sums in counts.sums.items()
        for band, parts in sums.bands.items()
        if any(parts)
    }
    return {"": of_all} | {name: exact(part) for name, part in counts.segments.items()}


def assert_sums(found: Mapping[str, ExactSums], expected: Mapping[str, Sequence[float]]) -> None:
    assert {name for name, sums in found.items() if sums.count} == {
        n for n in expected if expected[n]
    }
    for name, values in expected.items():
        sums = found[name]
        assert sums.count == len(values), name
        size = math.fsum(map(abs, values))
        assert math.isclose(sums.absolute, size, rel_tol=1e-9, abs_tol=1e-30), name
        assert abs(sums.total - math.fsum(values)) <= 1e-9 * size + 1e-30, name
        squares = [value * value for value in values]
        if max(squares) < math.inf:
            assert math.isclose(sums.squares, math.fsum(squares), rel_tol=1e-9, abs_tol=1e-40), name


def assert_equal(found: LabelCounts, expected: Counts) -> None:
    assert plain(found) == plain_model(expected)
    assert_sums(found.sums, expected.sums)
    for name, part in expected.segments.items():
        assert_sums(found.segments[name].sums, part.sums)


def assert_as_expected(
    join: Join, predictions: Sequence[Prediction], labels: Sequence[Label]
) -> dict[tuple[str, str, int], Any]:
    """Check every pane against the model; returns all integers in them."""
    expected = model.joined(predictions, labels, join.terms)
    found = {at: counts for at, counts in join.counted().items() if counts.cells.any()}
    assert found.keys() == expected.keys()
    for at, counts in expected.items():
        assert_equal(found[at], counts)
    return {at: (plain(counts), exact(counts)) for at, counts in found.items()}


# -- any records, any order ------------------------------------------------------------------------

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


def sent_in(join: Join, records: Sequence[Prediction | Label]) -> None:
    predictions = [one for one in records if isinstance(one, Prediction)]
    join.send(predictions, [one for one in records if isinstance(one, Label)])


@pytest.mark.parametrize("seed", range(6))
def test_any_order_any_batches_and_any_repetition_count_the_same(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(30)
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(4):
            join = Join(client, f"{namespace}{order}")
            join.terms = TERMS
            records = drawing.shuffled([*predictions, *labels])
            at = 0
            while at < len(records):
                until = at + int(drawing.rng.integers(1, 200))
                sent_in(join, records[at:until])
                if drawing.chance(0.3):  # a crash before the commit: cut otherwise, sent again
                    at = max(0, at - int(drawing.rng.integers(0, 100)))
                else:
                    at = until
            join.sweep(START_S + 100 * HORIZON_S)
            found.append(assert_as_expected(join, predictions, labels))
            assert join.figures().entries == 0
            assert join.figures().memory_bytes == 0
    assert found[0] == found[1] == found[2] == found[3]
