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
from stream.state.store import StateStore
from stream.window.label_terms import Groups, LabelPlan, LabelTerms, Mode, terms_of
from stream.window.label_text import name_hash
from stream.window.labelled import UNUSABLE, LabelCounts, decode_labels, merge_labels
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

    def sweep_before(self, append_s: int) -> None:
        """Sweep when all was read up to a record that is still to come."""
        cycle_s = self.horizon_s // 8
        clock_s = append_s // cycle_s * cycle_s + cycle_s // 2
        if clock_s <= append_s:
            self.sweep(clock_s)

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

    def stored(self) -> tuple[int, int]:
        """Entries there are, and the bytes they take."""
        root = self.keys.join_root.encode()
        buckets = [root + bytes([0, low]) for low in range(BUCKETS)]
        values = [value for key in buckets for value in self.client.hvals(key)]
        return len(values), sum(len(value) + 12 for value in values)

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
    segments = {name: exact(part) for name, part in counts.segments.items() if part.cells.any()}
    return {"": of_all} | segments


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
            figures = join.figures()
            assert (figures.entries, figures.memory_bytes) == join.stored()
            join.sweep(START_S + 100 * HORIZON_S)
            found.append(assert_as_expected(join, predictions, labels))
            figures = join.figures()
            assert (figures.entries, figures.memory_bytes) == join.stored() == (0, 0)
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("seed", range(4))
def test_sweeping_meanwhile_changes_nothing(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(30)
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(3):
            join = Join(client, f"{namespace}{order}")
            join.terms = TERMS
            lags = drawing.rng.integers(0, 3 * HORIZON_S, 12)  # of each partition

            def read_at(one: Prediction | Label, lags: Any = lags) -> int:
                of_labels = isinstance(one, Label) and one.place[0] == "labels"
                return one.append_s + int(lags[one.place[-3] % 3 + 3 * of_labels])

            left: list[Prediction | Label] = sorted([*predictions, *labels], key=read_at)
            while left:
                some = left[: int(drawing.rng.integers(1, 60))]
                for _ in range(1 + drawing.chance(0.3)):  # or a crash before the commit
                    sent_in(join, some)
                left = left[len(some) :]
                if drawing.chance(0.7):  # a log clock never stands beyond what is still to be read
                    join.sweep_before(min((one.append_s for one in left), default=0))
            for clock_s in range(START_S, START_S + 12 * HORIZON_S, HORIZON_S // 8):
                join.sweep(clock_s)
            found.append(assert_as_expected(join, predictions, labels))
            assert join.figures().entries == 0
    assert found[0] == found[1] == found[2]


def test_the_same_calls_again_change_not_a_byte(join: Join) -> None:
    drawing = Drawing(3)
    predictions, labels = drawing.records(30)
    labels = [one for one in labels if int(one.id[1:]) % 2]
    few = {one.id: [two for two in labels if two.id == one.id][:8] for one in labels}
    labels = [one for of_request in few.values() for one in of_request]
    join.terms = TERMS

    def everything() -> dict[bytes, Any]:
        keys = join.client.keys(f"{join.namespace}:*")
        return {key: join.client.dump(key) for key in keys if key != join.keys.terms(key[-4:])}

    join.send(predictions, labels)
    before = everything()
    for _ in range(2):
        join.send(drawing.shuffled(predictions), drawing.shuffled(labels))
    assert everything() == before


# -- one thing at a time ---------------------------------------------------------------------------

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


def counted(join: Join, version: VersionId = FRAUD) -> LabelCounts:
    return merge_labels(join.panes(version).values())


ABSENT = Terms("class", "1", EDGES, absent=0, absent_after_s=1800)


def test_absence_speaks_when_its_time_is_over_and_a_label_replaces_it(join: Join) -> None:
    join.terms = {FRAUD: ABSENT}
    join.send([asked("a"), asked("b", place=(0, 2, -1))], [told("b", after_s=1800)])
    join.sweep(START_S + 900)
    assert counted(join).confusion() == {("1", "1"): 1}
    join.sweep(START_S + 3000)
    assert counted(join).confusion() == {("1", "1"): 1, ("1", "0"): 1}
    assert counted(join).delays.sum() == 1, "it is no label that came after some time"
    assert counted(join).revision == 2
    join.send([], [told("a", after_s=5000, offset=2)])
    assert counted(join).confusion() == {("1", "1"): 2}
    assert (counted(join).labelled, counted(join).revision) == (2, 3)
    figures = join.figures()
    assert (figures.matched, figures.corrected) == (2, 1)


@pytest.mark.parametrize("order", ["PEL", "PLE", "EPL", "ELP", "LPE", "LEP"])
def test_absence_is_silent_where_a_label_came_in_time_whatever_is_read_first(
    join: Join, order: str
) -> None:
    join.terms = {FRAUD: ABSENT}
    early, late = told(value=1, after_s=1000), told(value=0, after_s=4000, offset=2)
    for what in order:
        join.send([asked()] if what == "P" else [], {"E": [early], "L": [late]}.get(what, []))
    assert_as_expected(join, [asked()], [early, late])
    assert counted(join).revision == 2, "the label, and its correction"
    join.sweep(START_S + 5000)
    assert_as_expected(join, [asked()], [early, late])


@pytest.mark.parametrize("order", ["PL", "LP"])
def test_a_label_out_of_time_corrects_what_absence_said_whatever_is_read_first(
    join: Join, order: str
) -> None:
    join.terms = {FRAUD: ABSENT}
    late = told(value=1, after_s=4000)
    for what in order:
        join.send([asked()] if what == "P" else [], [late] if what == "L" else [])
    assert_as_expected(join, [asked()], [late])
    assert counted(join).revision == 2


def test_absence_of_a_request_that_another_answer_replaces_is_forgotten(join: Join) -> None:
    join.terms = {FRAUD: ABSENT}
    join.send([asked()])
    join.sweep(START_S + 2000)
    earlier = asked(time_ms=START_MS - 5, append_s=START_S + 2500, place=(1, 7, -1))
    join.send([earlier])
    assert counted(join).labelled == 0
    join.sweep(START_S + 9000)
    assert_as_expected(join, [asked(), earlier], [])
    assert join.figures().matched == 1


@pytest.mark.parametrize(("after_s", "matched"), [(7200, 1), (7201, 0), (-7200, 1), (-7201, 0)])
def test_labels_match_within_the_horizon_on_both_sides(
    join: Join, after_s: int, matched: int
) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()])
    join.send([], [told(after_s=after_s)])
    assert counted(join).labelled == matched


