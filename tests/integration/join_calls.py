"""The join of one namespace: records handed to it as a worker does, and what it then holds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import join_model as model
import numpy as np
from join_model import Counts, Label, Prediction, Terms

from schemas.activations import Plan
from schemas.models import AbsentMeans, LabelsConfig
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
from stream.window.labelled import LabelCounts, decode_labels, merge_labels
from stream.window.panes import PaneId
from stream.window.segments import compile_segments

BUCKETS = 64
"""All requests lie in the first ones, so that one sweep goes through them all."""


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


def sent_in(join: Join, records: Sequence[Prediction | Label]) -> None:
    predictions = [one for one in records if isinstance(one, Prediction)]
    join.send(predictions, [one for one in records if isinstance(one, Label)])


def merged(join: Join, version: VersionId) -> LabelCounts:
    return merge_labels(join.panes(version).values())


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
