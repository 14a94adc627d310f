"""Alerts for people at the machine: one line each, on a terminal or in the log."""

import sys
from typing import TextIO

import structlog

from schemas.alerts import AlertEvent, Severity, Status

__all__ = ["ConsoleChannel", "LogChannel", "line_of"]

_CONTROL = {code: None for code in (*range(32), *range(127, 160))}
"""Names and classes are others' input: nothing in them may steer a terminal."""


class ConsoleChannel:
    """Writes a line to standard error.

    Parameters
    ----------
    stream : where to; None is standard error as it is when an alert comes
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, alert: AlertEvent) -> None:
        """Write one line."""
        print(line_of(alert), file=self._stream or sys.stderr, flush=True)


class LogChannel:
    """Writes a record to the structured log: at the level that the severity has."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("alert")

    def send(self, alert: AlertEvent) -> None:
        """Log one alert."""
        severe = alert.severity in {Severity.ERROR, Severity.CRITICAL}
        firing = alert.status is Status.FIRING
        write = self._log.error if firing and severe else self._log.warning
        write = write if firing else self._log.info
        write(
            alert.summary,
            status=alert.status.value,
            severity=alert.severity.value,
            rule=alert.rule,
            **{f"label_{name}": value for name, value in alert.labels.items()},
            cause=list(alert.cause),
            runbook_url=alert.runbook_url,
            id=alert.id,
        )


def line_of(alert: AlertEvent) -> str:
    """Write an alert as one line for a human, without characters that steer a terminal."""
    head = f"{alert.status.value.upper():<8} {alert.severity.value:<8} {alert.rule}"
    cause = f" [{'; '.join(alert.cause)}]" if alert.cause else ""
    return f"{head}: {alert.summary}{cause}".translate(_CONTROL)
