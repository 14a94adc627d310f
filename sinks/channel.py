"""The protocol of notification channels, and their two kinds of error."""

from typing import Protocol

from schemas.alerts import AlertEvent

__all__ = ["Channel", "ChannelSettingsError", "DeliveryError"]


class Channel(Protocol):
    """Delivers alerts to one place.

    A delivery may be repeated after a crash, so it carries the alert's id where that is of use.
    """

    def send(self, alert: AlertEvent) -> None:
        """Deliver one alert and return when it was taken.

        Raises
        ------
        DeliveryError
            When it was not taken; within seconds, so that other channels do not wait.
        """


class DeliveryError(Exception):
    """An alert was not taken.

    Attributes
    ----------
    retryable
        Whether it may be taken later, as it is.
    """

    def __init__(self, why: str, *, retryable: bool) -> None:
        super().__init__(why)
        self.retryable = retryable


class ChannelSettingsError(ValueError):
    """A channel cannot be made; the message names it, the setting, and what would do."""
