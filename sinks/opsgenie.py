"""Pages by Opsgenie, and by Jira Service Management, which takes the same requests.

References
----------
.. [1] Opsgenie, Alert API: create, close, add note, update message, update priority.
.. [2] Jira Service Management, operations REST API, integration events.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from schemas.alerts import Severity, Status
from schemas.notifications import Kind, Notification
from sinks.endpoint import Endpoint
from sinks.wording import harmless, headline, subject, text_of

__all__ = ["URL", "OpsgenieChannel"]

URL = "https://api.opsgenie.com"
"""In the EU ``https://api.eu.opsgenie.com``; for Jira Service Management
``https://api.atlassian.com/jsm/ops/integration``."""
_PATH = "/v2/alerts"
_MESSAGE_MAX = 130
_DESCRIPTION_MAX = 15_000
_NOTE_MAX = 25_000
_TAGS_MAX = 20
_TAG_MAX = 50
_DETAILS_MAX = 8_000
_PRIORITIES = {
    Severity.CRITICAL: "P1",
    Severity.ERROR: "P2",
    Severity.WARNING: "P3",
    Severity.INFO: "P5",
}
_SOURCE = "streamgauge"


class OpsgenieChannel:
    """Opens, updates and closes an alert for each conversation; its alias is the conversation's.

    Opsgenie counts a second alert of an open alias and shows nothing of it. So an update changes
    message and priority, and tells what is new in a note, last: after a crash only it repeats.

    Parameters
    ----------
    api_key : of an API integration
    endpoint : of the API
    """

    every_event = False
    pages = True
    edits = True
    resend_ms: int | None = None

    def __init__(self, api_key: str, endpoint: Endpoint) -> None:
        self._headers = {"Authorization": f"GenieKey {api_key}"}
        self._endpoint = endpoint

    def send(self, notification: Notification) -> None:
        """Open, update or close the alert of a conversation."""
        if notification.kind is Kind.RESOLVED:
            self._close(notification)
        elif notification.kind is Kind.UPDATE:
            self._update(notification)
        else:  # a repeat too: it opens again what somebody closed by hand while it still fires
            self._create(notification)

    def _create(self, notification: Notification) -> None:
        self._post("", _alert(notification))

    def _update(self, notification: Notification) -> None:
        if any(event.status is not Status.RESOLVED for event in notification.events):
            self._create(notification)
        message = headline(notification, _MESSAGE_MAX)
        self._put(notification, "message", {"message": message})
        self._put(notification, "priority", {"priority": _PRIORITIES[notification.severity]})
        self._post(_one(notification, "notes"), _note(notification))

    def _close(self, notification: Notification) -> None:
        self._post(_one(notification, "close"), _note(notification))

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._endpoint.post(msgspec.json.encode(body), self._headers, f"{_PATH}{path}")

    def _put(self, notification: Notification, field: str, body: dict[str, Any]) -> None:
        path = _PATH + _one(notification, field)
        answer = self._endpoint.ask("PUT", msgspec.json.encode(body), self._headers, path)
        # Jira Service Management has no such request for integrations: there the note tells it.
        absent = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
        if not answer.ok and answer.status not in absent:
            raise answer.error()


def _one(notification: Notification, what: str) -> str:
    return f"/{quote(notification.key, safe='')}/{what}?identifierType=alias"


def _note(notification: Notification) -> dict[str, Any]:
    title = headline(notification)
    text = f"{title}\n\n{text_of(notification, _NOTE_MAX - len(title) - 2)}"
    return {"note": text, "source": _SOURCE}


def _alert(notification: Notification) -> dict[str, Any]:
    rules = dict.fromkeys(harmless(event.rule, _TAG_MAX) for event in notification.events)
    return {
        "message": headline(notification, _MESSAGE_MAX),
        "alias": notification.key,
        "description": text_of(notification, _DESCRIPTION_MAX),
        "tags": [notification.severity.value, *rules][:_TAGS_MAX],
        "details": _details(notification),
        "entity": subject(notification),
        "source": _SOURCE,
        "priority": _PRIORITIES[notification.severity],
    }


def _details(notification: Notification) -> dict[str, str]:
    told = {"firing": f"{notification.firing:,}", "incident": notification.incident or ""}
    room = _DETAILS_MAX
    found = {}
    for name, value in (told | notification.labels).items():
        key, text = harmless(name, 100), harmless(value, 255)
        room -= len(key) + len(text)
        if room < 0:
            break
        if text:
            found[key] = text
    return found
