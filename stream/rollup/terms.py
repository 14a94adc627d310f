"""Which baseline a window is compared with, which windows there are, and which of them decide."""

from dataclasses import dataclass, field

import numpy as np

from schemas.activations import plan_id
from schemas.baselines import HOURS_OF_WEEK, Baseline
from schemas.durations import default_every_ms, window_name
from schemas.models import ModelConfig, window_specs
from schemas.windows import WindowSpec, window_spec
from stream.arrays import FloatArray
from stream.registry import Snapshot
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.deciding import DecisionTerms, terms_of
from stream.state.keys import VersionId
from stream.stats.drift.budget import decision_window_ms
from stream.window.constraints import Constraints, compile_constraints
from stream.window.panes import DAY_MS, HOUR_MS

AUTO = "auto"
SEASONAL = "seasonal"
_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""The first Monday since 1970, which began on a Thursday."""


@dataclass
class References:
    """Compiled baselines and constraints, kept as long as they are active."""

    _compiled: dict[VersionId, dict[tuple[str, int], CompiledBaseline]] = field(
        default_factory=dict
    )
    _constraints: dict[str, Constraints | None] = field(default_factory=dict)

    def of(self, snapshot: Snapshot, version: VersionId) -> list[CompiledBaseline]:
        """Baselines of a version by when they take effect, the first one first."""
        known = self._compiled.get(version, {})
        found = {}
        for activation in snapshot.activations_of(version):
            name = activation.baseline_id
            if name is not None:
                key = (name, activation.effective_from)
                found[key] = known.get(key) or CompiledBaseline(
                    name,
                    snapshot.baselines[name],
                    activation.effective_from,
                    activation.plan.segment_values,
                )
        self._compiled[version] = found
        return list(found.values())

    def constraints_at(
        self, snapshot: Snapshot, version: VersionId, time_ms: int
    ) -> Constraints | None:
        """Constraints by which events of this time are judged."""
        valid = [a for a in snapshot.activations_of(version) if a.effective_from <= time_ms]
        if not valid:
            return None
        plan = valid[-1].plan
        key = plan_id(plan)
        if key not in self._constraints:
            try:
                self._constraints[key] = compile_constraints(plan.features)
            except ValueError:  # the registry has warned of it
                self._constraints[key] = None
        return self._constraints[key]


def valid_at(compiled: list[CompiledBaseline], time_ms: int) -> CompiledBaseline | None:
    """The baseline that counts events of this time."""
    valid = [one for one in compiled if one.effective_from_ms <= time_ms]
    return valid[-1] if valid else None


def decision_spec(config: ModelConfig, baseline: Baseline) -> WindowSpec:
    """The decision window: as configured, or by the baseline's own rate."""
    if config.drift.decision_window != AUTO:
        return window_spec(config.drift.decision_window)
    size_ms = decision_window_ms(baseline.rows, baseline.start_ms, baseline.end_ms)
    return WindowSpec(size_ms, default_every_ms(size_ms), window_name(size_ms))


def all_specs(config: ModelConfig, compiled: list[CompiledBaseline]) -> tuple[WindowSpec, ...]:
    """Configured windows, and the decision windows where they are not among them."""
    specs = list(window_specs(config))
    for one in compiled:
        spec = decision_spec(config, one.baseline)
        if all(spec.name != known.name for known in specs):
            specs.append(spec)
    return tuple(specs)


def decision_terms(
    config: ModelConfig, compiled: CompiledBaseline | None, spec: WindowSpec, end_ms: int
) -> DecisionTerms | None:
    """Terms on which a window decides; None where it does not.

    Only tumbling windows of the decision window decide: one budget, spent once for each event.
    """
    if compiled is None or end_ms % spec.size_ms != 0:
        return None
    if spec.name != decision_spec(config, compiled.baseline).name:
        return None
    return terms_of(config, spec.size_ms)


def seasonal_hours(
    config: ModelConfig, compiled: CompiledBaseline | None, start_ms: int, end_ms: int
) -> FloatArray | None:
    """Hours of the week that a window is compared in; None where that is not by season."""
    if compiled is None or config.baseline != SEASONAL:
        return None
    return hours_of_week(start_ms, end_ms)


def hours_of_week(start_ms: int, end_ms: int) -> FloatArray:
    """Share of each hour of the week, UTC, from Monday 00:00 on, in a window; shape ``(168,)``.

    Examples
    --------
    >>> hours_of_week(_MONDAY_MS, _MONDAY_MS + 2 * HOUR_MS)[:3].tolist()
    [0.5, 0.5, 0.0]
    """
    whole_weeks, rest_ms = divmod(end_ms - start_ms, _WEEK_MS)
    shares = np.full(HOURS_OF_WEEK, float(whole_weeks * HOUR_MS))
    at_ms = start_ms - _MONDAY_MS
    until_ms = at_ms + rest_ms
    while at_ms < until_ms:
        next_ms = min(until_ms, at_ms - at_ms % HOUR_MS + HOUR_MS)
        shares[at_ms // HOUR_MS % HOURS_OF_WEEK] += next_ms - at_ms
        at_ms = next_ms
    return shares / (end_ms - start_ms)
