"""A place on the web that takes JSON: one request, one answer, both bounded.

Whoever knows the address of a Slack webhook may post to it, so messages name the host and the
status, and nothing else of a request: no path, no query, no header.

References
----------
.. [1] RFC 9110, HTTP Semantics, section 10.2.3, Retry-After.
"""

import http.client
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from sinks.channel import DeliveryError

__all__ = ["ANSWER_BYTES_MAX", "TIMEOUT_S", "WAIT_MS_MAX", "Answer", "Endpoint"]

TIMEOUT_S = 3.0
"""For connecting, and for each part of the answer: who takes alerts works on them later."""
ANSWER_BYTES_MAX = 262_144
"""Slack answers with the message it took, which is far smaller."""
WAIT_MS_MAX = 3_600_000
"""Nobody is left alone for longer than an hour, whatever they ask for."""
_RETRYABLE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_HINTS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "; is the key right?",
    HTTPStatus.FORBIDDEN: "; may the key do this?",
    HTTPStatus.NOT_FOUND: "; is the address right?",
    HTTPStatus.METHOD_NOT_ALLOWED: "; is the address right?",
    HTTPStatus.GONE: "; is the address right?",
}


class Answer(NamedTuple):
    """What came back.

    Attributes
    ----------
    host
        Who answered, as messages name it.
    status
        Of HTTP.
    body
        At most `ANSWER_BYTES_MAX` of it.
    wait_ms
        How long the host asks to be left alone, at most `WAIT_MS_MAX`; None where it does not say.
    """

    host: str
    status: int
    body: bytes
    wait_ms: int | None

    @property
    def ok(self) -> bool:
        """Whether the request was taken."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def error(self, why: str = "") -> DeliveryError:
        """Return an error that names host and status, and what else there is to say."""
        hint = "; redirects are not followed" if self._redirects else _HINTS.get(self.status, "")
        said = f": {why}" if why else hint
        retryable = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in _RETRYABLE
        text = f"{self.host} answered {self.status}{said}"
        return DeliveryError(text, retryable=retryable, wait_ms=self.wait_ms)

    @property
    def _redirects(self) -> bool:
        return HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST


class Endpoint:
    """Sends requests to one address. TLS is verified as the machine's settings have it.

    Parameters
    ----------
    url : ``http://`` or ``https://``; the path of each request is put behind its path
    timeout_s : for connecting, and for each part of the answer

    Attributes
    ----------
    host : host and port, for messages

    Raises
    ------
    ValueError
        For an address that is none; the message does not hold it.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        try:
            at = urlsplit(url if url.isascii() and url.isprintable() and " " not in url else "")
            self._port = at.port
        except ValueError:
            at = urlsplit("")
        if at.scheme not in {"http", "https"} or not at.hostname:
            raise ValueError("must begin with http:// or https:// and name a host, all in ASCII")
        if at.username is not None or at.password is not None:
            raise ValueError("must hold no user and no password")
        self._name = at.hostname
        self._path, self._query = at.path, f"?{at.query}" if at.query else ""
        self._tls = ssl.create_default_context() if at.scheme == "https" else None
        self._timeout_s = timeout_s
        self.host = self._name if self._port is None else f"{self._name}:{self._port}"

    def post(self, body: bytes, headers: Mapping[str, str], path: str = "") -> Answer:
        """Send JSON, and return the answer of a host that took it.

        Raises
        ------
        DeliveryError
            For no answer, and for any other answer.
        """
        answer = self.ask("POST", body, headers, path)
        if not answer.ok:
            raise answer.error()
        return answer

    def ask(self, method: str, body: bytes, headers: Mapping[str, str], path: str = "") -> Answer:
        """Send JSON, and return whatever is answered.

        Parameters
        ----------
        method : of HTTP
        body : JSON
        headers : more than content type and user agent
        path : what to put behind the address, from ``/`` on; may have a query

        Raises
        ------
        DeliveryError
            When there is no answer; it is retryable.
        """
        known = {"Content-Type": "application/json", "User-Agent": "streamgauge"}
        connection = self._connection()
        try:
            connection.request(method, self._target(path), body, known | dict(headers))
            response = connection.getresponse()
            wait_ms = _wait_ms(response.getheader("Retry-After"))
            return Answer(self.host, response.status, response.read(ANSWER_BYTES_MAX), wait_ms)
        except OSError as error:
            why = f"{self.host} does not answer: {str(error) or type(error).__name__}"
            raise DeliveryError(why, retryable=True) from error
        except http.client.HTTPException as error:  # its text may be what the host sent
            why = f"{self.host} does not speak HTTP: {type(error).__name__}"
            raise DeliveryError(why, retryable=True) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._name, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(
            self._name, self._port, timeout=self._timeout_s, context=self._tls
        )

    def _target(self, path: str) -> str:
        if not path:
            return (self._path or "/") + self._query
        below, mark, query = path.partition("?")
        whole = f"{self._query}&{query}" if mark and self._query else f"{mark}{query}"
        return self._path.rstrip("/") + below + (whole or self._query)


def _wait_ms(header: str | None) -> int | None:
    """Read how long to wait: seconds, or a date."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        seconds = float(header[:9])
    else:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return int(1000 * min(max(seconds, 0.0), WAIT_MS_MAX / 1000))
