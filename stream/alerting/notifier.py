"""Delivers what waits for each channel, in order, until it is delivered or given up.

A notification leaves the list after the channel took it, so a crash between the two repeats it
once; where the channel knows its id or key, that is no repeat. Notifications of one conversation,
and of one alert, are delivered in order; one that a channel refuses for now holds up those that
must follow it, and no others. A channel that is down holds up no other channel.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from schemas.notifications import Kind, Notification, decode_notification
from stream.alerting.channel_store import REST_MS, ChannelStore, Tries
from stream.alerting.channel_threads import ChannelThreads
from stream.alerting.keys import AlertKeys
from stream.alerting.lease import Lease
from stream.alerting.superseded import superseded
from stream.state.client import RedisClient

WAIT_MS = 5_000
"""After a failure it is tried again so much later, after the next twice as much, and so on."""
WAIT_MS_MAX = 60_000
WAIT_MS_ASKED_MAX = 3_600_000
"""The longest that a place may ask for; what seems to be longer is of a clock that went back."""
GIVEN_UP_MS = 86_400_000
"""A page of yesterday is no page any more."""
WAITING_MAX = 1_000
"""A channel that is down for days has its oldest notifications given up."""
_AT_ONCE = 100
_FAILURES_MAX = 2
"""After two conversations failed in a row, it is the channel and not one of them."""

log = structlog.get_logger("alerts")


class Channel(Protocol):
    """What delivers notifications; `sinks` has them.

    A failure is an exception with ``retryable`` and, where the place asks for it, ``wait_ms``; any
    other exception counts as one that is not retryable.
    """

    every_event: bool
    pages: bool
    edits: bool

    def send(self, notification: Notification) -> str | None:
        """Return when it was taken, with what the next of the conversation need to know."""


def reason(error: Exception) -> str:
    """Say why a delivery failed: what the channel says, else the kind of error alone.

    Only a channel's own messages are known to hold no secret.
    """
    return str(error) if hasattr(error, "retryable") and str(error) else type(error).__name__


class Notifier:
    """Delivers to the channels of one namespace, each in a thread of its own.

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
        self._threads = ChannelThreads(channels, "channel")
        self._stuck: dict[str, tuple[int, int]] = {}
        self._closing = threading.Event()

    def turn(self, now_ms: int) -> None:
        """Let every channel that is not busy deliver what waits and is due; does not wait."""
        for name in self._channels:
            if self._closing.is_set() or not self._threads.is_free(name):
                continue
            count = self._client.llen(self._keys.waiting(name))
            stuck, due_ms = self._stuck.get(name, (0, 0))
            if count and not (count == stuck and _is_early(due_ms, now_ms)):
                self._threads.start(name, self.deliver, now_ms)

    def close(self) -> None:
        """Begin no more deliveries; does not wait for those that have begun."""
        self._closing.set()

    def deliver(self, name: str, now_ms: int) -> int:
        """Deliver what waits for one channel and is due; returns how many it took."""
        store = ChannelStore(self._client, self._keys, name)
        with Lease(self._client, self._keys.lease(f"channel:{name}")) as lease:
            if not lease.renew() or _is_early(store.state().not_before, now_ms):
                return 0
            while (more := store.waiting_count() - WAITING_MAX) > 0 and lease.renew():
                for raw in store.waiting(min(more, _AT_ONCE)):
                    self._give_up(store, raw, "too many wait for the channel", now_ms)
            one = _Round(
                self._channels[name], store, lease, now_ms, self._give_up, self._closing.is_set
            )
            one.run()
            due_ms = min(one.due_ms or now_ms, now_ms + REST_MS)
            self._stuck[name] = (one.passed, due_ms)
            return one.taken

    def _give_up(self, store: ChannelStore, raw: bytes, why: str, now_ms: int) -> None:
        notification = decode_notification(raw)
        log.error("alert_not_delivered", channel=store.name, id=notification.id, why=why)
        store.dead(raw, notification, why, now_ms)


class _GiveUp(Protocol):
    def __call__(self, store: ChannelStore, raw: bytes, why: str, now_ms: int) -> None: ...


def _about(notification: Notification) -> set[str]:
    """Its conversation, and its alerts: one may have moved on to another conversation."""
    return {notification.key, *(event.fingerprint for event in notification.events)}


