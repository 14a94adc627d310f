"""Figures by name: in a report, in its baseline, in the same window one day before.

The name of a figure is a top-level metric, or ``feature.<feature>.<figure>``; both parts of the
latter may hold ``*`` in rules, and the feature may hold dots.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import UNSET

from schemas.baselines import Baseline, FeatureBaseline
from schemas.metric_names import METRIC_NAMES, VALUE, describe
from schemas.metrics import WindowReport

FEATURE = "feature."
_LABELLED = {"classification", "regression", "ranking", "fairness"}
_KNOWN_WITHOUT_LABELS = {"label_coverage", "class_imbalance"}  # of these groups in the contract
_MADE_OF_A_FIGURE = re.compile(r"(?P<figure>.+)_(low|high|change|error)")
_ESTIMATED = "estimated_"
_COUNTS = ("count", "label_count", "sampled_count")


def split_feature(name: str) -> tuple[str, str] | None:
    """Return feature and figure of ``feature.<feature>.<figure>``; None for other names.

    Examples
    --------
    >>> split_feature("feature.home.city.psi"), split_feature("error_rate")
    (('home.city', 'psi'), None)
    """
    if not name.startswith(FEATURE):
        return None
    feature, dot, figure = name.removeprefix(FEATURE).rpartition(".")
    return (feature, figure) if dot else None


def matches(pattern: str, text: str) -> bool:
    """Whether a text is the pattern, where ``*`` stands for any characters.

    Examples
    --------
    >>> matches("cred*", "credit"), matches("cred", "credit")
    (True, False)
    """
    if "*" not in pattern:  # most are names, and bounds make a rule for each figure of each model
        return pattern == text
    # No regular expression: a handful of `*` would take it minutes, and patterns come over HTTP.
    first, *parts, last = pattern.split("*")
    if len(first) + len(last) > len(text) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def matches_all(patterns: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether every label asked for is there and matches."""
    return all(
        label in labels and matches(pattern, labels[label])
        for label, pattern in (patterns or {}).items()
    )


def figure_names(report: WindowReport, metric: str) -> list[str]:
    """Names of the figures in a report that a rule's metric speaks of, in the report's order."""
    split = split_feature(metric)
    if split is None:
        return [metric]
    return [f"{FEATURE}{name}.{split[1]}" for name in report.features if matches(split[0], name)]


def figures_of(report: WindowReport, metrics: Iterable[str]) -> dict[str, float]:
    """Figures of a report that the metrics of rules speak of, by name."""
    names = [name for metric in metrics for name in figure_names(report, metric)]
    return {name: value for name in names if (value := figure(report, name)) is not None}


def figure(report: WindowReport, name: str) -> float | None:
    """Return a figure of a report, None where it is absent or no number."""
    split = split_feature(name)
    if split is not None:
        return _number(report.features.get(split[0], {}).get(split[1]))
    if name in _COUNTS and name not in report.metrics:
        return float(getattr(report, name))
    return _number(report.metrics.get(name))


def rests_on_labels(name: str) -> bool:
    """Whether a figure is made of labels, so that it becomes what it is as they come in.

    Examples
    --------
    >>> [rests_on_labels(name) for name in ("accuracy", "rmse_high", "label_psi")]
    [True, True, True]
    >>> [rests_on_labels(name) for name in ("label_coverage", "estimated_f1", "error_rate")]
    [False, False, False]
    >>> rests_on_labels("fairness.sex.equal_opportunity_difference")
    True
    >>> rests_on_labels("metric.cost.value"), rests_on_labels("metric.basket.mean")
    (True, False)

    Notes
    -----
    Of figures that are sent along it can't be told by their names: most come with the request.
    """
    metric = describe(name)
    if metric is None or plain_name(name) in _KNOWN_WITHOUT_LABELS:
        return False
    if metric.group == "custom":  # what registered performance metrics compute
        return name.endswith(f".{VALUE}")
    is_gap = metric.group == "without labels" and name.endswith("_error")
    return metric.group in _LABELLED or metric.name == "label_psi" or is_gap