def test_what_waits_in_vain_is_left_out_and_counted_once(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    predictions = [asked(f"p{i}", place=(0, i, -1)) for i in range(20)]
    labels = [told(f"l{i}", offset=i) for i in range(30)] + [told("p0", offset=99)]
    join.send(predictions, labels)
    join.sweep_before(START_S + 7200)
    assert join.figures().entries == 50
    for _ in range(3):
        join.sweep(START_S + 9000)
    figures = join.figures()
    assert (figures.entries, figures.memory_bytes) == (0, 0)
    assert (figures.unlabelled, figures.orphaned, figures.matched) == (19, 30, 1)
    assert_as_expected(join, predictions, labels)


def test_an_id_used_again_after_the_horizon_is_another_request(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    again = asked(
        value=0, time_ms=START_MS + 5 * HOUR_MS, append_s=START_S + 18_000, place=(0, 2, -1)
    )
    first, second = told(value=1), told(value=0, after_s=18_500, offset=2)
    join.send([asked()], [first])
    join.send([again], [second])
    for _ in range(2):  # read again after a crash
        join.send([asked(), again], [first, second])
    panes = join.panes(FRAUD)
    assert [counts.confusion() for _, counts in sorted(panes.items())] == [
        {("1", "1"): 1},
        {("0", "0"): 1},
    ]
    assert counted(join).cells.tolist() == [2, 2, 0, 0]
    assert (join.figures().entries, join.figures().matched) == (1, 2)


def test_labels_of_other_versions_push_no_label_out(join: Join) -> None:
    models = [VersionId(f"m{i}", "1") for i in range(20)]
    join.terms = dict.fromkeys(models, SAID)
    predictions = [asked(model=one.model, place=(0, i, -1)) for i, one in enumerate(models)]
    labels = [
        told(value=i % 2, after_s=i, model=one.model, place=("predictions", 0, i, -1))
        for i, one in enumerate(models)
    ]
    join.send(predictions, labels)
    assert_as_expected(join, predictions, labels)
    assert join.figures().matched == 20


def test_figures_that_follow_a_label_do_not_push_it_out(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    labels = [told(value=1)]
    labels += [
        told(value=None, after_s=60 + i, offset=1 + i, metrics={"dwell_s": float(i)})
        for i in range(1, 30)
    ]
    join.send([asked()], labels)
    assert_as_expected(join, [asked()], labels)
    assert counted(join).sums["metric.dwell_s"].total == 29


def test_numbers_sent_as_text_and_as_numbers_are_told_apart_where_that_matters(join: Join) -> None:
    price = VersionId("price", "1")
    join.terms = {price: Terms("number"), FRAUD: SAID}
    predictions = [asked(model="price", value=5.0), asked(value=3)]
    labels = [told(value=v, after_s=i, offset=i) for i, v in enumerate(["3", 3, True, 1, 4])]
    for label in labels:
        join.send([], [label])
        join.send(predictions)
        assert_as_expected(join, predictions, labels[: labels.index(label) + 1])


def test_an_item_that_is_shown_twice_gains_once(join: Join) -> None:
    ranker = VersionId("ranker", "1")
    join.terms = {ranker: Terms("ranking")}
    join.send([asked(model="ranker", value=["a", "a", "b"])], [told(value=["a"])])
    assert counted(join, ranker).sums["ndcg"].mean == 1.0


# -- roll-ups --------------------------------------------------------------------------------------


def test_labels_of_hours_that_were_rolled_into_a_day_change_the_day(join: Join) -> None:
    join.terms = {FRAUD: Terms("class", "1", EDGES, countries=("FR",), horizon_s=86_400)}
    midnight_ms = START_MS // DAY_MS * DAY_MS
    rng = np.random.default_rng(1)
    predictions = [
        asked(
            f"r{i}",
            value=i % 2,
            time_ms=midnight_ms + int(rng.integers(0, DAY_MS)),
            place=(0, i, -1),
            probability=float(rng.random()),
            country="FR" if i % 3 else None,
        )
        for i in range(200)
    ]
    labels = [
        told(f"r{i % 200}", value=int(rng.integers(2)), after_s=i, offset=i) for i in range(600)
    ]
    join.send(predictions[:150], labels[:150])
    store = StateStore(join.client, join.namespace)
    hours = list(join.panes(FRAUD))
    assert {pane.tier_ms for pane in hours} == {HOUR_MS}
    assert store.roll(FRAUD, hours[::2], labelled=True) == len(hours[::2])
    join.send(predictions[150:], labels[150:400])
    hours = [pane for pane in join.panes(FRAUD) if pane.tier_ms == HOUR_MS]
    assert store.roll(FRAUD, hours, labelled=True) == len(hours) > 0
    join.send([], labels[400:])
    assert [pane.tier_ms for pane in join.panes(FRAUD)] == [DAY_MS]
    whole = model.joined(
        predictions,
        labels,
        {FRAUD: Terms("class", "1", EDGES, countries=("FR",), horizon_s=86_400, pane_ms=DAY_MS)},
    )
    assert_equal(counted(join), whole[(*FRAUD, midnight_ms)])


# -- too little memory, lost memory ----------------------------------------------------------------


def test_where_memory_is_short_fewer_requests_are_joined_and_coverage_stays_true(
    stack: EmbeddedStack, namespace: str
) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        join = Join(client, namespace, bytes_max=20_000)
        join.terms = {FRAUD: SAID}
        requests = 4000
        for first in range(0, requests, 200):
            join.send([asked(f"r{i}", place=(0, i, -1)) for i in range(first, first + 200)])
            for _ in range(3):
                join.client.hset(join.keys.join, "cursor", 0)
                join.store.sweep(join.horizon_s)
        for _ in range(1000):
            join.store.sweep(join.horizon_s)
        figures = join.figures()
        rate = figures.rates[" ".join(FRAUD)]
        assert 0 < rate < 0.2
        assert figures.memory_bytes <= 20_000
        registered = counted(join).registered
        assert registered == figures.entries
        assert 0.5 < registered / (rate * requests) < 2
        join.send([], [told(f"r{i}", offset=i) for i in range(requests)])
        assert counted(join).labelled == registered == join.figures().matched
        after = join.figures()
        assert (
            after.matched + after.early <= requests <= after.matched + after.early + after.dropped
        )


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_while_memory_is_short_the_figures_stay_sound(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(60)
    records = drawing.shuffled([*predictions, *labels])
    with redis.Redis.from_url(stack.redis_url) as client:
        join = Join(client, namespace, bytes_max=5_000)
        join.terms = TERMS
        for first in range(0, len(records), 50):
            sent_in(join, records[first : first + 100])  # half of it again
            for _ in range(50):
                join.store.sweep(HORIZON_S)
        figures = join.figures()
        assert (figures.entries, figures.memory_bytes) == join.stored()
        assert len(figures.rates) > 1
        assert figures.evicted > 0
        join.sweep(START_S + 100 * HORIZON_S)
        assert join.stored() == (0, 0)
        for counts in join.counted().values():
            assert 0 <= counts.labelled <= counts.registered
            assert counts.pairs.other == 0
            assert sum(counts.pairs.names.values()) + counts.cells[UNUSABLE] <= counts.labelled
            assert all(sums.count >= 0 for sums in counts.sums.values())


def test_terms_that_redis_lost_are_sent_again(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()])
    for key in join.client.keys(f"{join.namespace}:state:j:terms:*"):
        join.client.delete(key)
    join.send([asked("b", place=(0, 2, -1))], [told("a"), told("b", offset=2)])
    assert counted(join).labelled == 2


def test_an_emptied_redis_begins_anew(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()], [told()])
    join.client.delete(*join.client.keys(f"{join.namespace}:*"))
    join.send([], [told()])
    join.send([asked()])
    assert_as_expected(join, [asked()], [told()])
    assert join.figures().entries == 1


def test_terms_of_the_same_code_are_kept_apart(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    made = terms_for(FRAUD, SAID).of(Mode.CLASS, (), binary=False)
    code = next(made.codes(made.payload()))
    join.client.set(join.keys.terms(code), b"terms of somebody else")
    join.send([asked()], [told()])
    assert counted(join).labelled == 1
    assert join.client.get(join.keys.terms(code)) == b"terms of somebody else"


# -- what nobody should send -----------------------------------------------------------------------


def test_hostile_records_corrupt_nothing_beside_them(join: Join) -> None:
    long = VersionId("l" * 128, "v" * 128)
    ranker, price = VersionId("ranker", "1"), VersionId("price", "1")
    join.terms = {
        FRAUD: SAID,
        long: Terms("class", "p\x1fq" * 40, EDGES),
        ranker: Terms("ranking"),
        price: Terms("number", target_edges=(0.0,)),
    }
    odd: list[Any] = ["", "\x1f", "|", ":", "s:1:", "\x00", "\n", "x" * 10_000, "ж" * 300, "0x10"]
    odd += ["nan", "inf", " 7 ", 10**299, -(10**299), 1e308, -1e308, 5e-324, -0.0, [], {}, ["\x1f"]]
    odd += [[str(i) for i in range(10_000)], {str(i): 1.0 + i for i in range(10_000)}, {"a": None}]
    odd += [{"a": 1e308, "b": 1e308}, True, "\ud800"]
    predictions = []
    for i, value in enumerate(v for v in odd if not isinstance(v, dict)):
        for one in join.terms:
            probability: Any = {f"c{k}": 1 / 100 for k in range(100)} if i % 3 else None
            if i % 3 == 1:
                probability = {"p\x1fq" * 40: 0.3, "other": None, str(value)[:20]: math.nan}
            predictions.append(
                asked(
                    f"r{i}",
                    value=value,
                    model=one[0],
                    version=one[1],
                    place=(16_383, 2**63 - 1 - i, 65_535),
                    probability=probability,
                    append_s=2**40 if i == 3 else START_S,
                )
            )
    labels = []
    for i in range(len(odd)):
        for k, value in enumerate(odd):
            metrics = {
                name: float(j) for j, name in enumerate(["", "\x00", "a:b:1", "ж" * 64, "|"])
            }
            metrics |= {str(j): 1.7e308 for j in range(30)}
            labels.append(
                told(
                    f"r{i}",
                    value=value,
                    offset=2**40 + i,
                    place=("labels", 0, 2**40 + k, 65_535),
                    after_s=k,
                    metrics=metrics if k % 3 == 0 else None,
                    append_s=2**41 if k == 5 else START_S + k,
                )
            )
    plain_ones = [asked("plain", model=v[0], version=v[1]) for v in (FRAUD, long)]
    join.send(plain_ones, [told("plain")])
    before = {v: counted(join, VersionId(*v)) for v in (FRAUD, long)}
    join.send(predictions, labels)
    join.send(predictions, labels)
    join.sweep(START_S + 10**6)
    for version, counts in before.items():
        after = counted(join, VersionId(*version))
        assert after.confusion()["1", "1"] >= counts.confusion()["1", "1"]
    for name, of in join.terms.items():
        counts = counted(join, VersionId(*name))
        assert counts.labelled <= counts.registered
        assert (counts.cells >= 0).all()
        assert all((row >= 0).all() for of in counts.scores.values() for row in of.values())
        if of.mode == "class":
            paired = sum(counts.pairs.names.values()) + counts.pairs.other
            assert paired + counts.cells[UNUSABLE] == counts.labelled
        assert all(sums.count >= 0 for sums in counts.sums.values())


DAMAGED = {b"pairs": b"N?", b"delay": b"S"}


def test_a_damaged_row_stays_and_the_others_go_on(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()], [told()])
    [pane] = join.panes(FRAUD)
    key = join.keys.label_pane(FRAUD, pane.member())
    for name, row in DAMAGED.items():
        join.client.hset(key, name, row)
    join.send([asked("b", place=(0, 2, -1))], [told("b", offset=2)])
    rows = join.client.hgetall(key)
    assert {name: rows[name] for name in DAMAGED} == DAMAGED
    assert decode_labels({b"n": rows[b"n"]}).labelled == 2


def test_of_too_many_pairs_none_is_lost_from_the_sum(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    n = 5000
    predictions = [asked(f"r{i}", value=f"p{i}", place=(0, i, -1)) for i in range(n)]
    join.send(predictions, [told(f"r{i}", value=f"a{i}", offset=i) for i in range(n)])
    pairs = counted(join).pairs
    assert (len(pairs.names), pairs.other) == (4096, n - 4096)
    join.send([], [told(f"r{i}", value="b", after_s=90, offset=n + i) for i in range(0, n, 7)])
    pairs = counted(join).pairs
    assert len(pairs.names) <= 4096
    assert sum(pairs.names.values()) + pairs.other == n


def test_of_too_many_figures_the_same_ones_stay_in_any_order(
    stack: EmbeddedStack, namespace: str
) -> None:
    rng = np.random.default_rng(5)
    predictions = [asked(f"r{i}", place=(0, i, -1)) for i in range(40)]
    labels = [
        told(
            f"r{i % 40}",
            after_s=i,
            offset=i,
            metrics={f"f{int(k)}": float(k) for k in rng.choice(200, 10, replace=False)},
        )
        for i in range(120)
    ]
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(3):
            join = Join(client, f"{namespace}{order}")
            join.terms = {FRAUD: SAID}
            for i in rng.permutation(len(labels)).tolist():
                join.send(predictions if i == 0 else [], [labels[i]])
            counts = counted(join)
            assert len(counts.magnitudes) == 64
            found.append((plain(counts), exact(counts)))
    assert found[0] == found[1] == found[2]
