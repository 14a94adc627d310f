"""Alerts in the structured log, a record each."""

import structlog

from schemas.alerts import Severity, Status
from schemas.notifications import Notification
from sinks.wording import harmless

__all__ = ["LogChannel"]


class LogChannel:
    """Writes a record for every event to the structured log, at the level of its severity."""

    every_event = True
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(self) -> None:
        self._log = structlog.get_logger("alert")

    def send(self, notification: Notification) -> None:
        """Log each event; a repeat says which it is."""
        again = {"repeat": notification.repeat} if notification.repeat else {}
        for event in notification.events:
            severe = event.severity in {Severity.ERROR, Severity.CRITICAL}
            write = self._log.error if severe else self._log.warning
            write = self._log.info if event.status is Status.RESOLVED else write
            write(
                harmless(event.summary),
                status=event.status.value,
                severity=event.severity.value,
                rule=event.rule,
                **{f"label_{name}": value for name, value in event.labels.items()},
                cause=list(event.cause),
                runbook_url=event.runbook_url,
                id=event.id,
                **again,
            )
