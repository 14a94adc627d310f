"""Alerts that other programs send (``POST /api/v1/alerts``, ``alerts send``)."""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.alerts import Severity, fingerprint
from schemas.names import Name

__all__ = ["SentAlert", "parse_sent"]

_LABELS_MAX = 30
_LABEL_NAME = r"\A[A-Za-z_][A-Za-z0-9_.-]{0,127}\Z"
_TEXT_MAX = 2_000
_MS_MIN, _MS_MAX = 10**11, 10**14  # as the timestamps of events

LabelName = Annotated[str, Meta(pattern=_LABEL_NAME)]
LabelValue = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=_TEXT_MAX)]


class SentAlert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert from outside. Times are epoch milliseconds.

    Attributes
    ----------
    rule
        What it is called; with the labels it is the alert's identity.
    labels
        What it is about, for instance `model_name`.
    status
        `firing`, or `resolved` when it is over.
    severity
        `info`, `warning`, `error` or `critical`.
    summary
        One sentence for a human.
    cause
        What goes with it, most likely first.
    value
        The figure, where there is one.
    threshold
        What it was compared with.
    runbook_url
        What to do.
    dashboard_url
        Where to look.
    starts_at
        When it began; absent is when it is taken.
    ends_at
        Of what fires: when it ends by itself unless it is sent again. Of what is resolved: when it
        was over; absent is when it is taken.
    channels
        Where it goes; absent is by route.
    """

    rule: Name
    labels: Annotated[dict[LabelName, LabelValue], Meta(max_length=_LABELS_MAX)] = {}
    status: Literal["firing", "resolved"] = "firing"
    severity: Severity = Severity.WARNING
    summary: Text | None = None
    cause: Annotated[tuple[Text, ...], Meta(max_length=10)] = ()
    value: float | None = None
    threshold: float | None = None
    runbook_url: Text | None = None
    dashboard_url: Text | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    channels: tuple[str, ...] | None = None

    @property
    def fingerprint(self) -> str:
        """Return the identity of the alert."""
        return fingerprint(self.rule, self.labels)


def parse_sent(document: object) -> SentAlert:
    """Read an alert from outside.

    Parameters
    ----------
    document
        Parsed JSON.

    Raises
    ------
    ValueError
        For what is none: one sentence with the field and what is allowed.
    """
    try:
        sent = msgspec.convert(document, SentAlert)
    except msgspec.ValidationError as error:
        raise ValueError(f"this is no alert: {error}") from error
    for number in (sent.value, sent.threshold):
        if number is not None and not math.isfinite(number):
            raise ValueError("this is no alert: JSON has no NaN and no Infinity")
    if sent.starts_at is not None and not _MS_MIN <= sent.starts_at <= _MS_MAX:
        raise ValueError("this is no alert: `starts_at` is not in epoch milliseconds")
    if sent.ends_at is not None and not _MS_MIN <= sent.ends_at <= _MS_MAX:
        raise ValueError("this is no alert: `ends_at` is not in epoch milliseconds")
    return sent