def _is_early(due_ms: int, now_ms: int) -> bool:
    """Whether it is too early; what is due later than anything can be is of another clock."""
    return 0 < due_ms - now_ms <= WAIT_MS_ASKED_MAX


@dataclass(slots=True)
class _Round:
    """One round of one channel through what waits for it.

    Attributes
    ----------
    taken : how many were delivered, or given up
    passed : how many were passed over, which wait on
    due_ms : when the first of these may be tried again
    held : conversations and alerts of those that are passed over
    """

    channel: Channel
    store: ChannelStore
    lease: Lease
    now_ms: int
    give_up: _GiveUp
    is_over: Callable[[], bool]
    taken: int = 0
    passed: int = 0
    due_ms: int | None = None
    held: set[str] = field(default_factory=set)
    failures: int = 0

    def run(self) -> None:
        """Deliver what is due, looking beyond what is not."""
        while page := self.store.waiting(_AT_ONCE, self.passed):
            if not self._through(page) or len(page) < _AT_ONCE:
                return

    def _through(self, page: Sequence[bytes]) -> bool:
        """Go through some; returns whether to go on."""
        waiting = [(raw, decode_notification(raw)) for raw in page]
        tries = self.store.tries([one.id for _, one in waiting])
        gone = self._drop_superseded(waiting, tries)
        for at, (raw, notification) in enumerate(waiting):
            if at in gone:
                continue
            before = tries.get(notification.id, Tries())
            if self._is_held(notification) or _is_early(before.not_before, self.now_ms):
                self._hold(notification, before.not_before)
                continue
            if self.taken >= _AT_ONCE or self.is_over() or not self.lease.renew():
                return False
            if self._deliver(raw, notification, before):
                self.taken += 1
                continue
            self.failures += 1
            if self.failures >= _FAILURES_MAX and not self.taken:
                self.store.rest(self.now_ms)
                return False
        return True

    def _hold(self, notification: Notification, due_ms: int) -> None:
        """Pass one over, and with it all that must not overtake it."""
        self.held.update(_about(notification))
        self.passed += 1
        if _is_early(due_ms, self.now_ms):
            self.due_ms = min(due_ms, self.due_ms or due_ms)

    def _is_held(self, notification: Notification) -> bool:
        return not self.held.isdisjoint(_about(notification))

    def _drop_superseded(
        self, waiting: Sequence[tuple[bytes, Notification]], tries: Mapping[str, Tries]
    ) -> set[int]:
        notifications = [notification for _, notification in waiting]
        failed = {of for of, one in tries.items() if one.failures}
        gone = superseded(
            notifications,
            failed,
            every_event=self.channel.every_event,
            pages=self.channel.pages,
            edits=self.channel.edits,
        )
        for at in gone:
            raw, notification = waiting[at]
            log.info("notification_superseded", channel=self.store.name, id=notification.id)
            self.store.superseded(raw, notification)
        return gone

    def _deliver(self, raw: bytes, notification: Notification, before: Tries) -> bool:
        """Deliver one; returns whether others of its conversation may follow."""
        begins = notification.kind is Kind.FIRST
        receipt = None if begins else self.store.receipt(notification.key)
        given = msgspec.structs.replace(notification, receipt=receipt)
        try:
            returned = self.channel.send(given)
        except Exception as error:  # a channel's bug must not silence the others
            why = reason(error)
            given_up = self.now_ms - notification.at >= GIVEN_UP_MS
            if not getattr(error, "retryable", False) or given_up:
                self.give_up(self.store, raw, why, self.now_ms)
                return True
            asked_ms = getattr(error, "wait_ms", None) or 0
            wait_ms = max(asked_ms, min(WAIT_MS * 2 ** min(before.failures, 10), WAIT_MS_MAX))
            wait_ms = min(wait_ms, WAIT_MS_ASKED_MAX)
            log.warning("channel_down", channel=self.store.name, why=why, retry_in_ms=wait_ms)
            after = Tries(before.failures + 1, self.now_ms + wait_ms)
            self.store.failed(notification, after, why, self.now_ms)
            self._hold(notification, after.not_before)
            return False
        over = notification.kind is Kind.RESOLVED
        self.store.delivered(raw, notification, None if over else returned or receipt, self.now_ms)
        log.info("alert_delivered", channel=self.store.name, id=notification.id)
        return True
