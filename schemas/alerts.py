"""Alert events (``ml.alerts``), and the identity of alerts."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from schemas.canonical import sha256_of

__all__ = [
    "AlertEvent",
    "Severity",
    "Status",
    "alert_id",
    "encode_alert",
    "fingerprint",
]


class Status(StrEnum):
    """Where an alert stands. `pending` shows in Redis only, not on the topic."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    NO_DATA = "no_data"


class Severity(StrEnum):
    """How bad it is, mildest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one alert. Times are epoch milliseconds.

    Attributes
    ----------
    id
        Of this event, see `alert_id`; deliveries are idempotent by it.
    fingerprint
        Of the alert, see `fingerprint`; the record's key.
    status
        `pending`, `firing`, `resolved` or `no_data`.
    severity
        `info`, `warning`, `error` or `critical`.
    rule
        Name of the rule.
    labels
        Only those that apply: `model_name`, `model_version`, `window`, `feature`, `segment`, …
    value
        The figure, where there is one.
    threshold
        What it was compared with.
    baseline_value
        The figure in the baseline, where the condition names it.
    sample_count
        How many events or labels the figure rests on.
    summary
        One sentence for a human.
    cause
        What goes with it, most likely first.
    runbook_url
        What to do.
    dashboard_url
        Where to look.
    starts_at
        End of the window in which the condition first held.
    fired_at
        End of the window in which `for` was met; null while pending.
    ends_at
        End of the window in which it was over; null until then.
    report_id
        The window report that decided, where one did.
    incident
        What groups alerts of one trouble.
    silenced_by
        Id of the silence that keeps it quiet.
    inhibited_by
        Fingerprint of the alert that keeps it quiet.
    stale
        Whether the input it rests on is old, as in a replay; stale alerts page nobody.
    source
        `sent` where another program sent it; null where a rule raised it.
    """

    id: str
    fingerprint: str
    status: Status
    severity: Severity
    rule: str
    labels: dict[str, str]
    value: float | None = None
    threshold: float | None = None
    baseline_value: float | None = None
    sample_count: int | None = None
    summary: str
    cause: tuple[str, ...] = ()
    runbook_url: str | None = None
    dashboard_url: str | None = None
    starts_at: int
    fired_at: int | None = None
    ends_at: int | None = None
    report_id: str | None = None
    incident: str | None = None
    silenced_by: str | None = None
    inhibited_by: str | None = None
    stale: bool = False
    source: Literal["sent"] | None = None


def fingerprint(rule: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert: rule and labels, never values.

    Returns
    -------
    str
        SHA-256 hex of the canonical JSON of ``{"labels": labels, "rule": rule}``, which for one
        label is the bytes ``{"labels":{"model_name":"credit"},"rule":"accuracy-drop"}``.

    Examples
    --------
    >>> fingerprint("accuracy-drop", {"model_name": "credit"})[:16]
    'a9174cb19ce0ddf9'
    """
    return sha256_of({"labels": dict(labels), "rule": rule})


def alert_id(fingerprint: str, starts_at: int, status: Status) -> str:
    """Return the identity of one event of an alert's episode (fingerprint, starts_at).

    Parameters
    ----------
    fingerprint
        Of the alert.
    starts_at
        Start of the episode, epoch ms.
    status
        What it changed to.

    Returns
    -------
    str
        SHA-256 hex of the canonical JSON of ``[fingerprint, starts_at, status]``, for instance of
        the bytes ``["a917…",1790002800000,"firing"]``.
    """
    return sha256_of([fingerprint, starts_at, Status(status)])


def encode_alert(alert: AlertEvent) -> bytes:
    """Write an alert event as JSON: on the topic, and as a webhook's body."""
    return msgspec.json.encode(alert)
