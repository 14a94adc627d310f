"""What keeps an alert quiet now: a silence, or an alert that tells it already. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from schemas.alerts import AlertEvent
from schemas.rules import SilenceConfig
from stream.alerting.inhibition import Slots, inhibitor
from stream.alerting.silences import silencing


@dataclass(frozen=True, slots=True)
class Muting:
    """Silences and inhibiting alerts at one moment.

    Attributes
    ----------
    silences : all there are
    now_ms : wall clock
    slots : of inhibition
    """

    silences: Iterable[SilenceConfig]
    now_ms: int
    slots: Slots = field(default_factory=dict)

    def annotated(self, alert: AlertEvent) -> AlertEvent:
        """Return the alert with `silenced_by` and `inhibited_by` as they are now."""
        silence = silencing(alert, self.silences, self.now_ms)
        return replace(
            alert,
            silenced_by=None if silence is None else silence.id,
            inhibited_by=inhibitor(alert, self.slots),
        )

    def mutes(self, alert: AlertEvent) -> bool:
        """Whether nobody is to be told of an alert now."""
        now = self.annotated(alert)
        return now.silenced_by is not None or now.inhibited_by is not None
