"""Alerts by e-mail: plain text and HTML, one thread for each conversation.

References
----------
.. [1] RFC 5321, Simple Mail Transfer Protocol: replies 4yz may be repeated, 5yz not.
.. [2] RFC 3207, STARTTLS; RFC 8314, implicit TLS.
"""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum

import structlog

from schemas.notifications import Notification
from sinks.channel import DeliveryError
from sinks.email_message import message_of
from sinks.endpoint import TIMEOUT_S
from sinks.taken import Taken

__all__ = ["EmailChannel", "Tls"]

_TEMPORARY = range(400, 500)
_HINTS: Mapping[int, str] = {
    530: "; does it want a `username` and a password?",
    534: "; is the password right?",
    535: "; is the password right?",
    550: "; may this sender write to these recipients?",
    553: "; may this sender write to these recipients?",
}

log = structlog.get_logger("alerts")


class Tls(StrEnum):
    """How the connection is encrypted. Where a server can't, nothing is sent."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class EmailChannel:
    """Sends mail by one SMTP server.

    A repeat after a crash has the same Message-ID. Recipients that are refused for now are tried
    again without the others; those refused for good are logged, as long as somebody got it.

    Parameters
    ----------
    host, port : of the server
    sender : who it is from
    recipients : at least one
    tls : how the connection is encrypted
    ca_file : certificates to trust, PEM; None trusts those of the machine
    login : user name and password; None doesn't log in
    timeout_s : for connecting, and for each reply

    Raises
    ------
    OSError
        When the certificates can't be read.
    """

    every_event = False
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(
        self,
        host: str,
        port: int,
        sender: Address,
        recipients: Sequence[Address],
        *,
        tls: Tls = Tls.STARTTLS,
        ca_file: str | None = None,
        login: tuple[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._host, self._port = host, port
        self._sender, self._recipients = sender, tuple(recipients)
        self._tls = tls
        self._context = None if tls is Tls.NONE else ssl.create_default_context(cafile=ca_file)
        self._login = login
        self._timeout_s = timeout_s
        self._taken = Taken()

    def send(self, notification: Notification) -> str:
        """Send one message, and return the Message-ID that later ones answer."""
        message = message_of(notification, self._sender, self._recipients)
        taken = self._taken.of(notification.id)
        left = [one.addr_spec for one in self._recipients if one.addr_spec not in taken]
        try:
            refused = self._send(message, left) if left else {}
        except smtplib.SMTPRecipientsRefused as error:  # nobody got it, asked or not
            unasked = 421, b""
            refused = {address: error.recipients.get(address, unasked) for address in left}
        except smtplib.SMTPException as error:
            raise _error(self._place, error) from None
        except OSError as error:
            why = f"{self._place} does not answer: {str(error) or type(error).__name__}"
            raise DeliveryError(why, retryable=True) from error
        taken.update(address for address in left if address not in refused)
        self._judge(refused, somebody=bool(taken))
        return notification.receipt or str(message["Message-ID"])

    @property
    def _place(self) -> str:
        return f"{self._host}:{self._port}"

    def _send(
        self, message: EmailMessage, recipients: Sequence[str]
    ) -> Mapping[str, tuple[int, bytes]]:
        """Return who was refused, where not all were."""
        server = self._connect()
        try:
            if self._tls is Tls.STARTTLS:
                server.starttls(context=self._context)
            if self._login is not None:
                server.login(*self._login)
            refused = server.send_message(message, self._sender.addr_spec, list(recipients))
            with suppress(smtplib.SMTPException):  # it has the mail already
                server.quit()
            return refused
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        # Its own name a client would look up, which may take long; the sender's domain is known.
        name, timeout_s = self._sender.domain, self._timeout_s
        if self._tls is Tls.TLS:
            return smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=timeout_s, context=self._context
            )
        return smtplib.SMTP(self._host, self._port, name, timeout=timeout_s)

    def _judge(self, refused: Mapping[str, tuple[int, bytes]], *, somebody: bool) -> None:
        if not refused:
            return
        codes = {address: code for address, (code, _) in refused.items()}
        later = any(code in _TEMPORARY for code in codes.values())
        if somebody:
            log.warning("recipients_refused", codes=codes, tried_again=later)
        if later or not somebody:
            listed = ", ".join(str(code) for code in sorted(set(codes.values())))
            hint = _HINTS.get(min(codes.values()), "")
            of = len(self._recipients)
            why = f"{self._place} refused {len(codes)} of {of} recipients: {listed}{hint}"
            raise DeliveryError(why, retryable=later)


def _error(place: str, error: smtplib.SMTPException) -> DeliveryError:
    """Say what the server refused, by code: its own words may hold anything."""
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        why = f"{place} answered {code}{_HINTS.get(code, '')}"
        return DeliveryError(why, retryable=code in _TEMPORARY or code < min(_TEMPORARY))
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return DeliveryError(f"{place} hung up", retryable=True)
    why = f"{place} has no STARTTLS, or no way to log in that is known here; is `tls` right?"
    return DeliveryError(why, retryable=False)
