"""Delivers what waits for each channel, in order, until it is delivered or given up.

An alert leaves the list after the channel took it, so a crash between the two repeats it once;
where the channel knows the id, that is no repeat. A channel that is down holds up no other.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec
import structlog

from schemas.alerts import AlertEvent
from stream.alerting.keys import AlertKeys
from stream.alerting.relay import Lease, Waiting
from stream.state.client import RedisClient

WAIT_MS = 5_000
"""After a failure a channel rests so long, after the next twice as long, and so on."""
WAIT_MS_MAX = 300_000
GIVEN_UP_MS = 86_400_000
"""A page of yesterday is no page any more."""
DEAD_MAX = 100

log = structlog.get_logger("alerts")


class Channel(Protocol):
    """What delivers alerts; `sinks` has them.

    A failure is an exception with ``retryable``; any other exception counts as one that is not.
    """

    def send(self, alert: AlertEvent) -> None:
        """Return when the alert was taken."""


class Notifier:
    """Delivers to the channels of one namespace.

    Parameters
    ----------
    client : Redis
    namespace : of the alerts
    channels : by name
    """

    def __init__(
        self, client: RedisClient, namespace: str, channels: Mapping[str, Channel]
    ) -> None:
        self._client = client
        self._keys = AlertKeys(namespace)
        self._channels = channels

    def turn(self, now_ms: int) -> int:
        """Deliver what waits and is due; returns how many were taken."""
        return sum(self._deliver(name, now_ms) for name in self._channels)

    def _deliver(self, name: str, now_ms: int) -> int:
        delivered = 0
        if not self._client.exists(self._keys.waiting(name)):
            return delivered
        lease = Lease(self._client, self._keys.lease(f"channel:{name}"))
        with lease:
            while lease.renew() and self._is_due(name, now_ms):
                raw = self._client.lindex(self._keys.waiting(name), 0)
                if raw is None or not self._deliver_one(name, raw, now_ms):
                    break
                delivered += 1
        return delivered

    def _is_due(self, name: str, now_ms: int) -> bool:
        not_before = self._client.hget(self._keys.channel(name), "not_before")
        return not_before is None or int(not_before) <= now_ms

    def _deliver_one(self, name: str, raw: bytes, now_ms: int) -> bool:
        """Deliver the oldest; returns whether to go on with the next."""
        waiting = msgspec.json.decode(raw, type=Waiting)
        try:
            self._channels[name].send(waiting.alert)
        except Exception as error:  # a channel's bug must not silence the others
            given_up = now_ms - waiting.queued_at >= GIVEN_UP_MS
            if getattr(error, "retryable", False) and not given_up:
                self._rest(name, now_ms, error)
                return False
            log.error("alert_not_delivered", channel=name, id=waiting.alert.id, why=str(error))
            self._remove(name, raw, dead=True)
            return True
        self._remove(name, raw, dead=False)
        log.info("alert_delivered", channel=name, id=waiting.alert.id)
        return True

    def _rest(self, name: str, now_ms: int, error: Exception) -> None:
        key = self._keys.channel(name)
        failures = int(self._client.hincrby(key, "failures", 1))
        wait_ms = min(WAIT_MS * 2 ** min(failures - 1, 10), WAIT_MS_MAX)
        self._client.hset(key, "not_before", now_ms + wait_ms)
        log.warning("channel_down", channel=name, why=str(error), retry_in_ms=wait_ms)

    def _remove(self, name: str, raw: bytes, *, dead: bool) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.lrem(self._keys.waiting(name), 1, raw)
            if dead:
                pipe.lpush(self._keys.dead(name), raw)
                pipe.ltrim(self._keys.dead(name), 0, DEAD_MAX - 1)
            else:
                pipe.delete(self._keys.channel(name))
            pipe.execute()
