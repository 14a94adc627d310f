"""Turns of an alert to the events that users see. Pure."""

from schemas.alerts import AlertEvent, Status, alert_id, fingerprint
from schemas.metrics import WindowReport
from stream.alerting.evaluate import Observation
from stream.alerting.rules import Rule
from stream.alerting.transitions import Episode, Turn
from stream.alerting.wording import causes, summary


def make_event(
    rule: Rule, seen: Observation, turn: Turn, report: WindowReport | None, stale: bool
) -> AlertEvent:
    """Write the event of a turn.

    Parameters
    ----------
    rule : whose alert it is
    seen : what was seen now
    turn : what the alert changed to; its status may be `pending`, which stays in Redis
    report : the report that told, None for checks
    stale : whether what it rests on is old

    Notes
    -----
    The fields `incident`, `silenced_by` and `inhibited_by` are filled where alerts are routed
    (`stream.alerting.board`).
    """
    episode = turn.episode
    of = fingerprint(rule.name, seen.labels)
    reading = seen.reading(episode.metric)
    named = reading is not None and reading.condition.reference == "baseline"
    why = seen.cause
    if report is not None and seen.holds and reading is not None:
        why = causes(report, reading.metric)
    return AlertEvent(
        id=alert_id(of, episode.starts_at, turn.status),
        fingerprint=of,
        status=turn.status,
        severity=episode.severity,
        rule=rule.name,
        labels=dict(seen.labels),
        value=None if reading is None else reading.value,
        threshold=None if reading is None else reading.threshold,
        baseline_value=reading.reference if reading is not None and named else None,
        sample_count=seen.sample_count,
        summary=summary(seen, turn, rule.summary, report),
        cause=why,
        runbook_url=rule.runbook_url,
        starts_at=episode.starts_at,
        fired_at=episode.fired_at,
        ends_at=episode.ends_at if turn.status is Status.RESOLVED else None,
        report_id=seen.report_id,
        stale=stale,
    )


def episode_of(event: AlertEvent) -> Episode:
    """Read back, from the last event of an alert on the topic, where it stands."""
    times = (event.starts_at, event.fired_at, event.ends_at)
    at = max(time for time in times if time is not None)
    going_on = event.status is Status.FIRING
    return Episode(
        status=event.status,
        severity=event.severity,
        at=at,
        starts_at=event.starts_at,
        fired_at=event.fired_at,
        ends_at=event.ends_at,
        barred_to=None if going_on else at,
        missed_to=at,
        notified=not event.stale,
        no_data=event.status is Status.NO_DATA,
    )


def is_news(event: AlertEvent, known: Episode | None) -> bool:
    """Whether an event of the topic tells more than what is known of its alert.

    Parameters
    ----------
    event : the last of its alert
    known : where the alert stands, as far as is known
    """
    if known is None or event.starts_at != known.starts_at:
        return known is None or event.starts_at > known.starts_at
    if known.status is Status.PENDING:
        return True
    return event.status is Status.RESOLVED and known.status is not Status.RESOLVED
