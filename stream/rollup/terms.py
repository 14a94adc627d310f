"""Which baseline a window is compared with, which windows there are, and which of them decide."""

from dataclasses import dataclass, field

from schemas.activations import Activation
from schemas.baselines import Baseline
from schemas.durations import default_every_ms, window_name
from schemas.models import ModelConfig, window_specs
from schemas.windows import WindowSpec, window_spec
from stream.registry import Snapshot
from stream.rollup.comparison import CompiledBaseline, DecisionTerms
from stream.state.keys import VersionId
from stream.stats.drift.budget import alpha, decision_window_ms

AUTO = "auto"


@dataclass
class References:
    """Compiled baselines, kept as long as they are active."""

    _compiled: dict[tuple[str, int], CompiledBaseline] = field(default_factory=dict)

    def of(self, snapshot: Snapshot, version: VersionId) -> list[CompiledBaseline]:
        """Baselines of a version by when they take effect, the first one first."""
        return [
            self._compile(activation, snapshot.baselines[activation.baseline_id])
            for activation in snapshot.activations_of(version)
            if activation.baseline_id is not None
        ]

    def _compile(self, activation: Activation, baseline: Baseline) -> CompiledBaseline:
        assert activation.baseline_id is not None
        key = (activation.baseline_id, activation.effective_from)
        found = self._compiled.get(key)
        if found is None:
            found = CompiledBaseline(activation.baseline_id, baseline, activation.effective_from)
            self._compiled[key] = found
        return found


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
    return DecisionTerms(
        alpha(config.drift.false_alarms_per_month, spec.size_ms),
        config.drift.min_effect,
        config.features,
    )
