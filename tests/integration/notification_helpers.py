"""Notifications as channels are given them, harmless and hostile."""

from typing import Any

import msgspec

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from schemas.notifications import Kind, Notification, notification_id

T0 = 1_790_002_800_000  # 2026-09-21 15:00 UTC
MINUTE_MS = 60_000

HOSTILE = {
    "lines": "first\nsecond\r\nBcc: everybody@example.org\r\n\r\n.\r\nQUIT",
    "html": "<b>bold</b><script>alert(1)</script>&amp;'\"",
    "mentions": "<!channel> <@U0000001> <#C1|x> @everyone @here",
    "controls": "\x00\x07\x1b[2J\x1b]0;title\x07\x7f\x9b31m",
    "turned": "\u202egnp.exe \u2066x\u2028line\u2029paragraph\u0085next",
    "markup": "*bold* _it_ ~no~ `code` ```pre``` [x](javascript:alert(1)) {{ 7*7 }} ${x} %s %n",
    "long": "x" * 10_240,
    "ampersands": "&" * 10_240,
    "accents": "é" * 10_240,
    "faces": "😀" * 5_000,
    "empty": "",
    "blank": " ",
}


def make_event(**fields: Any) -> AlertEvent:
    labels = fields.pop("labels", {"model_name": "credit", "model_version": "3", "window": "5m"})
    rule = fields.pop("rule", "error-rate")
    status = fields.pop("status", Status.FIRING)
    starts_at = fields.pop("starts_at", T0)
    of = fingerprint(rule, labels)
    event = AlertEvent(
        id=alert_id(of, starts_at, status),
        fingerprint=of,
        status=status,
        severity=Severity.ERROR,
        rule=rule,
        labels=labels,
        value=0.12,
        threshold=0.05,
        sample_count=480,
        summary="error rate of credit 3 is 12 % (limit 5 %) over 5m, since 2026-09-21 15:00 UTC",
        cause=("timeout: 12 of 12 errors",),
        runbook_url="https://runbooks.example.org/error-rate",
        dashboard_url="https://streamgauge.example.org/#credit",
        starts_at=starts_at,
        fired_at=starts_at,
        ends_at=starts_at + MINUTE_MS if status is Status.RESOLVED else None,
    )
    return msgspec.structs.replace(event, **fields)


def make_events(count: int, **fields: Any) -> tuple[AlertEvent, ...]:
    labels = [{"model_name": "credit", "feature": f"f{number}"} for number in range(count)]
    return tuple(make_event(labels=of, rule="data-quality", **fields) for of in labels)


def make_notification(
    kind: Kind = Kind.FIRST, events: tuple[AlertEvent, ...] | None = None, **fields: Any
) -> Notification:
    over = kind is Kind.RESOLVED
    if events is None:
        events = (make_event(status=Status.RESOLVED if over else Status.FIRING),)
    repeat = fields.pop("repeat", 1 if kind is Kind.REPEAT else 0)
    key = fields.pop("key", make_event().fingerprint)
    notification = Notification(
        id=notification_id("chat", key, [kind, *(event.id for event in events)], repeat),
        key=key,
        kind=kind,
        title=f"{'RESOLVED' if over else 'ERROR'} error-rate: {events[0].summary}",
        severity=Severity.ERROR,
        events=events,
        firing=0 if over else len(events),
        cause=("version 4 was seen first at 14:55",),
        labels={"model_name": "credit", "model_version": "3"},
        incident="9f3a",
        at=T0 + MINUTE_MS,
        repeat=repeat,
    )
    return msgspec.structs.replace(notification, **fields)


def hostile_notification(text: str, kind: Kind = Kind.FIRST, count: int = 3) -> Notification:
    """A notification in which every text that others write is this one."""
    events = tuple(
        make_event(
            rule=text,
            labels={"model_name": text, f"segment {number} {text}": text, "severity": text},
            summary=text,
            cause=(text,) * 10,
            runbook_url=f"javascript:{text}",
            dashboard_url=f"https://example.org/{text}",
            incident=text,
        )
        for number in range(count)
    )
    return make_notification(
        kind,
        events,
        title=text,
        cause=(text,) * 10,
        labels={"model_name": text, text: text, "feature": text},
        incident=text,
    )
