"""Alerts from outside join the life that alerts of rules have. Pure.

Who sends one says when it begins and when it is over; between the two it fires, however often it
is sent. Its times are the sender's, else the clock's.
"""

from typing import Any

from msgspec.structs import replace

from schemas.alerts import AlertEvent, Status
from schemas.sent_alerts import SentAlert
from stream.alerting.evaluate import Observation
from stream.alerting.judge import Series, Step, judged
from stream.alerting.rules import Level, Rule
from stream.alerting.transitions import Episode


def fires(sent: SentAlert, now_ms: int) -> bool:
    """Whether an alert fires; one that ended by itself on its way here does not."""
    return sent.status == "firing" and (sent.ends_at is None or sent.ends_at > now_ms)


def take(sent: SentAlert, now_ms: int, series: Series) -> Step:
    """Return what an alert from outside changes.

    Parameters
    ----------
    sent : as it came
    now_ms : wall clock
    series : as stored

    Returns
    -------
    Step
        Empty where it tells nothing new, or something older than what is known.
    """
    rule = Rule(
        name=sent.rule,
        levels=(Level(sent.severity, ()),),
        channels=sent.channels,
        summary=sent.summary,
        runbook_url=sent.runbook_url,
    )
    fire = fires(sent, now_ms)
    seen = Observation(
        rule=sent.rule,
        labels=sent.labels,
        at_ms=_moment(sent, series.episodes.get(sent.fingerprint), now_ms),
        holds=fire,
        clears=not fire,
        severity=sent.severity,
        readings=(),
        summary=None if sent.summary else sent.rule,
        cause=sent.cause,
    )
    step = judged(series, rule, seen, stale=False)
    step.shown = {of: event and _as_sent(event, sent) for of, event in step.shown.items()}
    step.entries = [replace(one, alert=_as_sent(one.alert, sent)) for one in step.entries]
    return step


def document(sent: SentAlert, event: AlertEvent | None) -> dict[str, Any]:
    """Say what became of an alert from outside, for programs.

    Parameters
    ----------
    sent : as it came
    event : what it changed to; None where it told nothing new
    """
    return {
        "fingerprint": sent.fingerprint,
        "status": sent.status,
        "changed": event is not None,
        "id": None if event is None else event.id,
    }


def _moment(sent: SentAlert, before: Episode | None, now_ms: int) -> int:
    """Return when what is sent was so: never ahead of the clock, and not before what is known.

    The sender's clock may be behind ours, by which the last episode ended: one that begins later
    than that one began is another.
    """
    if not fires(sent, now_ms):
        at_ms = now_ms if sent.ends_at is None else min(sent.ends_at, now_ms)
        return at_ms if before is None else max(at_ms, before.at)
    if before is not None and before.status is not Status.RESOLVED:
        return max(now_ms, before.at)
    at_ms = now_ms if sent.starts_at is None else min(sent.starts_at, now_ms)
    if before is None or (sent.starts_at is not None and at_ms <= before.starts_at):
        return at_ms
    return max(at_ms, (before.barred_to or 0) + 1)


def _as_sent(event: AlertEvent, sent: SentAlert) -> AlertEvent:
    return replace(
        event,
        value=sent.value,
        threshold=sent.threshold,
        dashboard_url=sent.dashboard_url,
        source="sent",
    )
