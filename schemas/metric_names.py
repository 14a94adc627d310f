"""The registry of every figure: its name, unit and meaning.

Documentation, help texts, axes of charts and the validation of configurations are made from it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

__all__ = [
    "BASELINE_FIGURES",
    "CUSTOM_STATISTICS",
    "FAIRNESS_METRIC_NAMES",
    "FEATURE_METRIC_NAMES",
    "METRIC_ALIASES",
    "METRIC_NAMES",
    "SPIKES",
    "VALUE",
    "Metric",
    "describe",
]


class Metric(msgspec.Struct, frozen=True):
    """A figure that Streamgauge computes.

    Attributes
    ----------
    name
        As in reports, rules and Redis.
    group
        The heading under which the contract lists it.
    unit
        `share`, `ms`, `1/s`, `count`, `bool`, `p` (a p-value), `distance`, `score`, `target` (the
        unit of what is predicted), `feature` (the unit of the feature), `text`, and the like.
    meaning
        One line.
    """

    name: str
    group: str
    unit: str
    meaning: str


# One row a figure: name, unit, meaning.
_TRAFFIC = """
throughput_per_s | 1/s | Events per second of the window, up to the watermark
error_rate | share | Events with an error, of all events
latency_mean_ms | ms | Mean latency
latency_p50_ms | ms | Median latency
latency_p90_ms | ms | 90th percentile of latency
latency_p95_ms | ms | 95th percentile of latency
latency_p99_ms | ms | 99th percentile of latency
latency_max_ms | ms | Largest latency
"""
_QUALITY = """
missing_rate | share | Missing feature cells, of all feature cells
type_mismatch_rate | share | Feature cells of another type than the baseline's, of all cells
unseen_rate | share | Categorical cells with a category the baseline has not
out_of_range_rate | share | Numeric cells outside the baseline's minimum and maximum
outlier_rate | share | Numeric cells far outside the baseline's quartiles
duplicate_rate | share | Events whose identity was seen before, of all events
schema_drift | count | Features gained, lost or of another type against the baseline
constraint_violations | count | Feature cells that break a configured constraint
throughput_spike | deviations | Throughput against the last windows, in robust deviations; live only
error_rate_spike | deviations | The same of error_rate
latency_p95_spike | deviations | The same of latency_p95_ms
missing_rate_spike | deviations | The same of missing_rate
"""
_DRIFT = """
drift_share | share | Drifted features, of tested features
drifted_features | count | Features whose drift was decided
prediction_psi | distance | Population stability index of the prediction
prediction_js | distance | Jensen-Shannon distance of the prediction, base 2
prediction_ks | distance | Largest gap of the distribution functions of the prediction
prediction_ks_p_value | p | p-value of prediction_ks
prediction_wasserstein | target | Area between the distribution functions of the prediction
prediction_hellinger | distance | Hellinger distance of the prediction
prediction_chi2 | score | Pearson's two-sample statistic of the prediction
prediction_chi2_p_value | p | p-value of prediction_chi2
prediction_l_infinity | distance | Largest gap of the cell shares of the prediction
prediction_effect | distance | Size of the shift of the prediction
prediction_drift_p_value | p | p-value of the drift test of the prediction
prediction_drift_q_value | p | The same, corrected for the number of features; it decides
prediction_drifted | bool | Whether drift of the prediction was decided
prediction_drifted_alone | bool | Whether it was while no feature drifted
probability_psi | distance | Population stability index of the probability
probability_js | distance | Jensen-Shannon distance of the probability, base 2
probability_ks | distance | Largest gap of the distribution functions of the probability
probability_ks_p_value | p | p-value of probability_ks
probability_wasserstein | share | Area between the distribution functions of the probability
probability_hellinger | distance | Hellinger distance of the probability
probability_chi2 | score | Pearson's two-sample statistic of the probability
probability_chi2_p_value | p | p-value of probability_chi2
probability_l_infinity | distance | Largest gap of the cell shares of the probability
probability_effect | distance | Size of the shift of the probability
probability_drift_p_value | p | p-value of the drift test of the probability
probability_drift_q_value | p | The same, corrected for the number of features; it decides
label_psi | distance | Population stability index of the label
reconstruction_error | distance | Mean squared error outside the baseline's principal components
correlation_shift | distance | Difference of the correlation matrices, per pair of features
prediction_mean | target | Mean of numeric predictions
prediction_std | target | Standard deviation of numeric predictions
prediction_p50 | target | Median of numeric predictions
prediction_confidence_mean | share | Mean of max(p, 1 - p), p the probability of the positive class
prediction_confidence_p05 | share | 5th percentile of max(p, 1 - p)
prediction_confidence_p50 | share | Median of max(p, 1 - p)
reconstruction_error_limit | distance | What reconstruction_error stays below without drift
correlation_shift_limit | distance | What correlation_shift stays below without drift
"""
_CLASSIFICATION = """
accuracy | share | Correct predictions, of labelled ones
precision | share | Correct positives, of predicted positives; many classes: macro average
recall | share | Correct positives, of actual positives; many classes: macro average
f1 | share | Harmonic mean of precision and recall; many classes: macro average
roc_auc | share | Area under the ROC curve; many classes: macro average, one against the rest
average_precision | share | Precision averaged over recall; many classes: macro average
log_loss | nats | Mean negative log probability of the actual class
brier | score | Mean squared error of the probability
calibration_error | share | Mean gap of probability and observed share
brier_reliability | score | Part of brier that is for probabilities unlike observed shares
brier_resolution | score | Part that brier is lowered by, as observed shares differ
label_coverage | share | Predictions that have a label, of all
label_delay_p50_ms | ms | Median time from prediction to label
label_delay_p95_ms | ms | 95th percentile of the time from prediction to label
class_imbalance | ratio | Share of the largest class, divided by the smallest's
"""
_REGRESSION = """
mae | target | Mean absolute error
mse | target squared | Mean squared error
rmse | target | Root of the mean squared error
mape | share | Mean absolute error relative to the target, zero targets left out
r2 | score | Share of the target's variance that is explained
bias | target | Mean of prediction minus target
"""
_RANKING = """
ndcg_at_10 | share | Normalised discounted cumulative gain of the first 10 items
mrr | share | Mean reciprocal rank of the first relevant item
hit_rate_at_10 | share | Requests with a relevant item among the first 10
"""
_ESTIMATED = """
estimated_accuracy | share | Accuracy, estimated without labels
estimated_precision | share | Precision, estimated without labels
estimated_recall | share | Recall, estimated without labels
estimated_f1 | share | F1, estimated without labels
estimated_roc_auc | share | Area under the ROC curve, estimated without labels
"""
_CONCEPT = """
concept_drift | bool | Whether the error of labelled requests moved against its past; live only
concept_drift_since | epoch ms | Start of the pane in which it moved; live only
concept_error_before | error | Mean error before it moved; live only
concept_error_after | error | Mean error since it last moved; live only
page_hinkley | requests | How far errors ran from their mean; starts anew above 50; live only
"""
_FAIRNESS = """
demographic_parity_difference | share | Largest less smallest share of positive predictions
demographic_parity_difference_low | share | Lower 95 % bound of demographic_parity_difference
demographic_parity_difference_high | share | Upper 95 % bound of demographic_parity_difference
demographic_parity_ratio | ratio | Smallest by largest share of positive predictions
demographic_parity_p_value | p | p-value of equal shares of positive predictions
equal_opportunity_difference | share | Largest less smallest true positive rate
equal_opportunity_difference_low | share | Lower 95 % bound of equal_opportunity_difference
equal_opportunity_difference_high | share | Upper 95 % bound of equal_opportunity_difference
equal_opportunity_ratio | ratio | Smallest by largest true positive rate
equal_opportunity_p_value | p | p-value of equal true positive rates
equalized_odds_difference | share | Larger difference of true and of false positive rates
equalized_odds_difference_low | share | Lower 95 % bound of equalized_odds_difference
equalized_odds_difference_high | share | Upper 95 % bound of equalized_odds_difference
equalized_odds_ratio | ratio | Smaller ratio of true and of false positive rates
equalized_odds_p_value | p | p-value of equal true and false positive rates
"""
_FEATURE = """
kind | text | Kind of the feature, as in its configuration
count | count | Events without error, those that lack the feature included
missing_rate | share | Missing values, of count
type_mismatch_rate | share | Values of another type than the baseline's, of count
mean | feature | Mean
std | feature | Standard deviation
min | feature | Smallest value
max | feature | Largest value
p05 | feature | 5th percentile
p25 | feature | 25th percentile
p50 | feature | Median
p75 | feature | 75th percentile
p95 | feature | 95th percentile
psi | distance | Population stability index on the baseline's deciles or categories
js | distance | Jensen-Shannon distance, base 2
ks | distance | Largest gap of the distribution functions (Kolmogorov-Smirnov)
ks_p_value | p | p-value of ks
wasserstein | feature | Area between the distribution functions
wasserstein_bound | feature | By how much wasserstein may be wrong, at most
wasserstein_std | baseline std | The same as wasserstein, in standard deviations of the baseline
hellinger | distance | Hellinger distance
chi2 | score | Pearson's two-sample statistic on deciles or categories
chi2_p_value | p | p-value of chi2
l_infinity | distance | Largest gap of the cell shares
effect | distance | Size of the shift, unbiased when there is none
unseen_rate | share | Values of a category the baseline has not, of count
below_range_rate | share | Values below the baseline's minimum, of count
above_range_rate | share | Values above the baseline's maximum, of count
outlier_rate | share | Values far outside the baseline's quartiles, of count
missing_increase | share | Share of missing values, less the baseline's
distinct | count | Distinct values, estimated
drift_p_value | p | p-value of the drift test
drift_q_value | p | p-value, corrected for the number of features; it decides
min_detectable_shift | baseline std | Shift found with 80 % power at this count
drifted | bool | Whether drift of the feature was decided
drift_from_missing | share | Part of the drift that is missing values
drift_from_unseen | share | Part of the drift that is categories the baseline has not
drift_from_below | share | Part of the drift that is values below the baseline's minimum
drift_from_above | share | Part of the drift that is values above the baseline's maximum
drift_from_shape | share | Part of the drift that is neither: values lie otherwise in their range
constraint_violations | count | Values that break a configured constraint
violations_min | count | Values below the constraint `min`
violations_max | count | Values above the constraint `max`
violations_allowed | count | Values that the constraint `allowed` does not name
violations_not_null | count | Missing values where the constraint `not_null` forbids them
violations_regex | count | Strings that the constraint `regex` does not match
schema_change | text | `gained`, `lost` or `changed_type`, where the feature is so
seasonal | bool | Whether it was compared with the same hours of the week
"""

VALUE = "value"
CUSTOM_STATISTICS = ("mean", "sum", "min", "max", "p50", "p95", VALUE)
"""What is computed of each custom figure and measurement: ``metric.<name>.<statistic>``; the last
one of registered performance metrics only, which have no other."""

BASELINE_FIGURES = (
    *("accuracy", "precision", "recall", "f1"),
    *("roc_auc", "average_precision", "log_loss", "brier", "calibration_error"),
    *("mae", "mse", "rmse", "mape", "r2", "bias"),
)
"""Figures of performance that a baseline keeps."""

SPIKES: Mapping[str, str] = MappingProxyType(
    {
        "throughput_per_s": "throughput_spike",
        "error_rate": "error_rate_spike",
        "latency_p95_ms": "latency_p95_spike",
        "missing_rate": "missing_rate_spike",
    }
)
"""Figures that are compared with what they were lately, and the name of the comparison."""

METRIC_ALIASES: Mapping[str, str] = MappingProxyType({"latency_ms": "latency_p95_ms"})
"""Names accepted in configurations for a figure that has another name here."""

_INTERVAL_GROUPS = frozenset({"classification", "regression", "ranking", "without labels"})
_DERIVED = (
    ("_low", _INTERVAL_GROUPS, "Lower 95 % bound of {}"),
    ("_high", _INTERVAL_GROUPS, "Upper 95 % bound of {}"),
    ("_change", _INTERVAL_GROUPS, "{}, less the baseline's"),
    ("_error", frozenset({"without labels"}), "{}, less what was measured"),
)
_CUSTOM = re.compile(rf"metric\..+\.({'|'.join(CUSTOM_STATISTICS)})", re.DOTALL)
_BETWEEN = re.compile(r"fairness\.(.+)\.(\w+)")


def _registry(**tables: str) -> Mapping[str, Metric]:
    metrics = {}
    for group, table in tables.items():
        for row in table.strip().splitlines():
            name, unit, meaning = row.split(" | ")
            metrics[name] = Metric(name, group.replace("_", " "), unit, meaning)
    return MappingProxyType(metrics)


METRIC_NAMES = _registry(
    traffic=_TRAFFIC,
    data_quality=_QUALITY,
    drift=_DRIFT,
    classification=_CLASSIFICATION,
    regression=_REGRESSION,
    ranking=_RANKING,
    without_labels=_ESTIMATED,
    concept_drift=_CONCEPT,
)
"""Figures of a window, by name, in the contract's order; one that can't be computed is absent."""

FEATURE_METRIC_NAMES = _registry(feature=_FEATURE)
"""The same of one feature in a window."""

FAIRNESS_METRIC_NAMES = _registry(fairness=_FAIRNESS)
"""The same between the segments of one column: ``fairness.<column>.<figure>``."""


def describe(name: str) -> Metric | None:
    """Return what a name in the ``metrics`` of a report means, None where it is none.

    Knows ``metric.<name>.<statistic>``, ``fairness.<column>.<figure>``, the bounds `x_low`,
    `x_high` of a performance figure, `x_change`, how far it is from the baseline's, and
    `estimated_x_error`, how far an estimate is from what was measured.

    Examples
    --------
    >>> describe("accuracy_low").meaning
    'Lower 95 % bound of accuracy'
    >>> describe("fairness.tags.country.equal_opportunity_difference").meaning
    'Largest less smallest true positive rate, between segments of tags.country'
    >>> describe("acuracy") is None
    True
    """
    if name in METRIC_NAMES:
        return METRIC_NAMES[name]
    if match := _CUSTOM.fullmatch(name):
        unit, meaning = "as sent", f"{match[1]} of a figure that was sent along"
        if match[1] == VALUE:
            unit, meaning = "its own", "What a registered performance metric computes"
        return Metric(name, "custom", unit, meaning)
    match = _BETWEEN.fullmatch(name)
    if match and (of := FAIRNESS_METRIC_NAMES.get(match[2])):
        return Metric(name, of.group, of.unit, f"{of.meaning}, between segments of {match[1]}")
    return _derived(name)


def _derived(name: str) -> Metric | None:
    """Return what a name means that is a figure's and a word behind it."""
    for suffix, groups, meaning in _DERIVED:
        known = METRIC_NAMES.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
        if known is not None and known.group in groups:
            return Metric(name, known.group, known.unit, meaning.format(known.name))
    if name.endswith(".mean_change") and _CUSTOM.fullmatch(name.removesuffix("_change")):
        return Metric(name, "custom", "as sent", "The mean of a figure, less the baseline's")
    return None
