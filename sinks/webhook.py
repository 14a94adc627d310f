"""Alerts as HTTP ``POST`` requests, signed, and with a key by which a repeat is known.

References
----------
.. [1] The Idempotency-Key HTTP header field, draft-ietf-httpapi-idempotency-key-header.
.. [2] RFC 2104, HMAC.
"""

import hashlib
import hmac

from schemas.alerts import encode_alert
from schemas.notifications import Notification
from sinks.endpoint import Endpoint

__all__ = ["KEY_HEADER", "SIGNATURE_HEADER", "WebhookChannel", "sign"]

KEY_HEADER = "Idempotency-Key"
SIGNATURE_HEADER = "X-Streamgauge-Signature"


class WebhookChannel:
    """Posts alert events, as they are on the topic, to one address.

    One event is the body, and its id the key. Several are ``{"alerts": […]}`` with the id of the
    notification as the key, which a repeat of one event has as well: it is news, not a retry.

    Parameters
    ----------
    endpoint : where to; redirects are not followed
    secret : signs the body; None sends no signature
    """

    every_event = True
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(self, endpoint: Endpoint, secret: str | None = None) -> None:
        self._endpoint = endpoint
        self._secret = secret

    def send(self, notification: Notification) -> None:
        """Post the events of a notification."""
        alerts = [encode_alert(event) for event in notification.events]
        body, key = b'{"alerts":[' + b",".join(alerts) + b"]}", notification.id
        if len(alerts) == 1:
            body = alerts[0]
            key = notification.id if notification.repeat else notification.events[0].id
        headers = {KEY_HEADER: key}
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = sign(body, self._secret)
        self._endpoint.post(body, headers)


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header: ``sha256=<HMAC hex of the body>``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
