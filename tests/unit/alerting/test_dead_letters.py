"""Which of what was given up is still so."""

import pytest

from schemas.alerts import AlertEvent, Severity, Status
from schemas.notifications import Kind, Notification
from stream.alerting.dead_letters import goes_on, is_still_so

AT = 1_790_002_800_000


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
        at=AT,
    )


FIRST = letter(Kind.FIRST, event("a", Status.FIRING))
JOINED = letter(Kind.UPDATE, event("b", Status.FIRING))
ENDED = letter(Kind.UPDATE, event("b", Status.RESOLVED), event("c", Status.NO_DATA))
OVER = letter(Kind.RESOLVED, event("b", Status.RESOLVED))


@pytest.mark.parametrize(
    ("notification", "active", "began_at", "of_conversation", "of_alert"),
    [
        (FIRST, {"a"}, AT, True, True),
        (FIRST, {"a"}, None, False, True),  # it fires anew, and is muted: nobody would close it
        (FIRST, {"a"}, AT + 1, False, True),  # of a conversation before this one
        (FIRST, {"z"}, None, False, False),
        (JOINED, {"b"}, AT - 1, True, True),
        (JOINED, {"a"}, AT - 1, True, False),
        (JOINED, set(), None, False, False),
        (ENDED, {"a"}, AT - 1, True, True),
        (ENDED, {"b", "c"}, AT - 1, True, True),
        (ENDED, {"b"}, None, False, False),
        (ENDED, set(), None, False, True),
        (OVER, set(), None, True, True),
        (OVER, {"a"}, AT + 1, False, True),
        (OVER, {"b"}, None, True, False),
    ],
)
def test_a_page_needs_an_alert_and_an_end_needs_none(
    notification: Notification,
    active: set[str],
    began_at: int | None,
    of_conversation: bool,
    of_alert: bool,
) -> None:
    people, programs = goes_on(notification, began_at), is_still_so(notification, active)
    assert (people, programs) == (of_conversation, of_alert)
