"""The first line of a notification: what a phone shows. Pure."""

from collections.abc import Mapping, Sequence

from schemas.alerts import AlertEvent
from schemas.notifications import Kind
from stream.alerting.severities import rank


def first_of(firing: Sequence[AlertEvent]) -> AlertEvent:
    """Return the one to name of several: the severest, of those the oldest."""
    return max(firing, key=lambda event: (rank(event.severity), -event.starts_at))


def title(
    kind: Kind,
    events: Sequence[AlertEvent],
    most: AlertEvent | None,
    firing: int,
    more: int,
    labels: Mapping[str, str],
) -> str:
    """Write one line.

    Parameters
    ----------
    kind : of the notification
    events : that it tells, at least one
    most : the one to name of what fires now, see `first_of`; None where nothing does
    firing : how many fire
    more : how many events it leaves out
    labels : what the alerts have in common
    """
    subject = ", ".join(labels.values())
    told = len(events) + more
    if most is None:
        if told == 1:
            return f"RESOLVED {events[0].rule}: {events[0].summary}"
        if kind is Kind.RESOLVED:
            return f"RESOLVED {subject}: all is over, the last {told:,} alerts too"
        return f"RESOLVED {subject}: {told:,} alerts are over"
    head = most.severity.upper()
    again = "still " if kind is Kind.REPEAT else ""
    if firing == 1:
        return f"{head} {again}{most.rule}: {most.summary}"
    return f"{head} {subject}: {again}{firing:,} alerts fire, first {most.rule}: {most.summary}"
