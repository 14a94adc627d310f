"""Pages by PagerDuty: one incident for each conversation, by Events API v2.

References
----------
.. [1] PagerDuty, Events API v2, "Send an alert event", and its limits.
"""

from typing import Any

import msgspec

from schemas.alerts import AlertEvent
from schemas.notifications import Kind, Notification
from sinks.endpoint import Endpoint
from sinks.wording import (
    causes_of,
    harmless,
    headline,
    links_of,
    rfc3339,
    shown,
    subject,
)

__all__ = ["URL", "PagerDutyChannel"]

URL = "https://events.pagerduty.com"
"""For accounts in the EU it is ``https://events.eu.pagerduty.com``."""
_PATH = "/v2/enqueue"
_SUMMARY_MAX = 1_024
_LABELS_MAX = 32
"""With `wording`'s bounds a request stays far below PagerDuty's 512 KB."""


class PagerDutyChannel:
    """Opens, updates and resolves incidents; PagerDuty knows a repeat by its key.

    Parameters
    ----------
    routing_key : of an integration "Events API v2"
    endpoint : of the Events API
    """

    every_event = False
    pages = True
    edits = True
    resend_ms: int | None = None

    def __init__(self, routing_key: str, endpoint: Endpoint) -> None:
        self._routing_key = routing_key
        self._endpoint = endpoint

    def send(self, notification: Notification) -> None:
        """Trigger the incident of a conversation, or resolve it."""
        request: dict[str, Any] = {
            "routing_key": self._routing_key,
            "dedup_key": notification.key,
            "event_action": "resolve",
        }
        if notification.kind is not Kind.RESOLVED:
            links = links_of(notification.events)
            request |= {
                "event_action": "trigger",
                "payload": _payload(notification),
                "links": [{"href": url, "text": text} for url, text in links.items()],
                "client": "Streamgauge",
            }
        self._endpoint.post(msgspec.json.encode(request), {}, _PATH)


def _payload(notification: Notification) -> dict[str, Any]:
    labels = notification.labels
    rules = dict.fromkeys(harmless(event.rule, 100) for event in notification.events)
    payload: dict[str, Any] = {
        "summary": headline(notification, _SUMMARY_MAX),
        "source": subject(notification),
        "severity": notification.severity.value,
        "timestamp": rfc3339(notification.at),
        "class": ", ".join(list(rules)[:3]),
        "custom_details": _details(notification),
    }
    component = labels.get("feature") or labels.get("segment") or ""
    optional = {"component": component, "group": labels.get("model_name", "")}
    told = {name: harmless(text, 255) for name, text in optional.items()}
    return payload | {name: text for name, text in told.items() if text}


def _details(notification: Notification) -> dict[str, Any]:
    events = shown(notification)
    labels = list(notification.labels.items())[:_LABELS_MAX]
    told: dict[str, Any] = {
        "firing": notification.firing,
        "events": [_event(event) for event in events],
        "more": notification.more + len(notification.events) - len(events),
        "labels": {harmless(name, 100): harmless(value, 255) for name, value in labels},
        "likely causes": causes_of(notification.cause),
        "incident": harmless(notification.incident or "", 100),
        "repeat": notification.repeat or None,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [], {})}


def _event(event: AlertEvent) -> dict[str, Any]:
    return {
        "status": event.status.value,
        "severity": event.severity.value,
        "rule": harmless(event.rule, 200),
        "summary": harmless(event.summary),
        "since": rfc3339(event.starts_at),
        "causes": causes_of(event.cause),
    }
