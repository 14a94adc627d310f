"""The protocol of notification channels, and their two kinds of error."""

from typing import Protocol

from schemas.notifications import Notification

__all__ = ["Channel", "ChannelSettingsError", "DeliveryError"]


class Channel(Protocol):
    """Delivers notifications to one place.

    A delivery may be repeated after a crash, so it carries what the place knows a repeat by.

    Attributes
    ----------
    every_event
        Whether programs read it: then it is given every event, in batches. Channels that people
        read are given the worst few, and how many more there are.
    pages
        Whether it wakes somebody: then it is not told of what is over before it could be told.
    edits
        Whether a new state takes the place of the one before, as a message that is edited does.
    resend_ms
        How often what fires is to be sent again, as Alertmanager wants it; None is by route.
    """

    every_event: bool
    pages: bool
    edits: bool
    resend_ms: int | None

    def send(self, notification: Notification) -> str | None:
        """Deliver one notification and return when it was taken.

        Returns
        -------
        str or None
            What the next notifications of the conversation need to know, such as the place of the
            first message.

        Raises
        ------
        DeliveryError
            When it was not taken; within ten seconds.
        """


class DeliveryError(Exception):
    """A notification was not taken. The message never holds a secret: no address, no key.

    Attributes
    ----------
    retryable
        Whether it may be taken later, as it is.
    wait_ms
        How long the place asks to be left alone; None where it does not say.
    """

    def __init__(self, why: str, *, retryable: bool, wait_ms: int | None = None) -> None:
        super().__init__(why)
        self.retryable = retryable
        self.wait_ms = wait_ms


class ChannelSettingsError(ValueError):
    """A channel cannot be made; the message names it, the setting, and what would do."""
