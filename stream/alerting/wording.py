"""What an alert says to whom it wakes: what, from what to what, over which window, since when."""

import re

from schemas.alerts import Status
from schemas.metric_names import METRIC_NAMES
from schemas.metrics import WindowReport
from schemas.timestamps import minute_text
from stream.alerting.evaluate import Observation, Reading
from stream.alerting.figures import plain_name, rests_on_labels, split_feature
from stream.alerting.transitions import Episode, Turn

CAUSES_MAX = 10
"""More are no help on a phone; the report has them all."""
_NAMED_MAX = 3

_NOUNS = {
    "error_rate": "error rate",
    "latency_p95_ms": "95th percentile of the latency",
    "missing_rate": "share of missing feature values",
    "type_mismatch_rate": "share of feature values of the wrong type",
    "drift_share": "share of drifted features",
    "drifted_features": "number of drifted features",
    "throughput_per_s": "throughput",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "label_coverage": "label coverage",
    "class_imbalance": "class imbalance",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "mape": "MAPE",
    "r2": "R²",
    "ndcg_at_10": "NDCG at 10",
    "mrr": "MRR",
    "hit_rate_at_10": "hit rate at 10",
}
_ESTIMATED = "estimated_"
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_DERIVED = {"low": "lower bound", "high": "upper bound", "change": "change", "error": "error"}
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


def summary(seen: Observation, turn: Turn, own: str | None, report: WindowReport | None) -> str:
    """Write one sentence for an event of an alert.

    Parameters
    ----------
    seen : what was seen now
    turn : what the alert changed to
    own : the rule's own words, where it has some; see `filled`
    report : the report that tells, where one does
    """
    episode = turn.episode
    own = None if own is None or seen.no_data else filled(own, seen, episode)
    since = f"since {minute_text(episode.starts_at)}"
    if turn.superseded:
        return f"{_subject(seen)}: {seen.rule} is worse than {episode.severity} now; see the next"
    if turn.status is not Status.RESOLVED or episode.ends_at is None:
        return f"{own or _what(seen, episode.metric, report)}, {since}"
    lasted = f"it lasted {duration(episode.ends_at - episode.starts_at)}, {since}"
    return f"over: {own or _what(seen, episode.metric, report)}; {lasted}"


def filled(template: str, seen: Observation, episode: Episode) -> str:
    """Fill in what a rule's own words leave open: ``{value}`` and the like.

    Parameters
    ----------
    template : with the names of labels, or `rule`, `severity`, `value`, `threshold`,
        `baseline_value`, `sample_count`, each in braces; what is not known stays as it is
    seen : what was seen now
    episode : of the alert
    """
    known = {**seen.labels, "rule": seen.rule, "severity": episode.severity.value}
    if seen.sample_count is not None:
        known["sample_count"] = f"{seen.sample_count:,}"
    reading = seen.reading(episode.metric)
    if reading is not None:
        known["value"] = amount(reading.metric, reading.value)
        known["threshold"] = amount(reading.metric, reading.threshold)
        if reading.reference is not None:
            known["baseline_value"] = amount(reading.metric, reading.reference)
    return _PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), template)


def _what(seen: Observation, metric: str | None, report: WindowReport | None) -> str:
    """Say what is the case, without since when."""
    if seen.summary is not None:
        return seen.summary
    reading = seen.reading(metric)
    if reading is None:
        return f"{seen.rule} of {_subject(seen)}"
    over = f" over {seen.labels['window']}" if "window" in seen.labels else ""
    if seen.holds and report is not None and reading.metric in {"drift_share", "drifted_features"}:
        return _drift(seen, report) + over + _with_it(seen)
    if reading.metric == "prediction_drifted":
        drifted = "drifted from" if reading.value else "are back at"
        return f"predictions of {_subject(seen)} {drifted} the baseline{over}"
    on = _labels(seen.sample_count) if rests_on_labels(reading.metric) else ""
    return f"{_noun(reading.metric)} of {_subject(seen)} {_moved(seen, reading)}{over}{on}"


def _labels(count: int | None) -> str:
    """Say how many labels a figure rests on; nothing where it is not known."""
    if count is None:
        return ""
    return ", on 1 label" if count == 1 else f", on {count:,} labels"


def _drift(seen: Observation, report: WindowReport) -> str:
    names = drifted_features(report)
    count = int(report.metrics.get("drifted_features", len(names)))
    share = report.metrics.get("drift_share")
    of = f" of {round(count / share)}" if share else ""
    most = f" ({', '.join(names[:_NAMED_MAX])}{', …' if len(names) > _NAMED_MAX else ''})"
    return f"{count}{of} features of {_subject(seen)} drifted{most if names else ''}"


