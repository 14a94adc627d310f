"""Which features drifted: one decision over all features and segments of a decision window."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.features import FeatureConfig
from schemas.models import ModelConfig
from stream.rollup.comparison import OUTPUT_KEYS, Comparison
from stream.stats.drift.budget import alpha
from stream.stats.drift.decision import Decision, decide
from stream.stats.drift.decomposition import decompose
from stream.stats.drift.detectable import min_detectable_shift
from stream.stats.drift.dispersion import phi_at
from stream.stats.drift.fixed_threshold import exceeds
from stream.stats.reference import MISMATCH

Key = tuple[str | None, str]
"""Segment, None for all traffic, and feature."""


@dataclass(frozen=True, slots=True)
class DecisionTerms:
    """On what terms a window decides: the budget's share and the smallest effect."""

    alpha: float
    effect_min: float
    features: Mapping[str, FeatureConfig]

    def effect_min_of(self, name: str) -> float:
        """Smallest effect of a feature: its own where it has one."""
        config = self.features.get(name)
        own = None if config is None or config.drift is None else config.drift.min_effect
        return self.effect_min if own is None else own


def terms_of(config: ModelConfig, size_ms: int) -> DecisionTerms:
    """Terms on which a decision window of this length decides, at the configured budget."""
    drift = config.drift
    level = alpha(drift.false_alarms_per_month, size_ms)
    return DecisionTerms(level, drift.min_effect, config.features)


def decide_window(terms: DecisionTerms, found: Mapping[str | None, Comparison]) -> None:
    """Decide, and write the decisions into the figures.

    Parameters
    ----------
    terms : of the window
    found : by segment, None for all traffic; they share the budget

    Notes
    -----
    A feature with a fixed threshold is decided by it and takes no part in the correction.
    ``prediction_drifted`` is about the model's output: the prediction or its probability;
    ``prediction_drifted_alone`` says that it changed for inputs that did not.
    """
    tests = {
        (segment, name): test
        for segment, comparison in found.items()
        for name, test in comparison.tests.items()
        if not _is_fixed(terms, name)
    }
    floors = {(segment, name): terms.effect_min_of(name) for segment, name in tests}
    decisions = decide(tests, terms.alpha, terms.effect_min, floors)
    for segment, comparison in found.items():
        mine = {name: decisions[of, name] for of, name in decisions if of == segment}
        _write(terms, comparison, mine, len(tests))


def _is_fixed(terms: DecisionTerms, name: str) -> bool:
    config = terms.features.get(name)
    return config is not None and config.drift is not None and config.drift.metric is not None


def _write(
    terms: DecisionTerms, found: Comparison, decisions: Mapping[str, Decision], questions: int
) -> None:
    for name, figures in found.features.items():
        if name in decisions:
            drifted = decisions[name].drifted
            figures["drift_q_value"] = decisions[name].q_value
            figures["drifted"] = drifted
            figures.update(_explained(terms, found, name, drifted, questions))
        elif _is_fixed(terms, name):
            over = _exceeds(terms.features[name], figures)
            if over is not None:
                figures["drifted"] = over
    decided = [bool(figure["drifted"]) for figure in found.features.values() if "drifted" in figure]
    if decided:
        found.metrics["drift_share"] = sum(decided) / len(decided)
        found.metrics["drifted_features"] = sum(decided)
    outputs = {role: decisions[key] for role, key in OUTPUT_KEYS.items() if key in decisions}
    for role, output in outputs.items():
        figures = found.outputs.setdefault(role, {})
        found.metrics[f"{role}_drift_q_value"] = output.q_value
        figures |= {"drift_q_value": output.q_value, "drifted": output.drifted}
    if outputs:
        answers = any(output.drifted for output in outputs.values())
        found.metrics["prediction_drifted"] = answers
        if decided:
            found.metrics["prediction_drifted_alone"] = answers and not any(decided)


def _exceeds(config: FeatureConfig, figures: Mapping[str, bool | float | str]) -> bool | None:
    assert config.drift is not None
    return exceeds({k: v for k, v in figures.items() if not isinstance(v, str)}, config.drift)


def _explained(
    terms: DecisionTerms, found: Comparison, name: str, drifted: bool, questions: int
) -> dict[str, float]:
    """What drift is made of where there is some, and what would be found where there is none."""
    reference, counts = found.rows[name]
    if drifted:
        return decompose(reference, counts)
    values = int(counts[:MISMATCH].sum())
    phi = phi_at(reference.baseline.dispersion, values)
    level, effect_min = terms.alpha / questions, terms.effect_min_of(name)
    shift = min_detectable_shift(reference, values, level, effect_min, phi)
    return {} if shift is None else {"min_detectable_shift": shift}
