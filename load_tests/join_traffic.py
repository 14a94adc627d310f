"""Predictions and labels as the worker hands them to the join, without the topics before it.

They are packed by the product's own functions, from a pool of decoded events; hashes of request ids
are drawn, as those of real ids are spread evenly too.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from schemas.activations import Plan
from schemas.models import LabelsConfig, Task
from stream.arrays import ByteArray, IntArray
from stream.ingest.decode import DecodedEvent
from stream.ingest.joining import Labels, Requests, add_requests
from stream.state.client import RedisClient
from stream.state.join import JoinStore
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.window.label_terms import Groups, LabelTerms, label_plan, seconds_of, terms_of
from stream.window.panes import HOUR_MS
from stream.window.segments import compile_segments

NAMESPACE = "join"
VERSION = VersionId("load", "1")
NOW_MS = 1_790_035_200_000
"""Start of the hour in which the newest prediction was made, and append time of all records."""
AT_ONCE = 20_000
PARTITIONS = 4
HORIZON_S = seconds_of(LabelsConfig().join_horizon)
_DELAY_MS = 40_000
_BYTES_MAX = 2**40
_SWEEPS = 65_536 // 64
"""So many calls sweep every bucket once."""


class Shape(NamedTuple):
    """What predictions there are: their task, classes with a probability, splits by segments."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    splits: int = 0


BINARY = Shape("binary", Task.BINARY, ("1",))
SHAPES = (
    BINARY,
    Shape("binary, 1 split", Task.BINARY, ("1",), 1),
    Shape("binary, 3 splits", Task.BINARY, ("1",), 3),
    Shape("regression", Task.REGRESSION),
    Shape("3 classes", Task.MULTICLASS, ("cat", "dog", "bird")),
)


def split_names(shape: Shape) -> list[str]:
    """Tags by which traffic is split."""
    return [f"tags.split_{k}" for k in range(shape.splits)]


def terms_for(shape: Shape) -> LabelTerms:
    """Terms of the version, with the default cells of probabilities."""
    segments = {name: ("a", "b", "c") for name in split_names(shape)}
    plan = label_plan(Plan(task=shape.task), None, compile_segments(segments))
    return terms_of(VERSION, plan, LabelsConfig(), HOUR_MS)


def draw_event(shape: Shape, rng: np.random.Generator) -> DecodedEvent:
    """One answer."""
    tags: dict[str, str | None] = {
        name.removeprefix("tags."): str(rng.choice(list("abc"))) for name in split_names(shape)
    }
    if shape.task is Task.REGRESSION:
        return DecodedEvent(prediction=round(float(rng.normal(200, 40)), 2), tags=tags or None)
    if len(shape.classes) > 1:
        shares = rng.dirichlet(np.ones(len(shape.classes)))
        named = dict(zip(shape.classes, shares.tolist(), strict=True))
        return DecodedEvent(
            prediction=max(named, key=named.__getitem__), probability=named, tags=tags or None
        )
    share = float(rng.random())
    return DecodedEvent(prediction=int(share > 0.5), probability=share, tags=tags or None)


def draw_label(shape: Shape, rng: np.random.Generator) -> str | int | float:
    """One truth."""
    if shape.task is Task.REGRESSION:
        return round(float(rng.normal(200, 50)), 2)
    if len(shape.classes) > 1:
        return str(rng.choice(list(shape.classes)))
    return int(rng.random() < 0.5)


class Traffic(NamedTuple):
    """Requests of one shape, n of them.

    Attributes
    ----------
    shape : of all
    keys : (n, 8) hashes of their ids
    times_ms : (n,)
    """

    shape: Shape
    keys: ByteArray
    times_ms: IntArray

    @classmethod
    def draw(cls, shape: Shape, requests: int, hours: int) -> "Traffic":
        """Draw requests of so many hours, the last one included."""
        rng = np.random.default_rng(requests)
        keys = rng.integers(0, 256, (requests, 8), dtype=np.uint8)
        first_ms = NOW_MS - (hours - 1) * HOUR_MS
        return cls(shape, keys, rng.integers(first_ms, NOW_MS + HOUR_MS, requests))

    def predictions(self) -> Iterator[Groups]:
        """Packed predictions, `AT_ONCE` a portion."""
        rng = np.random.default_rng(1)
        pool = [draw_event(self.shape, rng) for _ in range(AT_ONCE)]
        terms = terms_for(self.shape)
        for first in range(0, len(self.keys), AT_ONCE):
            keys = self.keys[first : first + AT_ONCE]
            numbers = np.arange(first, first + len(keys))
            requests = Requests(
                pool[: len(keys)],
                keys,
                self.times_ms[first : first + AT_ONCE],
                np.full(len(keys), NOW_MS),
                numbers % PARTITIONS,
                numbers // PARTITIONS,
                np.full(len(keys), -1),
            )
            groups: Groups = {}
            add_requests(groups, requests, terms, None)
            yield groups

    def labels(self, number: int) -> Iterator[list[bytes]]:
        """Packed labels of so many of them, drawn without order, `AT_ONCE` a portion."""
        rng = np.random.default_rng(2)
        pool = [draw_label(self.shape, rng) for _ in range(AT_ONCE)]
        order = rng.permutation(len(self.keys))[:number].tolist()
        for first in range(0, len(order), AT_ONCE):
            labels = Labels()
            for offset, row in enumerate(order[first : first + AT_ONCE], first):
                labels.add(
                    self.keys[row].tobytes(),
                    time_ms=int(self.times_ms[row]) + _DELAY_MS,
                    place=(offset % PARTITIONS, offset // PARTITIONS, -1),
                    append_ms=NOW_MS,
                    label=pool[offset % AT_ONCE],
                    metrics=None,
                    model=None,
                    version=None,
                )
            yield labels.parts


def prepare(client: RedisClient) -> JoinStore:
    """Empty Redis, and bring the join where a worker's commits have brought it: near to now."""
    client.flushall()
    keys = StateKeys(NAMESPACE)
    for clocks in (keys.clocks, keys.label_clocks):
        client.hset(clocks, str(PartitionId("topic", 0)), NOW_MS)
    store = JoinStore(client, NAMESPACE, _BYTES_MAX)
    for _ in range(_SWEEPS):
        store.sweep(HORIZON_S)
    return store
