"""How one channel is doing, in Redis: what waits, what failed, what was given up."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import redis

from schemas.notifications import Kind, Notification, encode_notification
from stream.alerting.keys import AlertKeys
from stream.alerting.transaction import TRIES
from stream.state.client import RedisClient

DEAD_MAX = 100
"""So many of what could not be delivered are kept, the newest first."""
OUTCOMES = ("delivered", "failed", "superseded", "dead")
"""Fields of `ChannelState` that count what became of notifications."""
REST_MS = 5_000
_ERROR_MAX = 500


class Tries(msgspec.Struct, frozen=True):
    """How often a notification failed, and when it may be tried again, epoch ms."""

    failures: int = 0
    not_before: int = 0


class Dead(msgspec.Struct, frozen=True):
    """What could not be delivered.

    Attributes
    ----------
    notification
        As it was to be delivered.
    why
        What the channel said; without secrets.
    at
        When it was given up, epoch ms.
    """

    notification: Notification
    why: str
    at: int


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is doing. Counts since Redis began; times are epoch ms, 0 is never.

    Attributes
    ----------
    delivered, failed, superseded, dead
        Notifications that were taken; tries that were not; those that later ones overtook; those
        that were given up.
    failures
        Tries that failed since the last one that did not.
    failing_since
        When the first of these was; 0 where there is none.
    delivered_at, failed_at
        When the last was.
    not_before
        Until then it is left alone.
    error
        What the last failure was; without secrets.
    """

    delivered: int = 0
    failed: int = 0
    superseded: int = 0
    dead: int = 0
    failures: int = 0
    failing_since: int = 0
    delivered_at: int = 0
    failed_at: int = 0
    not_before: int = 0
    error: str = ""


class ChannelStore:
    """State of one channel.

    Parameters
    ----------
    client : Redis
    keys : of the namespace
    name : of the channel
    """

    def __init__(self, client: RedisClient, keys: AlertKeys, name: str) -> None:
        self._client = client
        self._waiting = keys.waiting(name)
        self._tries = keys.tries(name)
        self._receipts = keys.receipts(name)
        self._dead = keys.dead(name)
        self._state = keys.channel(name)
        self.name = name

    def state(self) -> ChannelState:
        """Read how it is doing."""
        return read_state(self._client.hgetall(self._state))

    def waiting_count(self) -> int:
        """How many notifications wait."""
        return int(self._client.llen(self._waiting))

    def waiting(self, count: int, passed: int = 0) -> list[bytes]:
        """Read the oldest of those that wait, after so many that are passed over."""
        found: list[bytes] = self._client.lrange(self._waiting, passed, passed + count - 1)
        return found

    def tries(self, ids: Sequence[str]) -> dict[str, Tries]:
        """Read how often some notifications failed; those that never did are left out."""
        if not ids:
            return {}
        found = zip(ids, self._client.hmget(self._tries, list(ids)), strict=True)
        return {of: msgspec.json.decode(raw, type=Tries) for of, raw in found if raw is not None}

    def receipt(self, key: str) -> str | None:
        """Read what the channel returned for the first notification of a conversation."""
        raw = self._client.hget(self._receipts, key)
        return None if raw is None else _text(raw)

    def rest(self, now_ms: int) -> None:
        """Leave the channel alone for a while."""
        self._client.hset(self._state, "not_before", now_ms + REST_MS)

    def failed(self, notification: Notification, tries: Tries, why: str, now_ms: int) -> None:
        """Keep a notification for later."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(self._tries, notification.id, msgspec.json.encode(tries))
            pipe.hincrby(self._state, "failed", 1)
            pipe.hincrby(self._state, "failures", 1)
            pipe.hsetnx(self._state, "failing_since", now_ms)
            pipe.hset(self._state, "failed_at", now_ms)
            pipe.hset(self._state, "error", why[:_ERROR_MAX])
            pipe.execute()

    def delivered(
        self, raw: bytes, notification: Notification, receipt: str | None, now_ms: int
    ) -> None:
        """Take a delivered notification off the list; ``receipt`` is for those that follow it."""
        with self._client.pipeline(transaction=True) as pipe:
            self._remove(pipe, raw, notification)
            pipe.hincrby(self._state, "delivered", 1)
            pipe.hset(self._state, "delivered_at", now_ms)
            pipe.hdel(self._state, "failures", "failing_since", "not_before")
            if receipt is None:
                pipe.hdel(self._receipts, notification.key)
            else:
                pipe.hset(self._receipts, notification.key, receipt)
            pipe.execute()

    def superseded(self, raw: bytes, notification: Notification) -> None:
        """Take a notification off the list that later ones overtook."""
        with self._client.pipeline(transaction=True) as pipe:
            self._remove(pipe, raw, notification)
            pipe.hincrby(self._state, "superseded", 1)
            pipe.execute()

    def dead(self, raw: bytes, notification: Notification, why: str, now_ms: int) -> None:
        """Take a notification off the list that is given up, and keep it with the reason."""
        with self._client.pipeline(transaction=True) as pipe:
            self._remove(pipe, raw, notification)
            record = Dead(notification, why[:_ERROR_MAX], now_ms)
            pipe.lpush(self._dead, msgspec.json.encode(record))
            pipe.ltrim(self._dead, 0, DEAD_MAX - 1)
            pipe.hincrby(self._state, "dead", 1)
            pipe.hset(self._state, "failed_at", now_ms)
            pipe.hset(self._state, "error", why[:_ERROR_MAX])
            pipe.execute()

    def dead_letters(self) -> list[Dead]:
        """Read what was given up, the newest first."""
        return [msgspec.json.decode(raw, type=Dead) for raw in self._letters(self._client)]

    def retry(self, wanted: Callable[[Notification], bool]) -> list[Notification]:
        """Put back what was given up and is wanted, before all that waits, in its order.

        Returns
        -------
        list of Notification
            Those that are put back, oldest first; what is not wanted stays given up.

        Raises
        ------
        redis.RedisError
            When others were first all the time.
        """
        for _ in range(TRIES):
            with self._client.pipeline(transaction=True) as pipe:
                pipe.watch(self._dead)
                found = [(raw, msgspec.json.decode(raw, type=Dead)) for raw in self._letters(pipe)]
                back = [(raw, one.notification) for raw, one in found if wanted(one.notification)]
                pipe.multi()
                for raw, notification in back:  # the newest first, so that the oldest is in front
                    pipe.lrem(self._dead, 1, raw)
                    pipe.lpush(self._waiting, encode_notification(notification))
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue
                return [notification for _, notification in reversed(back)]
        raise redis.RedisError(f"{self._dead} kept changing; is Redis overloaded?")

    def _letters(self, client: RedisClient) -> list[bytes]:
        found: list[bytes] = client.lrange(self._dead, 0, -1)
        return found

    def _remove(self, pipe: RedisClient, raw: bytes, notification: Notification) -> None:
        pipe.lrem(self._waiting, 1, raw)
        pipe.hdel(self._tries, notification.id)
        if notification.kind is Kind.RESOLVED:  # whatever became of it, none follows
            pipe.hdel(self._receipts, notification.key)


def read_state(raw: Mapping[bytes, bytes]) -> ChannelState:
    """Read the fields of a channel's state."""
    fields = {_text(name): _text(value) for name, value in raw.items()}
    return msgspec.convert(fields, ChannelState, strict=False)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
