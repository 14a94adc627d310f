"""Which of what was given up is still so."""

import pytest

from schemas.alerts import AlertEvent, Severity, Status
from schemas.notifications import Kind, Notification
from stream.alerting.dead_letters import is_still_so


def event(of: str, status: Status) -> AlertEvent:
    return AlertEvent(
        id=f"{of} {status}",
        fingerprint=of,
        status=status,
        severity=Severity.ERROR,
        rule="latency",
        labels={},
        summary="",
        starts_at=0,
    )


def letter(kind: Kind, *events: AlertEvent) -> Notification:
    return Notification(
        id="1",
        key="a",
        kind=kind,
        title="",
        severity=Severity.ERROR,
        events=events,
        firing=0,
        at=0,
    )


FIRST = letter(Kind.FIRST, event("a", Status.FIRING))
JOINED = letter(Kind.UPDATE, event("b", Status.FIRING))
ENDED = letter(Kind.UPDATE, event("b", Status.RESOLVED), event("c", Status.NO_DATA))
OVER = letter(Kind.RESOLVED, event("b", Status.RESOLVED))


@pytest.mark.parametrize(
    ("notification", "active", "talks", "of_conversation", "of_alert"),
    [
        (FIRST, {"a"}, True, True, True),
        (FIRST, {"a"}, False, True, True),
        (FIRST, {"z"}, False, False, False),
        (JOINED, {"b"}, True, True, True),
        (JOINED, {"a"}, True, True, False),
        (JOINED, set(), False, False, False),
        (ENDED, {"a"}, True, True, True),
        (ENDED, {"b", "c"}, True, True, True),
        (ENDED, {"b"}, False, True, False),
        (ENDED, set(), False, False, True),
        (OVER, set(), False, True, True),
        (OVER, {"a"}, True, False, True),
        (OVER, {"b"}, False, True, False),
    ],
)
def test_a_page_needs_an_alert_and_an_end_needs_none(
    notification: Notification, active: set[str], talks: bool, of_conversation: bool, of_alert: bool
) -> None:
    assert is_still_so(notification, active, talks=talks, every_event=False) is of_conversation
    assert is_still_so(notification, active, talks=talks, every_event=True) is of_alert
