"""A channel that answers in time, whatever its place does.

Timeouts of sockets bound each step and not their sum, and looking up a name or a handler of others
has none at all. So what may hang runs in a thread of its own, which can be left alone.
"""

import threading
from concurrent.futures import Future, wait

from schemas.notifications import Notification
from sinks.channel import Channel, DeliveryError

__all__ = ["DEADLINE_S", "WithDeadline"]

DEADLINE_S = 9.0
"""The protocol says ten seconds; the rest is for whoever waits."""


class WithDeadline:
    """Another channel, given up after a while.

    A delivery that comes too late goes on. The same notification then waits for its outcome and
    is not sent twice; any other is put off, so that there is never more than one thread.

    Parameters
    ----------
    channel : what delivers
    timeout_s : how long one call may take
    """

    def __init__(self, channel: Channel, timeout_s: float = DEADLINE_S) -> None:
        self.every_event = channel.every_event
        self.pages = channel.pages
        self.edits = channel.edits
        self.resend_ms = channel.resend_ms
        self.channel = channel
        self._timeout_s = timeout_s
        self._running: tuple[str, Future[str | None]] | None = None

    def send(self, notification: Notification) -> str | None:
        """Deliver one notification, or say that it takes too long."""
        running = self._delivery_of(notification)
        wait([running], self._timeout_s)
        if not running.done():
            raise DeliveryError(f"it takes more than {self._timeout_s:g} s", retryable=True)
        self._running = None
        return running.result()

    def _delivery_of(self, notification: Notification) -> Future[str | None]:
        """Begin to deliver, or find the delivery that was begun and came too late."""
        if self._running is not None:
            of, late = self._running
            if of == notification.id and not (late.done() and late.exception()):
                return late
            if not late.done():
                raise DeliveryError("it is still at an earlier notification", retryable=True)
        running: Future[str | None] = Future()
        self._running = notification.id, running
        call = running, self.channel, notification
        threading.Thread(target=_run, args=call, name="notification", daemon=True).start()
        return running


def _run(into: "Future[str | None]", channel: Channel, notification: Notification) -> None:
    try:
        receipt = channel.send(notification)
    except (Exception, SystemExit) as error:  # raised again where somebody waits
        into.set_exception(error)
    else:
        into.set_result(receipt)
