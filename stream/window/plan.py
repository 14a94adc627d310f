"""Counting plans: how the events of a model version are counted, and from when on.

A plan is compiled from an activation (its plan and its baseline) and valid from an instant of
event time on. A model version without one runs on :data:`DEFAULT_PLAN`, which counts kinds of
values only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.activations import Plan
from schemas.baselines import Baseline
from schemas.models import LabelsConfig
from stream.arrays import IntArray
from stream.state.keys import VersionId
from stream.window.constraints import CONFIDENCE, Constraints, compile_constraints
from stream.window.label_terms import (
    DEFAULT_LABEL_PLAN,
    LabelPlan,
    LabelTerms,
    label_plan,
    terms_of,
)
from stream.window.layout import PREDICTION, PROBABILITY, GridLayout
from stream.window.panes import HOUR_MS, MINUTE_MS
from stream.window.segments import TAG, SegmentColumn, compile_segments


@dataclass(frozen=True)
class CountingPlan:
    """How events are counted.

    Attributes
    ----------
    layout : the rows of the baseline's grid; None while there is no baseline
    sampling_rate : share of requests whose features are counted
    constraints : None where there are none
    segments : by which traffic is split
    tags : tags whose values are counted, to find the segments they make
    labels : how labels are compared with predictions
    """

    layout: GridLayout | None = None
    sampling_rate: float = 1.0
    constraints: Constraints | None = None
    segments: tuple[SegmentColumn, ...] = ()
    tags: tuple[str, ...] = ()
    labels: LabelPlan = DEFAULT_LABEL_PLAN

    @property
    def looked_at(self) -> frozenset[str]:
        """Features that constraints or segments look at, whether or not the layout has them."""
        outputs = (PREDICTION, PROBABILITY, CONFIDENCE)
        constrained = self.constraints.features if self.constraints else ()
        named = {name for name in constrained if name not in outputs}
        return frozenset(named | {s.name for s in self.segments if s.tag is None})


DEFAULT_PLAN = CountingPlan()


def compile_plan(
    plan: Plan, layout: GridLayout | None, baseline: Baseline | None = None
) -> CountingPlan:
    """Compile an activated plan; ``layout`` is that of its baseline.

    Raises
    ------
    ValueError
        For a constraint whose regular expression RE2 does not take.
    """
    segments = compile_segments(plan.segment_values)
    return CountingPlan(
        layout=layout,
        sampling_rate=plan.sampling_rate,
        constraints=compile_constraints(plan.features),
        segments=segments,
        tags=tuple(sorted(n.removeprefix(TAG) for n in plan.segments if n.startswith(TAG))),
        labels=label_plan(plan, baseline, segments),
    )


@dataclass(frozen=True, slots=True)
class Activation:
    """From an instant of event time on, a plan counts."""

    effective_from_ms: int
    plan: CountingPlan


class PlanBook:
    """Which plan counts which events: what a worker knows of the registry at one moment."""

    def __init__(
        self,
        activations: Mapping[VersionId, Sequence[Activation]] | None = None,
        tier_ms: Callable[[VersionId], int] | None = None,
        labels: Callable[[VersionId], LabelsConfig] | None = None,
    ) -> None:
        self._activations = {
            version: sorted(given, key=lambda a: a.effective_from_ms)
            for version, given in (activations or {}).items()
        }
        self._tier_ms = tier_ms
        self._labels = labels
        self._terms: dict[tuple[VersionId, int], LabelTerms] = {}
        self.sample_bounds: dict[VersionId, float | None] = {}

    def tier_ms(self, version: VersionId) -> int:
        """Length of the panes that events of this version are counted in."""
        return MINUTE_MS if self._tier_ms is None else self._tier_ms(version)

    @property
    def joins(self) -> bool:
        """Whether predictions wait for labels."""
        return self._labels is not None

    def labels(self, version: VersionId) -> LabelsConfig:
        """How labels of this version are joined."""
        return LabelsConfig() if self._labels is None else self._labels(version)

    def label_terms(self, version: VersionId, plan: CountingPlan) -> LabelTerms:
        """Terms on which predictions of this version, counted by this plan, wait for labels."""
        key = (version, id(plan))
        found = self._terms.get(key)
        if found is None:
            tier_ms = max(HOUR_MS, self.tier_ms(version))
            found = terms_of(version, plan.labels, self.labels(version), tier_ms)
            self._terms[key] = found
        return found

    def learns(self, version: VersionId) -> bool:
        """Whether a baseline is still to be learned from this version's events."""
        return all(a.plan.layout is None for a in self._activations.get(version, ()))

    def split(
        self, version: VersionId, times_ms: IntArray
    ) -> list[tuple[CountingPlan, npt.NDArray[np.intp]]]:
        """Positions of events by the plan valid at their event time."""
        activations = self._activations.get(version, [])
        starts = np.array([a.effective_from_ms for a in activations], dtype=np.int64)
        chosen = np.searchsorted(starts, times_ms, side="right") - 1
        return [
            (activations[k].plan if k >= 0 else DEFAULT_PLAN, np.flatnonzero(chosen == k))
            for k in np.unique(chosen).tolist()
        ]
