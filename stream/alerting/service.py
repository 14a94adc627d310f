"""The alert agent's work without Faust: take a report, and every now and then do what is due."""

from collections.abc import Callable

import msgspec
import redis
import structlog

from schemas.metrics import WindowReport
from stream.alerting.engine import AlertEngine
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.kafka import KafkaUnavailableError

TICK_MS = 15_000
"""How often silence and lag are looked at: a small part of what they are allowed to be."""

log = structlog.get_logger("alerts")


class Alerting:
    """Engine, relay and notifier of one namespace; its methods block, so call them in threads.

    Parameters
    ----------
    engine, relay, notifier : what does it
    now_ms : wall clock
    """

    def __init__(
        self, engine: AlertEngine, relay: Relay, notifier: Notifier, now_ms: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._notifier = notifier
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

    def turn(self) -> None:
        """Run the checks when it is time, publish what is staged, deliver what waits."""
        now_ms = self._now_ms()
        try:
            if now_ms - self._ticked_ms >= TICK_MS:
                self._ticked_ms = now_ms
                self._engine.restore()
                self._engine.tick(now_ms)
            self._relay.turn(now_ms)
            self._notifier.turn(now_ms)
        except (redis.RedisError, KafkaUnavailableError) as error:
            log.error("alerts_wait", why=str(error))
