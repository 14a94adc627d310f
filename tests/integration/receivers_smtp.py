"""A mail server: aiosmtpd, with STARTTLS or TLS and a login where asked, and rules of RFC 5322."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LINE_MAX = 998
"""Of RFC 5322, without the line's end."""


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes
    tls: bool
    user: str | None

    def part(self, kind: str) -> str:
        """The text of one part, `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content()).replace("\r\n", "\n")


class SmtpServer:
    """A server on a free port of loopback; see `mail_server`.

    Parameters
    ----------
    tls : `none`, `starttls` or `tls`
    certificate : files of certificate and key, for the last two
    login : user and password it wants; None wants none

    Attributes
    ----------
    host, port : where it is
    mails : what it took
    refuse : replies by recipient, such as ``550 no such user``
    down : while true, it answers 451 to every sender
    broken : what was wrong with a mail, which it took all the same
    """

    host = "127.0.0.1"

    def __init__(
        self,
        tls: str = "none",
        certificate: tuple[Path, Path] | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[Mail] = []
        self.refuse: dict[str, str] = {}
        self.down = False
        self.broken: list[str] = []
        self.port = 0
        self._tls, self._login = tls, login
        self._context = None
        if certificate is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(*certificate)

    def protocol(self) -> SMTP:
        return SMTP(
            self,
            hostname="mail.example.org",
            tls_context=self._context if self._tls == "starttls" else None,
            require_starttls=self._tls == "starttls",
            auth_require_tls=self._tls == "starttls",
            authenticator=self._authenticate,
        )

    @property
    def context(self) -> ssl.SSLContext | None:
        return self._context if self._tls == "tls" else None

    def _authenticate(
        self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword) or self._login is None:
            return AuthResult(success=False, handled=False)
        user, password = data.login.decode(), data.password.decode()
        return AuthResult(success=(user, password) == self._login, handled=False, auth_data=user)

    async def handle_MAIL(
        self, _server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.down:
            return "451 4.3.0 try again later"
        if self._login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Any, envelope: Any) -> str:
        raw = bytes(envelope.content)
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        self.broken += broken_rules(raw, message)
        tls = session.ssl is not None or self._tls == "tls"
        self.mails.append(
            Mail(envelope.mail_from, envelope.rcpt_tos, message, raw, tls, session.auth_data)
        )
        return "250 OK"


def broken_rules(raw: bytes, message: EmailMessage) -> list[str]:
    """What RFC 5322 has against a mail."""
    broken = []
    head = raw.partition(b"\r\n\r\n")[0]
    for name in ("Date", "From"):
        if len(message.get_all(name, [])) != 1:
            broken.append(f"not one {name}")
    for name in ("Subject", "Message-ID", "To", "In-Reply-To", "References"):
        if len(message.get_all(name, [])) > 1:
            broken.append(f"more than one {name}")
    if any(len(line) > LINE_MAX for line in raw.split(b"\r\n")):
        broken.append("a line is too long")
    if not head.isascii():
        broken.append("a header is not ASCII")
    if b"\n" in raw.replace(b"\r\n", b"") or b"\r" in raw.replace(b"\r\n", b""):
        broken.append("a bare line feed or carriage return")
    broken += [
        f"{part.get_content_type()}: {part.defects}" for part in message.walk() if part.defects
    ]
    return broken


@contextmanager
def mail_server(server: SmtpServer) -> Iterator[SmtpServer]:
    """Run a server."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def start() -> asyncio.AbstractServer:
        made = await loop.create_server(server.protocol, server.host, 0, ssl=server.context)
        server.port = made.sockets[0].getsockname()[1]
        return made

    def run() -> None:
        asyncio.set_event_loop(loop)
        listening = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        listening.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that signs itself: files of certificate and key."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "install openssl: the tests make a certificate with it"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
