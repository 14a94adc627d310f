"""From the outbox to the topic, and on to the lists of what channels have still to deliver.

1. entries are published to ``ml.alerts`` and confirmed by the broker,
2. in one step they leave the outbox and those that people are told enter the channels' lists.

A crash between the two publishes them again: with the same bytes, so with the same id.
"""

import contextlib
from collections.abc import Collection
from typing import Protocol

import msgspec
import structlog
from redis.exceptions import LockError
from redis.lock import Lock

from schemas.alerts import AlertEvent
from stream.alerting.judge import Entry
from stream.alerting.keys import AlertKeys
from stream.alerting.routing import channels_for
from stream.state.client import RedisClient

LEASE_S = 15.0
"""Longer than one publication or delivery takes; how long the work of a killed process waits."""
WAITING_MAX = 1_000
"""A channel that is down for days has its oldest alerts dropped."""
_BATCH = 100

log = structlog.get_logger("alerts")


class Waiting(msgspec.Struct, frozen=True):
    """An alert that a channel has to deliver."""

    alert: AlertEvent
    queued_at: int


class Publisher(Protocol):
    """Where alert events are published."""

    def publish(self, alerts: list[AlertEvent]) -> None:
        """Return when all of them are safe."""


class Lease:
    """One process at a time works on the outbox or a channel; after a crash, another may."""

    def __init__(self, client: RedisClient, key: str) -> None:
        self._lock = Lock(client, key, timeout=LEASE_S, blocking=False)

    def __enter__(self) -> "Lease":
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(LockError):  # not ours, or not ours any more
            self._lock.release()

    def renew(self) -> bool:
        """Hold it for the full time again; False where another has it."""
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return False


class Relay:
    """Empties the outbox of one namespace.

    Parameters
    ----------
    client : Redis
    namespace : of the alerts
    topic : where events are published
    channels : names of those there are
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        topic: Publisher,
        channels: Collection[str],
    ) -> None:
        self._client = client
        self._keys = AlertKeys(namespace)
        self._topic = topic
        self._channels = channels

    def turn(self, now_ms: int) -> int:
        """Publish what waits, and hand it to the channels; returns how many entries it was."""
        moved = 0
        if not self._client.exists(self._keys.outbox):
            return moved
        lease = Lease(self._client, self._keys.lease("outbox"))
        with lease:
            while lease.renew():
                raw = self._client.lrange(self._keys.outbox, 0, _BATCH - 1)
                if not raw:
                    break
                self._move(raw, now_ms)
                moved += len(raw)
        return moved

    def _move(self, raw: list[bytes], now_ms: int) -> None:
        entries = [msgspec.json.decode(text, type=Entry) for text in raw]
        self._topic.publish([entry.alert for entry in entries if entry.publish])
        with self._client.pipeline(transaction=True) as pipe:
            for text, entry in zip(raw, entries, strict=True):
                pipe.lrem(self._keys.outbox, 1, text)
                for channel in self._told(entry):
                    waiting = msgspec.json.encode(Waiting(entry.alert, now_ms))
                    pipe.rpush(self._keys.waiting(channel), waiting)
                    pipe.ltrim(self._keys.waiting(channel), -WAITING_MAX, -1)
            pipe.execute()
        for entry in entries:
            log.info(
                "alert",
                status=entry.alert.status,
                rule=entry.alert.rule,
                severity=entry.alert.severity,
                told=entry.notify,
                id=entry.alert.id,
            )

    def _told(self, entry: Entry) -> list[str]:
        if not entry.notify:
            return []
        unknown = set(entry.channels or ()) - set(self._channels)
        if unknown:
            log.error("channel_unknown", rule=entry.alert.rule, channels=sorted(unknown))
        return channels_for(entry.channels, self._channels)
