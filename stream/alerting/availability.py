"""Where a figure is to be found: in which reports, and whether in a baseline. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from schemas.metric_names import (
    BASELINE_FIGURES,
    CUSTOM_STATISTICS,
    FAIRNESS_METRIC_NAMES,
    FEATURE_METRIC_NAMES,
    METRIC_ALIASES,
    METRIC_NAMES,
    SPIKES,
    describe,
)
from schemas.models import ModelConfig
from schemas.windows import window_spec
from stream.alerting.figures import FEATURE, plain_name, rests_on_labels, split_feature
from stream.rollup.readmodel import DECISION_FIGURES, DECISION_METRICS
from stream.window.panes import HOUR_MS

COUNTS = ("count", "label_count", "sampled_count")
"""Of a report, beside its metrics."""
LABELS_MS_MIN = HOUR_MS
"""Labels are counted in panes of an hour: shorter windows know nothing of them."""
DECISION_WINDOWS = ("1h", "1d", "7d")
"""What ``decision_window = "auto"`` may become, by the rate of a baseline."""

_AUTO = "auto"
_TEXT = frozenset(name for name, of in FEATURE_METRIC_NAMES.items() if of.unit == "text")
_OF_BASELINES = frozenset({"missing_rate", "type_mismatch_rate"})
_OF_FEATURES = _OF_BASELINES | {"mean", "std", "min", "max"}
_OF_LABELS = frozenset({"label_coverage", "label_count"})
_CUSTOM = "metric."
_FAIRNESS = "fairness."
_ESTIMATED = "estimated_"


def why_in_no_report(name: str) -> str | None:
    """Say why no report carries a figure; None for those that reports may carry.

    Parameters
    ----------
    name : of a figure, as rules have it; the feature in it may hold ``*``

    Examples
    --------
    >>> why_in_no_report("acuracy")
    '`acuracy` is no known figure: did you mean `accuracy`?'
    >>> why_in_no_report("feature.*.psi"), why_in_no_report("error_rate_spike")
    (None, '`error_rate_spike` is shown of the live window only')
    """
    split = split_feature(name)
    if split is not None:
        if split[1] in _TEXT:
            return f"`{name}` is text, and conditions compare numbers"
        known = split[1] in FEATURE_METRIC_NAMES
        near = [f"{FEATURE}{split[0]}.{one}" for one in _near(split[1], FEATURE_METRIC_NAMES)]
        return None if known else _unknown(name, near)
    if name in SPIKES.values():
        return f"`{name}` is shown of the live window only"
    metric = describe(name)
    if metric is not None and metric.group == "concept drift":
        return f"`{name}` is shown of the live window only"
    if metric is not None or name in COUNTS:
        return None
    return _unknown(name, _similar(name))


def _similar(name: str) -> list[str]:
    """Figures that may be meant by a name that is none."""
    if name in FEATURE_METRIC_NAMES:
        return [f"{FEATURE}*.{name}"]
    if name.startswith(_CUSTOM):
        return [f"{name}.{CUSTOM_STATISTICS[0]}"]
    if name.startswith(_FAIRNESS):
        column, _, figure = name.rpartition(".")
        return [f"{column}.{one}" for one in _near(figure, FAIRNESS_METRIC_NAMES)]
    return _near(name.replace(" ", "_").lower(), (*METRIC_NAMES, *METRIC_ALIASES, *COUNTS))


def _near(name: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(name, list(known), n=1)


def _unknown(name: str, near: list[str]) -> str:
    advice = "one that is sent along is `metric.NAME.mean`, and one of a feature `feature.*.psi`"
    return f"`{name}` is no known figure: {f'did you mean `{near[0]}`?' if near else advice}"


def decision_windows(model: ModelConfig) -> tuple[str, ...]:
    """Return the windows in which drift may be decided; reports are made of them as of others."""
    window = model.drift.decision_window
    return DECISION_WINDOWS if window == _AUTO else (window_spec(window).name,)


def is_decision(name: str) -> bool:
    """Whether a figure is decided in decision windows only.

    Examples
    --------
    >>> [is_decision(name) for name in ("drift_share", "feature.age.drifted", "prediction_psi")]
    [True, True, False]
    """
    split = split_feature(name)
    return name in DECISION_METRICS if split is None else split[1] in DECISION_FIGURES


def is_of_labels(name: str) -> bool:
    """Whether only windows from an hour on carry a figure, since it is made of labels."""
    return name in _OF_LABELS or rests_on_labels(name)


def is_only_in_tumbling(name: str) -> bool:
    """Whether only windows that end at a multiple of their size carry a figure."""
    return is_decision(name) or is_of_labels(name)


def baseline_holds(name: str) -> bool:
    """Whether a baseline may hold a figure, so that a condition can name ``baseline``.

    Examples
    --------
    >>> [baseline_holds(x) for x in ("accuracy", "estimated_f1", "f1_high", "feature.*.mean")]
    [True, True, True, True]
    >>> [baseline_holds(x) for x in ("error_rate", "latency_p95_ms", "feature.age.psi")]
    [False, False, False]
    """
    split = split_feature(name)
    if split is not None:
        return split[1] in _OF_FEATURES
    if name.startswith(_CUSTOM):
        return name.endswith(f".{CUSTOM_STATISTICS[0]}")
    return name in _OF_BASELINES or plain_name(name).removeprefix(_ESTIMATED) in BASELINE_FIGURES