def plain_name(name: str) -> str:
    """Return the figure that another is a bound, a change or an error of; others as they are.

    Examples
    --------
    >>> plain_name("accuracy_low"), plain_name("f1_change"), plain_name("error_rate")
    ('accuracy', 'f1', 'error_rate')
    """
    found = _MADE_OF_A_FIGURE.fullmatch(name)
    if name in METRIC_NAMES or found is None or found["figure"] not in METRIC_NAMES:
        return name
    return found["figure"]


def sample_count(report: WindowReport, name: str) -> int:
    """How many events, labels or values a figure rests on."""
    split = split_feature(name)
    if split is not None:
        count = report.features.get(split[0], {}).get("count")
        return int(count) if isinstance(count, int | float) else report.sampled_count
    if rests_on_labels(name):
        return report.label_count
    metric = describe(name)
    match metric.group if metric is not None else "":
        case "drift" | "data quality":
            return report.sampled_count
        case "concept drift":
            return report.label_count
        case "custom":
            return _values_of(report, name)
    return report.count


def _values_of(report: WindowReport, name: str) -> int:
    """How many values were sent of a custom figure: their sum, divided by their mean.

    They come with events, or with labels, and not with each of them; a report does not say.
    """
    sent = name.rpartition(".")[0]
    total, mean = (figure(report, f"{sent}.{statistic}") for statistic in ("sum", "mean"))
    if total is None or not mean or not math.isfinite(total):
        return report.count
    return round(total / mean)


@dataclass(frozen=True, slots=True)
class References:
    """What conditions compare with.

    Attributes
    ----------
    baseline : None where the report has none, or it is not known here
    previous : figures of the same window one day before, by name
    """

    baseline: Baseline | None = None
    previous: Mapping[str, float] = field(default_factory=dict)

    def value(self, reference: str, name: str) -> float | None:
        """Return a figure of ``baseline`` or ``previous``, None where it is not known."""
        if reference == "previous":
            return self.previous.get(name)
        return None if self.baseline is None else baseline_figure(self.baseline, name)


def baseline_figure(baseline: Baseline, name: str) -> float | None:
    """Return a figure of a baseline, None where a baseline does not hold it.

    Notes
    -----
    Rates are shares of rows, of one feature or of all cells, as they are in reports. Performance
    is there where the baseline's data have labels; an estimate is compared with what was measured
    on them, and so are the bounds of an interval. A baseline knows neither latency nor errors.
    """
    sent_or_measured = _sent_or_measured(baseline, name)
    if sent_or_measured is not None:
        return sent_or_measured
    split = split_feature(name)
    of = baseline.features if split is None else _only(baseline, split[0])
    figure_name = name if split is None else split[1]
    cells = baseline.rows * len(of)
    if not cells:
        return None
    if figure_name == "missing_rate":
        return sum(one.missing_count for one in of.values()) / cells
    if figure_name == "type_mismatch_rate":
        return sum(one.mismatched_count for one in of.values()) / cells
    if split is not None and figure_name in {"mean", "std", "min", "max"}:
        return _number(getattr(of[split[0]], figure_name))
    return None


def _sent_or_measured(baseline: Baseline, name: str) -> float | None:
    """Mean of a figure that is sent along, or performance."""
    known = dict(baseline.figures or {})
    if baseline.performance is not UNSET:
        known |= baseline.performance.figures
    names = (name, plain_name(name), plain_name(name).removeprefix(_ESTIMATED))
    return next((known[one] for one in names if one in known), None)


def _only(baseline: Baseline, feature: str) -> Mapping[str, FeatureBaseline]:
    found = baseline.features.get(feature)
    return {} if found is None else {feature: found}


def _number(value: object) -> float | None:
    """Take a figure as a number; ``true`` is 1."""
    return float(value) if isinstance(value, bool | int | float) else None
