"""Which way figures are better: what a bound on one of them means."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from schemas.metric_names import METRIC_ALIASES, describe

__all__ = ["BETTER", "Better", "better"]


class Better(StrEnum):
    """Where a figure should be: above a bound, below it, or no further from zero than it."""

    HIGHER = "higher"
    LOWER = "lower"
    NEAR_ZERO = "near_zero"


# p-values, limits, and what a model predicts are neither good nor bad: they are not here. Nor are
# spikes and concept drift, which are shown of the live window and in no report: a bound on them
# would never be judged.
_HIGHER = """
throughput_per_s
accuracy precision recall f1 roc_auc average_precision brier_resolution label_coverage
r2
ndcg_at_10 mrr hit_rate_at_10
estimated_accuracy estimated_precision estimated_recall estimated_f1 estimated_roc_auc
"""
_LOWER = """
error_rate
latency_mean_ms latency_p50_ms latency_p90_ms latency_p95_ms latency_p99_ms latency_max_ms
missing_rate type_mismatch_rate unseen_rate out_of_range_rate outlier_rate duplicate_rate
schema_drift constraint_violations
drift_share drifted_features
prediction_psi prediction_js prediction_ks prediction_wasserstein prediction_hellinger
prediction_chi2 prediction_l_infinity prediction_effect
probability_psi probability_js probability_ks probability_wasserstein probability_hellinger
probability_chi2 probability_l_infinity probability_effect
label_psi reconstruction_error correlation_shift
log_loss brier calibration_error brier_reliability class_imbalance
label_delay_p50_ms label_delay_p95_ms
mae mse rmse mape
"""
_NEAR_ZERO = "bias"

BETTER: Mapping[str, Better] = MappingProxyType(
    dict.fromkeys(_HIGHER.split(), Better.HIGHER)
    | dict.fromkeys(_LOWER.split(), Better.LOWER)
    | dict.fromkeys(_NEAR_ZERO.split(), Better.NEAR_ZERO)
)
"""By figure; only those that reports carry and that are better one way."""


def better(name: str) -> Better | None:
    """Return which way a figure is better, None where it is no figure or neither way is.

    Parameters
    ----------
    name
        Of a figure or of one of its bounds `x_low`, `x_high`; aliases are known, and the figures
        ``fairness.<column>.<figure>`` and `estimated_x_error`.

    Examples
    --------
    >>> [better(name) for name in ("accuracy_low", "latency_ms", "prediction_mean")]
    [<Better.HIGHER: 'higher'>, <Better.LOWER: 'lower'>, None]
    >>> better("fairness.sex.equal_opportunity_difference")
    <Better.LOWER: 'lower'>
    """
    name = METRIC_ALIASES.get(name, name)
    found = BETTER.get(name) or BETTER.get(name.removesuffix("_low").removesuffix("_high"))
    return found or _derived(name)


def _derived(name: str) -> Better | None:
    """Return the direction of a figure whose name is made of others."""
    metric = describe(name)
    if metric is None:
        return None
    if metric.group == "without labels" and name.endswith("_error"):
        return Better.NEAR_ZERO
    if metric.group != "fairness" or name.endswith("_p_value"):
        return None
    return Better.HIGHER if name.endswith("_ratio") else Better.LOWER
