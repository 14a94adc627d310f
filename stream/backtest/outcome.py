"""What a backtest found."""

from dataclasses import dataclass, field

from schemas.alerts import AlertEvent, Severity, Status
from schemas.errors import Reason
from stream.alerting.severities import rank
from stream.state.keys import VersionId


@dataclass(slots=True)
class Refusals:
    """Events of one reason that were not counted: how many, and the first of them."""

    count: int
    place: str
    detail: str


@dataclass(slots=True)
class VersionOutcome:
    """What was found of one model version.

    Attributes
    ----------
    first_ms, last_ms : event times: where the pane of its first event begins, and of its last one
    windows : that were judged, by name
    open_windows : that had not ended when the log did
    decisions : windows that decided which features drifted
    drifted : those of them in which some feature or the prediction did
    expected_false : how many of the decisions the budget lets go wrong without any drift
    provisional_from_ms : event time from which a baseline counts that the log taught; None where
        there is none
    """

    first_ms: int
    last_ms: int
    windows: dict[str, int] = field(default_factory=dict)
    open_windows: int = 0
    decisions: int = 0
    drifted: int = 0
    expected_false: float = 0.0
    provisional_from_ms: int | None = None
    has_baseline: bool = False
    problem: str | None = None


@dataclass(slots=True)
class Outcome:
    """Everything a backtest found.

    Attributes
    ----------
    books : events by what became of them; `consumed` is their sum
    refused : by reason
    versions : by model version
    alerts : events that would have been published, in order of the windows that told them
    """

    books: dict[str, int] = field(default_factory=dict)
    refused: dict[Reason, Refusals] = field(default_factory=dict)
    versions: dict[VersionId, VersionOutcome] = field(default_factory=dict)
    alerts: list[AlertEvent] = field(default_factory=list)

    @property
    def fired(self) -> list[AlertEvent]:
        """Alerts that fired."""
        return [alert for alert in self.alerts if alert.status is Status.FIRING]

    @property
    def still_firing(self) -> int:
        """How many alerts fired and did not end within the log."""
        ended = len([alert for alert in self.alerts if alert.status is Status.RESOLVED])
        return len(self.fired) - ended

    def fired_at_least(self, severity: Severity) -> int:
        """How many alerts fired that are as bad or worse."""
        return sum(rank(alert.severity) >= rank(severity) for alert in self.fired)


def told_at_ms(alert: AlertEvent) -> int:
    """End of the window that told an event: when it fired, or when it was over.

    Examples
    --------
    >>> told_at_ms(AlertEvent(id="", fingerprint="", status=Status.FIRING,
    ...     severity=Severity.INFO, rule="r", labels={}, summary="", starts_at=1, fired_at=3))
    3
    """
    return alert.ends_at or alert.fired_at or alert.starts_at
