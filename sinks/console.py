"""Alerts for people at a terminal, one line each."""

import sys
from typing import TextIO

from schemas.alerts import AlertEvent
from schemas.notifications import Notification
from sinks.wording import harmless

__all__ = ["ConsoleChannel", "line_of"]

_LINE_MAX = 2_000


class ConsoleChannel:
    """Writes a line for every event to standard error.

    Parameters
    ----------
    stream : where to; None is standard error as it is when a notification comes
    """

    every_event = True
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, notification: Notification) -> None:
        """Write one line for each event."""
        again = f" (repeat {notification.repeat})" if notification.repeat else ""
        lines = [f"{line_of(event)}{again}" for event in notification.events]
        print("\n".join(lines), file=self._stream or sys.stderr, flush=True)


def line_of(event: AlertEvent) -> str:
    """Write an event as one line for a human, without characters that steer a terminal."""
    head = f"{event.status.value.upper():<8} {event.severity.value:<8} {event.rule}"
    cause = f" [{'; '.join(event.cause)}]" if event.cause else ""
    return harmless(f"{head}: {event.summary}{cause}", _LINE_MAX)