def _with_it(seen: Observation) -> str:
    """Say what confirms that drift does harm: the estimated performance that fell with it."""
    fell = [one for one in seen.readings if one.metric.startswith(_ESTIMATED)]
    return f", and its {_noun(fell[0].metric)} {_moved(seen, fell[0])}" if fell else ""


def _moved(seen: Observation, reading: Reading) -> str:
    value, limit = (amount(reading.metric, x) for x in (reading.value, reading.threshold))
    if not seen.holds:
        return f"is {value} (limit {limit})"
    if reading.reference is None:
        return f"is {value} (limit {limit})"
    verb = "rose" if reading.value > reading.reference else "fell"
    verb = "stayed" if reading.value == reading.reference else verb
    before = amount(reading.metric, reading.reference)
    when = " a day before" if reading.condition.reference == "previous" else ""
    return f"{verb} from {before}{when} to {value} (limit {limit})"


def _subject(seen: Observation) -> str:
    labels = seen.labels
    words = [labels[name] for name in ("model_name", "model_version") if name in labels]
    if "segment" in labels:
        words.append(f"for {labels['segment']}")
    return " ".join(words) or "Streamgauge"


def _noun(metric: str) -> str:
    split = split_feature(metric)
    if split is not None:
        return f"{_NOUNS.get(split[1], split[1])} of feature {split[0]}"
    plain = plain_name(metric)
    if plain != metric:
        return f"{_DERIVED[metric.removeprefix(plain + '_')]} of the {_noun(plain)}"
    if metric.startswith(_ESTIMATED):
        return f"estimated {_noun(metric.removeprefix(_ESTIMATED))}"
    return _NOUNS.get(metric, metric)


def causes(report: WindowReport, metric: str) -> tuple[str, ...]:
    """What goes with an alert, most likely first.

    Parameters
    ----------
    report : that told
    metric : the figure that decided

    Returns
    -------
    tuple
        For drift and for performance the drifted features, by q-value, then effect; for quality the
        worst features; for errors their types. At most `CAUSES_MAX`.
    """
    if metric in {"drift_share", "drifted_features"} or rests_on_labels(metric):
        found = [_drift_of(report, name) for name in drifted_features(report)]
    elif metric in {"missing_rate", "type_mismatch_rate"}:
        shares = [(_of(report, name, metric), name) for name in report.features]
        worst = sorted((-share, name) for share, name in shares if share)
        found = [f"{name}: {amount(metric, -share)}" for share, name in worst]
    elif metric == "error_rate" and isinstance(report.errors, dict):
        most = sorted((-count, kind) for kind, count in report.errors.items())
        total = sum(report.errors.values())
        found = [f"{kind}: {-count} of {total} errors" for count, kind in most]
    else:
        found = []
    return tuple(found[:CAUSES_MAX])


def drifted_features(report: WindowReport) -> list[str]:
    """Return the features that drifted, most drifted first: by q-value, then effect, then name."""
    drifted = [name for name, figures in report.features.items() if figures.get("drifted") is True]
    return sorted(
        drifted,
        key=lambda name: (
            _of(report, name, "drift_q_value", 1.0),
            -_of(report, name, "effect"),
            name,
        ),
    )


def _drift_of(report: WindowReport, name: str) -> str:
    parts = [
        f"{word} {report.features[name][figure]:.2g}"
        for word, figure in (("q", "drift_q_value"), ("effect", "effect"), ("psi", "psi"))
        if isinstance(report.features[name].get(figure), int | float)
    ]
    return f"{name}: {', '.join(parts)}" if parts else name


def _of(report: WindowReport, name: str, figure: str, default: float = 0.0) -> float:
    value = report.features[name].get(figure)
    return float(value) if isinstance(value, int | float) else default


def amount(metric: str, value: float) -> str:
    """Write a figure with its unit.

    Examples
    --------
    >>> amount("error_rate", 0.123), amount("latency_p95_ms", 55.04), amount("accuracy", 0.78)
    ('12.3 %', '55.04 ms', '0.78')
    """
    known = METRIC_NAMES.get(metric)
    name = metric.rpartition(".")[2]
    if name.endswith("_rate"):
        return f"{100 * value:.3g} %"
    if known is not None and known.unit == "ms":
        return f"{value:.4g} ms"
    return f"{value:.4g}"


def duration(span_ms: float) -> str:
    """Write a length of time for a human.

    Examples
    --------
    >>> [duration(x) for x in (4_000, 300_000, 5_400_000, 200_000_000)]
    ['4 s', '5 min', '1.5 h', '2.31 d']
    """
    if span_ms >= _DAY_MS:
        return f"{span_ms / _DAY_MS:.3g} d".replace(".0 ", " ")
    if span_ms >= _HOUR_MS:
        return f"{span_ms / _HOUR_MS:.3g} h"
    if span_ms >= _MINUTE_MS:
        return f"{span_ms / _MINUTE_MS:.3g} min"
    return f"{span_ms / 1000:.3g} s"
