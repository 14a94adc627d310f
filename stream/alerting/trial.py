"""Notifications that try a channel, and say so. Pure."""

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from schemas.notifications import Kind, Notification, notification_id
from stream.alerting.titles import title

RULE = "test-notify"


def trial(
    channel: str,
    namespace: str,
    status: Status,
    severity: Severity,
    who: str,
    starts_at: int,
    now_ms: int,
) -> Notification:
    """Return the first notification of a conversation about nothing, or its last.

    Parameters
    ----------
    channel : its name
    namespace : of the alerts; all trials in it are about one alert, so that each ends the others
    status : `firing`, or `resolved` for the last
    severity : as which it is to be taken
    who : sends it
    starts_at : when the first was made, epoch ms
    now_ms : wall clock
    """
    labels = {"namespace": namespace}
    of = fingerprint(RULE, labels)
    over = status is Status.RESOLVED
    said = f"{who} tries the channel {channel}"
    event = AlertEvent(
        id=alert_id(of, starts_at, status),
        fingerprint=of,
        status=status,
        severity=severity,
        rule=RULE,
        labels=labels,
        summary=f"THIS IS A TEST, {'and it is over' if over else 'nothing is wrong'}: {said}",
        starts_at=starts_at,
        fired_at=starts_at,
        ends_at=max(now_ms, starts_at + 1) if over else None,
    )
    kind = Kind.RESOLVED if over else Kind.FIRST
    return Notification(
        id=notification_id(channel, of, [event.id], 0),
        key=of,
        kind=kind,
        title=title(kind, (event,), None if over else event, 0 if over else 1, 0, labels),
        severity=severity,
        events=(event,),
        firing=0 if over else 1,
        labels=labels,
        at=now_ms,
    )
