"""Alerts of which nothing else would tell that they are over. Pure."""

from collections.abc import Iterable

import msgspec

from schemas.alerts import AlertEvent, Status, alert_id
from stream.alerting.judge import Entry, Series, Step
from stream.alerting.rules import CHECKS, Rule
from stream.alerting.transitions import retire


def is_spoken_of(alert: AlertEvent, rules: Iterable[Rule]) -> bool:
    """Whether any of the rules, as they are now, still speaks of an alert, or its sender does."""
    if alert.source is not None:
        return True
    return any(_speaks(rule, alert) for rule in rules if rule.name == alert.rule)


def _speaks(rule: Rule, alert: AlertEvent) -> bool:
    if rule.window not in (None, alert.labels.get("window")):
        return False
    return rule.name in CHECKS or rule.is_about(alert.labels)


def retired(alert: AlertEvent, why: str, series: Series, at_ms: int | None = None) -> Step:
    """End an alert.

    Parameters
    ----------
    alert : as users see it
    why : what to say
    series : as stored
    at_ms : when it is over; None is when it was last judged
    """
    of = alert.fingerprint
    episode = series.episodes.get(of)
    if episode is None or episode.status is Status.RESOLVED:
        return Step()
    change = retire(episode, at_ms)
    step = Step(episodes={of: change.episode}, shown={of: None})
    for turn in change.turns:
        event = msgspec.structs.replace(
            alert,
            id=alert_id(of, alert.starts_at, turn.status),
            status=turn.status,
            ends_at=turn.episode.ends_at,
            summary=f"over: {why}",
            cause=(),
        )
        step.shown[of] = event
        step.entries.append(Entry(event, turn.publish, turn.notify))
    return step
