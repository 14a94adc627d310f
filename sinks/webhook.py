"""Alerts as HTTP ``POST`` requests, signed, and with a key by which a repeat is known.

References
----------
.. [1] The Idempotency-Key HTTP header field, draft-ietf-httpapi-idempotency-key-header.
.. [2] RFC 2104, HMAC.
"""

import hashlib
import hmac
import http.client
from http import HTTPStatus
from urllib.parse import urlsplit

import stamina

from schemas.alerts import AlertEvent, encode_alert
from sinks.channel import DeliveryError

__all__ = ["SIGNATURE_HEADER", "WebhookChannel", "sign"]

SIGNATURE_HEADER = "X-Streamgauge-Signature"
TIMEOUT_S = 3.0
"""For connecting, and for the answer: who takes alerts answers at once and works later."""
TRIES = 3
"""With the timeout below the 15 s for which the notifier holds a channel."""
_WAIT_S = 0.2
_WAIT_S_MAX = 1.0
_RETRYABLE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class WebhookChannel:
    """Posts each alert event, as it is on the topic, to one address.

    Parameters
    ----------
    url : ``http://`` or ``https://``; redirects are not followed
    secret : signs the body; None sends no signature
    timeout_s : for connecting, and for the answer
    wait_s : before the first retry; later ones wait longer

    Raises
    ------
    ValueError
        For an address that is none.
    """

    def __init__(
        self,
        url: str,
        secret: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        wait_s: float = _WAIT_S,
    ) -> None:
        at = urlsplit(url)
        if at.scheme not in {"http", "https"} or not at.hostname:
            raise ValueError("`url` must begin with http:// or https:// and name a host")
        self._https = at.scheme == "https"
        self._host, self._port = at.hostname, at.port
        self._target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        self._secret = secret
        self._timeout_s = timeout_s
        self._wait_s = wait_s

    def send(self, alert: AlertEvent) -> None:
        """Post one alert; a short trouble is tried again, with the same body and key."""
        body = encode_alert(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "streamgauge",
            "Idempotency-Key": alert.id,
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = sign(body, self._secret)
        for attempt in stamina.retry_context(
            on=_is_retryable,
            attempts=TRIES,
            timeout=TRIES * self._timeout_s,
            wait_initial=self._wait_s,
            wait_max=_WAIT_S_MAX,
        ):
            with attempt:
                self._post(body, headers)

    def _post(self, body: bytes, headers: dict[str, str]) -> None:
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request("POST", self._target, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            why = f"{self._host} does not answer: {str(error) or type(error).__name__}"
            raise DeliveryError(why, retryable=True) from error
        finally:
            connection.close()
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE
        raise DeliveryError(f"{self._host} answered {status}", retryable=retryable)


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header: ``sha256=<HMAC hex of the body>``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _is_retryable(error: Exception) -> bool:
    return isinstance(error, DeliveryError) and error.retryable
