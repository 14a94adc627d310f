"""Terms: what a prediction that waits for its label is counted by, once the label is there.

They follow from the plan that counts the prediction, its baseline and the model's configuration of
labels, and lie in Redis beside the entries, under the code that every entry names.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas.activations import Plan
from schemas.baselines import Baseline, BaselinePerformance
from schemas.durations import parse_duration_ms
from schemas.models import LabelsConfig, Task
from stream.arrays import FloatArray
from stream.baseline.score_edges import score_edges_of, score_grid_id
from stream.state.keys import VersionId
from stream.state.packed import packed, raw
from stream.window.label_text import class_text, name_hash, scalar_text
from stream.window.segments import SegmentColumn

CLASSES_MAX = 16
"""Classes whose probabilities an entry holds; with more of them there is no ROC AUC."""


HASH_BYTES = 8
"""By which a request is known."""
CODE_BYTES = 4
"""By which an entry names its terms."""


class Mode(StrEnum):
    """What an entry holds of a prediction: `AUTO` a number that may be a class."""

    CLASS = "class"
    NUMBER = "number"
    AUTO = "auto"
    RANKING = "ranking"


class Absent(NamedTuple):
    """The label that none within a time means."""

    value: str
    number: bool
    after_s: int


@dataclass(frozen=True, eq=False)
class LabelPlan:
    """What a counting plan and its baseline say of labels.

    Attributes
    ----------
    task : as configured
    positive : the class that a single probability speaks of
    mode : of every prediction, where the task or the baseline decides it; None where its type does
    edges : inner edges of the cells of probabilities
    target_edges : the same of numeric labels; None where the baseline has none
    segments : by which traffic is split
    """

    task: Task = Task.AUTO
    positive: str = "1"
    mode: Mode | None = None
    edges: FloatArray = field(default_factory=lambda: score_edges_of(None))
    target_edges: FloatArray | None = None
    segments: tuple[SegmentColumn, ...] = ()

    @cached_property
    def grid(self) -> str:
        """Name of the cells of probabilities."""
        return score_grid_id(self.edges)


DEFAULT_LABEL_PLAN = LabelPlan()
_MODES = {
    Task.BINARY: Mode.CLASS,
    Task.MULTICLASS: Mode.CLASS,
    Task.REGRESSION: Mode.NUMBER,
    Task.RANKING: Mode.RANKING,
}


def label_plan(
    plan: Plan, baseline: Baseline | None, segments: tuple[SegmentColumn, ...]
) -> LabelPlan:
    """Compile what a plan and a baseline say of labels."""
    mode = _MODES.get(plan.task)
    if mode is None and baseline is not None and baseline.prediction is not None:
        mode = Mode.NUMBER if baseline.prediction.edges else Mode.CLASS
    targets = None
    performance = baseline.performance if baseline is not None else None
    if isinstance(performance, BaselinePerformance) and performance.label is not None:
        targets = np.array(performance.label.decile_edges) if performance.label.edges else None
    return LabelPlan(
        task=plan.task,
        positive=plan.positive_class,
        mode=mode,
        edges=score_edges_of(baseline),
        target_edges=targets,
        segments=segments,
    )


@dataclass(frozen=True, slots=True)
class LabelTerms:
    """Terms of the predictions of one model version.

    Attributes
    ----------
    version : whose they are
    plan : what counts them
    tier_ms : length of their label panes
    horizon_s : how long they wait
    absent : what no label means; None where it means nothing
    mode : what their entries hold
    classes : whose probabilities they hold
    binary : whether there is one probability, of the first class, the other is the rest
    """

    version: VersionId
    plan: LabelPlan
    tier_ms: int
    horizon_s: int
    absent: Absent | None
    mode: Mode = Mode.CLASS
    classes: tuple[str, ...] = ()
    binary: bool = False

    def of(self, mode: Mode, classes: tuple[str, ...], *, binary: bool) -> "LabelTerms":
        """Terms of predictions of this form."""
        return replace(self, mode=mode, classes=classes, binary=binary)

    @staticmethod
    def codes(payload: bytes) -> Iterator[bytes]:
        """Codes under which terms may lie; a later one where an earlier names other terms."""
        for salt in count():
            yield hashlib.sha256(payload + bytes([salt % 256])).digest()[:CODE_BYTES]

    def payload(self) -> bytes:
        """Write them for ``join.lua``."""
        plan = self.plan
        content: dict[str, Any] = {
            "version": " ".join(self.version),
            "model_hash": raw(name_hash(self.version.model)),
            "version_hash": raw(name_hash(self.version.version)),
            "mode": self.mode,
            "classes": [class_text(name) for name in self.classes],
            "binary": self.binary,
            "tier": self.tier_ms,
            "horizon": self.horizon_s,
            "segments": [column.names for column in plan.segments],
            "grid": plan.grid,
            "edges": _doubles(plan.edges),
        }
        if plan.target_edges is not None:
            content["target_grid"] = score_grid_id(plan.target_edges)
            content["target_edges"] = _doubles(plan.target_edges)
        if self.absent is not None:
            content["absent"] = {
                "value": self.absent.value,
                "number": self.absent.number,
                "after": self.absent.after_s,
            }
        return packed(content)


def _doubles(edges: FloatArray) -> msgspec.Raw:
    return raw(np.asarray(edges, dtype="<f8").tobytes())


def terms_of(version: VersionId, plan: LabelPlan, labels: LabelsConfig, tier_ms: int) -> LabelTerms:
    """Terms by what a model's configuration says of labels; durations in whole seconds, upwards."""
    horizon_s = seconds_of(labels.join_horizon)
    absent = None
    if labels.absent_means is not None:
        value = labels.absent_means.value
        after_s = min(seconds_of(labels.absent_means.after), horizon_s)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        absent = Absent(scalar_text(value), number, after_s)
    return LabelTerms(version, plan, tier_ms, horizon_s, absent)


def seconds_of(duration: str) -> int:
    """Whole seconds of a duration, upwards."""
    return -(-parse_duration_ms(duration) // 1000)


def classes_of(names: Sequence[str]) -> tuple[str, ...]:
    """Classes whose probabilities are kept; none where there are too many.

    None either where a label would not have a class' name as it is, as where that is too long.
    """
    if len(names) > CLASSES_MAX or any(class_text(name) != name for name in names):
        return ()
    return tuple(sorted(names))


Groups = dict[tuple[LabelTerms, int], list[bytes]]
"""Predictions to register, packed, by their terms and the length of each in bytes."""
