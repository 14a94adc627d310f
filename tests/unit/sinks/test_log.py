import pytest
from notification_helpers import make_event, make_events, make_notification
from structlog.testing import capture_logs

from schemas.alerts import Severity, Status
from schemas.notifications import Kind
from sinks.log import LogChannel


@pytest.mark.parametrize(
    ("status", "severity", "level"),
    [
        (Status.FIRING, Severity.CRITICAL, "error"),
        (Status.FIRING, Severity.ERROR, "error"),
        (Status.FIRING, Severity.WARNING, "warning"),
        (Status.NO_DATA, Severity.INFO, "warning"),
        (Status.RESOLVED, Severity.CRITICAL, "info"),
    ],
)
def test_an_event_is_a_record_of_its_severity(
    status: Status, severity: Severity, level: str
) -> None:
    event = make_event(status=status, severity=severity)
    with capture_logs() as logs:
        LogChannel().send(make_notification(events=(event,)))
    assert logs == [
        {
            "log_level": level,
            "event": event.summary,
            "status": status.value,
            "severity": severity.value,
            "rule": "error-rate",
            "label_model_name": "credit",
            "label_model_version": "3",
            "label_window": "5m",
            "cause": ["timeout: 12 of 12 errors"],
            "runbook_url": "https://runbooks.example.org/error-rate",
            "id": event.id,
        }
    ]


def test_every_event_is_logged_and_a_repeat_says_so() -> None:
    with capture_logs() as logs:
        LogChannel().send(make_notification(Kind.REPEAT, make_events(3), repeat=2))
    assert [record["repeat"] for record in logs] == [2, 2, 2]
    assert LogChannel.every_event
