"""What belongs to one trouble, and what most likely caused it. Pure.

An incident is all that fires of one model at one time: it begins with the first alert, and is over
when none fires any more. Alerts that are about no model have incidents of their own, by rule.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from schemas.alerts import AlertEvent
from schemas.canonical import sha256_of
from stream.alerting.severities import rank
from stream.alerting.wording import CAUSES_MAX, duration

NEW_FOR_MS = 86_400_000
"""So long a version of a model counts as new."""
_NAMED_MAX = 3
_SEGMENTS_MAX = 5

# Upstream first: what comes later in this list may be an effect of what comes before.
_ORDER = (
    "pipeline-lag",
    "no-traffic",
    "error-rate",
    "data-quality",
    "data-drift",
    "latency",
    "prediction-drift",
    "accuracy-drop",
    "f1-drop",
    "rmse-rise",
)
_SYMPTOMS = frozenset({"prediction-drift", "accuracy-drop", "f1-drop", "rmse-rise"})


class Incident(msgspec.Struct):
    """An incident that is open.

    Attributes
    ----------
    id
        SHA-256 hex; alert events carry it.
    alerts
        Fingerprints of those that fire, oldest first.
    """

    id: str
    alerts: dict[str, None] = {}


def incident_names(alert: AlertEvent) -> tuple[str, str]:
    """Name what at most one incident each is open of: a model, else a rule; what is stale, apart.

    Returns
    -------
    tuple
        Where the alert belongs, and where it may have been before: input that was old becomes new.
    """
    model = alert.labels.get("model_name")
    name = f"rule {alert.rule}" if model is None else f"model {model}"
    names = (name, f"{name} stale")
    return names[::-1] if alert.stale else names


def begun(alert: AlertEvent) -> str:
    """Return the id of the incident that an alert begins."""
    return sha256_of([incident_names(alert)[0], alert.fingerprint, alert.starts_at])


def new_version(alert: AlertEvent, first_seen: Mapping[str, int], now_ms: int) -> str | None:
    """Say that the version an alert is about is new; None where it is not.

    Parameters
    ----------
    alert : of a model version
    first_seen : of the versions of the model, wall clock in ms
    now_ms : wall clock
    """
    version = alert.labels.get("model_version")
    seen_ms = first_seen.get(version or "")
    if seen_ms is None or now_ms - seen_ms > NEW_FOR_MS or min(first_seen.values()) >= seen_ms:
        return None
    return f"version {version} is new: first seen {duration(max(0, now_ms - seen_ms))} ago"


def ranked_causes(alerts: Iterable[AlertEvent], news: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what most likely caused what fires, most likely first.

    Parameters
    ----------
    alerts : that fire
    news : what has changed, such as a new version; it comes first

    Returns
    -------
    tuple
        At most `CAUSES_MAX` lines. A new version, then the segments where only some are concerned,
        then what is upstream before what it may have led to; symptoms only where nothing else
        fires.
    """
    ordered = sorted(alerts, key=_place)
    upstream = [alert for alert in ordered if alert.rule not in _SYMPTOMS] or ordered
    lines = dict.fromkeys((*news, *_only_segments(ordered)))
    if len(ordered) == 1:
        lines |= dict.fromkeys(upstream[0].cause)
    else:
        for alert in upstream:
            if len(lines) >= CAUSES_MAX:
                break
            lines[_line(alert)] = None
    return tuple(lines)[:CAUSES_MAX]


def _place(alert: AlertEvent) -> tuple[int, int, int, str]:
    place = _ORDER.index(alert.rule) if alert.rule in _ORDER else _ORDER.index("error-rate")
    return (place, -rank(alert.severity), alert.starts_at, alert.fingerprint)


def _line(alert: AlertEvent) -> str:
    about = [alert.labels[name] for name in ("feature", "segment") if name in alert.labels]
    head = " ".join((alert.rule, *about))
    return f"{head}: {'; '.join(alert.cause[:_NAMED_MAX]) or alert.summary}"


def _only_segments(alerts: Sequence[AlertEvent]) -> list[str]:
    """Name the segments where nothing fires about the whole traffic."""
    segments = list(dict.fromkeys(alert.labels.get("segment") for alert in alerts))
    named = [segment for segment in segments if segment is not None]
    if not named or len(named) < len(segments):
        return []
    more = ", …" if len(named) > _SEGMENTS_MAX else ""
    return [f"only {', '.join(named[:_SEGMENTS_MAX])}{more}"]
