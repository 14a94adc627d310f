"""A channel that hangs is given up in time; what it does late is not done twice."""

import threading
from concurrent.futures import wait

import pytest
from notification_helpers import make_event, make_notification

from schemas.notifications import Kind, Notification
from sinks.channel import Channel, DeliveryError
from sinks.deadline import WithDeadline


class Slow:
    """Delivers once it may, and returns or raises."""

    every_event = False
    pages = True
    edits = True
    resend_ms: int | None = 7

    def __init__(self) -> None:
        self.may = threading.Event()
        self.error: BaseException | None = None
        self.sent: list[str] = []

    def send(self, notification: Notification) -> str | None:
        self.sent.append(notification.id)
        assert self.may.wait(60)
        if self.error is not None:
            raise self.error
        return f"receipt {len(self.sent)}"


ONE, OTHER = make_notification(), make_notification(Kind.UPDATE, (make_event(rule="other"),))


def test_it_is_the_channel_that_it_bounds() -> None:
    slow = Slow()
    bounded: Channel = WithDeadline(slow)
    slow.may.set()
    assert (bounded.every_event, bounded.pages) == (False, True)
    assert (bounded.edits, bounded.resend_ms) == (True, 7)
    assert bounded.send(ONE) == "receipt 1"
    assert bounded.send(ONE) == "receipt 2"


def test_what_comes_late_is_waited_for_and_not_sent_again() -> None:
    slow = Slow()
    bounded = WithDeadline(slow, timeout_s=0.02)
    for _ in range(2):
        with pytest.raises(DeliveryError, match=r"more than 0\.02 s") as caught:
            bounded.send(ONE)
        assert caught.value.retryable
    with pytest.raises(DeliveryError, match="still at an earlier") as caught:
        bounded.send(OTHER)
    assert caught.value.retryable
    slow.may.set()
    bounded = _patient(bounded)
    assert bounded.send(ONE) == "receipt 1"
    assert bounded.send(OTHER) == "receipt 2"
    assert slow.sent == [ONE.id, OTHER.id]


def test_what_fails_late_is_tried_again() -> None:
    slow = Slow()
    bounded = WithDeadline(slow, timeout_s=0.02)
    slow.error = DeliveryError("down", retryable=True)
    with pytest.raises(DeliveryError, match="more than"):
        bounded.send(ONE)
    slow.may.set()
    bounded = _patient(bounded)
    assert bounded._running is not None
    wait([bounded._running[1]])
    slow.error = None
    assert bounded.send(ONE) == "receipt 2"
    assert bounded.send(OTHER) == "receipt 3"


@pytest.mark.parametrize("error", [DeliveryError("no", retryable=False), KeyError(1), SystemExit()])
def test_what_it_raises_is_raised(error: BaseException) -> None:
    slow = Slow()
    slow.error = error
    slow.may.set()
    with pytest.raises(type(error)) as caught:
        WithDeadline(slow).send(ONE)
    assert caught.value is error


def _patient(bounded: WithDeadline) -> WithDeadline:
    """The same with time enough for the test's machine."""
    bounded._timeout_s = 60
    return bounded
