"""A heartbeat: an alert that always fires, so that somebody else notices when it stops.

It is sent when a whole round of the alert agent went well, and straight to its channels: what
waits for a channel that is down would not tell that all is well now. Each channel has a thread of
its own, since one that does not answer must not hold up the next round.
"""

from collections.abc import Mapping
from typing import Protocol

import structlog

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from schemas.notifications import Kind, Notification, notification_id
from stream.alerting.channel_threads import ChannelThreads
from stream.alerting.keys import AlertKeys
from stream.alerting.notifier import reason
from stream.state.client import RedisClient

RULE = "watchdog"
RETRY_MS = 5_000

log = structlog.get_logger("alerts")


class Channel(Protocol):
    """What delivers notifications; `sinks` has them."""

    def send(self, notification: Notification) -> str | None:
        """Return when it was taken."""


class Watchdog:
    """Sends the heartbeat of one namespace, whichever process comes first.

    Parameters
    ----------
    client : Redis
    namespace : of the alerts
    channels : by name; those that are told
    interval_ms : between two heartbeats
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        channels: Mapping[str, Channel],
        interval_ms: int,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._keys = AlertKeys(namespace)
        self._channels = channels
        self._interval_ms = interval_ms
        self._threads = ChannelThreads(channels, "heartbeat")

    def turn(self, now_ms: int) -> None:
        """Send what is due; does not wait. A channel that fails is tried again seconds later."""
        for name in self._channels:
            if self._threads.is_free(name):
                self._threads.start(name, self.beat, now_ms)

    def beat(self, name: str, now_ms: int) -> bool:
        """Send a heartbeat to one channel where it is due; returns whether it was taken."""
        key = self._keys.beat(name)
        if not self._client.set(key, now_ms, nx=True, px=self._interval_ms):
            return False
        try:
            self._channels[name].send(heartbeat(self._namespace, name, now_ms))
        except Exception as error:  # whatever a channel does, the others go on
            self._client.set(key, now_ms, px=min(self._interval_ms, RETRY_MS))
            log.warning("heartbeat_not_sent", channel=name, why=reason(error))
            return False
        return True


def heartbeat(namespace: str, channel: str, now_ms: int) -> Notification:
    """Return one heartbeat; each has an id of its own, so that none passes for a repeat."""
    labels = {"namespace": namespace}
    of = fingerprint(RULE, labels)
    event = AlertEvent(
        id=alert_id(of, now_ms, Status.FIRING),
        fingerprint=of,
        status=Status.FIRING,
        severity=Severity.INFO,
        rule=RULE,
        labels=labels,
        summary="alerts work; when this stops coming, they do not",
        starts_at=now_ms,
        fired_at=now_ms,
    )
    return Notification(
        id=notification_id(channel, of, [event.id], 0),
        key=of,
        kind=Kind.FIRST,
        title=f"INFO {RULE}: {event.summary}",
        severity=event.severity,
        events=(event,),
        firing=1,
        labels=labels,
        at=now_ms,
    )
