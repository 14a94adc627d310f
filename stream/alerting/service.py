"""The alert agent's work without Faust: take a report, and every now and then do what is due."""

from collections.abc import Callable

import msgspec
import redis
import structlog

from schemas.alerts import AlertEvent
from schemas.metrics import WindowReport
from schemas.sent_alerts import SentAlert
from stream.alerting.engine import AlertEngine
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.alerting.watchdog import Watchdog
from stream.kafka import KafkaUnavailableError

TICK_MS = 15_000
"""How often silence and lag are looked at: a small part of what they are allowed to be."""

log = structlog.get_logger("alerts")


class Alerting:
    """Engine, relay and notifier of one namespace; its methods block, so call them in threads.

    Parameters
    ----------
    engine, relay, notifier, watchdog : what does it
    now_ms : wall clock
    """

    def __init__(
        self,
        engine: AlertEngine,
        relay: Relay,
        notifier: Notifier,
        watchdog: Watchdog,
        now_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._notifier = notifier
        self._watchdog = watchdog
        self._now_ms = now_ms
        self._ticked_ms = 0

    def take(self, value: bytes) -> bool:
        """Evaluate a record of ``ml.metrics``.

        Returns
        -------
        bool
            False where Kafka or Redis failed: give it again later, it is not yet evaluated.
        """
        try:
            report = msgspec.json.decode(value, type=WindowReport)
        except msgspec.DecodeError as error:
            log.warning("report_ignored", why=str(error))
            return True
        try:
            self._engine.evaluate(report)
        except (redis.RedisError, KafkaUnavailableError) as error:
            log.error("report_not_evaluated", report=report.id, why=str(error))
            return False
        return True

    def send(self, sent: SentAlert) -> AlertEvent | None:
        """Take an alert from outside.

        Returns
        -------
        AlertEvent or None
            What it changed to; None where it told nothing new.

        Raises
        ------
        ValueError
            When it cannot be taken; the message says why.
        redis.RedisError, KafkaUnavailableError
            When Redis or Kafka failed: send it again.
        """
        entries = self._engine.take(sent).entries
        return entries[-1].alert if entries else None

    def turn(self) -> None:
        """Run the checks when it is time, publish what is staged, deliver what waits.

        What fails holds up nothing that does not need it: while Kafka is down, people are still
        told what was decided.
        """
        now_ms = self._now_ms()
        steps = (self._tick, self._relay.turn, self._notifier.turn)
        if all([self._goes_well(step, now_ms) for step in steps]):
            self._watchdog.turn(now_ms)

    def close(self) -> None:
        """Begin no more deliveries."""
        self._notifier.close()

    def _tick(self, now_ms: int) -> None:
        self._engine.restore()
        if abs(now_ms - self._ticked_ms) >= TICK_MS:  # the clock may have gone back
            self._ticked_ms = now_ms
            self._engine.tick(now_ms)
            self._relay.tick(now_ms)

    def _goes_well(self, step: Callable[[int], int | None], now_ms: int) -> bool:
        try:
            step(now_ms)
        except (redis.RedisError, KafkaUnavailableError) as error:
            log.error("alerts_wait", why=str(error))
            return False
        return True
