"""The long tail of notification services: SMS, Teams, Telegram and a hundred others, by Apprise.

References
----------
.. [1] Apprise, https://github.com/caronc/apprise: its URLs name service, key and recipient.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

from schemas.alerts import Severity
from schemas.notifications import Kind, Notification
from sinks.channel import DeliveryError
from sinks.taken import Taken
from sinks.wording import headline, text_of

__all__ = ["AppriseChannel"]

_TITLE_MAX = 250
_TEXT_MAX = 3_000
"""Telegram's bound is 4,096, that of Teams and Slack higher; an SMS is cut by its service."""
_TYPES = {
    Severity.CRITICAL: "failure",
    Severity.ERROR: "failure",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}
_LOGGERS = ("apprise", "urllib3")
_mention = re.compile(r"@(?=\w)")


class AppriseChannel:
    """Hands each notification to every service that is named; a retry is for those that failed.

    Apprise says whether, not why. Its log lines, and those of the library it calls, may hold
    addresses that are secrets: they are turned off.

    Parameters
    ----------
    urls : Apprise's, one for each service; all are secrets

    Raises
    ------
    ValueError
        For none, and for one that Apprise does not know; the message does not hold it.
    """

    every_event = False
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ValueError("must name a service")
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._services = [_service(number, url) for number, url in enumerate(urls, start=1)]
        self._taken = Taken()

    def send(self, notification: Notification) -> None:
        """Hand over a notification."""
        over = notification.kind is Kind.RESOLVED
        taken = self._taken.of(notification.id)
        failed = []
        for number, service in enumerate(self._services, start=1):
            if str(number) in taken:
                continue
            result = service.notify(
                title=_nobody_called(headline(notification, _TITLE_MAX)),
                body=_nobody_called(text_of(notification, _TEXT_MAX)),
                notify_type="success" if over else _TYPES[notification.severity],
                body_format="text",
            )
            if result:
                taken.add(str(number))
            else:
                failed.append(f"{service[0].service_name} ({number} of {len(self._services)})")
        if failed:
            why = f"{', '.join(failed)} did not take it; Apprise says no more"
            raise DeliveryError(why, retryable=True)


def _service(number: int, url: str) -> Any:
    # Apprise and its plugins take a quarter of a second to import, and 26 MB.
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415

    asset = AppriseAsset(
        app_id="Streamgauge", app_desc="Streamgauge", storage_mode=PersistentStoreMode.MEMORY
    )
    asset.http_redirects = False
    service = Apprise(asset=asset)
    if not service.add(url):
        raise ValueError(f"holds no address that Apprise knows, in place {number}")
    return service


def _nobody_called(text: str) -> str:
    """Keep names such as ``@everyone`` from calling everyone: some services look for them."""
    return _mention.sub("@\u200b", text)
