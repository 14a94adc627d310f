"""Stand-ins for the places that notifications go to: what they share, and a receiver of webhooks.

Each speaks its provider's protocol over HTTP on loopback, checks requests against the rules that
the provider publishes, refuses what breaks one, and deduplicates as the provider does. The others
are `receivers_alertmanager`, `receivers_opsgenie`, `receivers_pagerduty`, `receivers_slack` and
`receivers_smtp`.
"""

import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import jsonschema
import msgspec

from schemas.alerts import AlertEvent

BODY_BYTES_MAX = 10_000_000


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes

    def json(self) -> Any:
        if self.headers.get_content_type() != "application/json":
            raise Wrong(415, f"the content type is {self.headers['Content-Type']}")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Wrong(400, f"no JSON: {error}") from error


@dataclass
class Reply:
    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """A request that breaks a rule."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def check(schema: Mapping[str, Any], value: Any, status: int = 400) -> None:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        raise Wrong(status, f"{error.json_path}: {error.message[:300]}")


class Receiver(ThreadingHTTPServer):
    """A server on a free port of loopback.

    Attributes
    ----------
    down : while true, every request is answered with `down_status`
    down_status : 500 unless set
    retry_after : header of answers while down; None sends none
    tries : how many requests came, those while down included
    refused : why requests were refused
    """

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http" if tls is None else "https"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.down = False
        self.down_status = 500
        self.retry_after: str | None = None
        self.tries = 0
        self.refused: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def answer(self, request: Request) -> Reply:
        """What a server that is up answers; raises `Wrong`."""
        raise NotImplementedError

    def refusal(self, wrong: Wrong) -> Reply:
        """How the provider says so."""
        return Reply(wrong.status, {"message": str(wrong)})

    def reply_to(self, request: Request) -> Reply:
        with self.lock:
            self.tries += 1
            if self.down:
                headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
                return Reply(self.down_status, b"", headers)
            try:
                return self.answer(request)
            except Wrong as wrong:
                self.refused.append(str(wrong))
                return self.refusal(wrong)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        at = urlsplit(self.path)
        length = int(self.headers["Content-Length"] or 0)
        assert length <= BODY_BYTES_MAX
        query = {name: values[-1] for name, values in parse_qs(at.query).items()}
        body = self.rfile.read(length)
        assert self.command is not None
        reply = receiver.reply_to(Request(self.command, at.path, query, self.headers, body))
        raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_PUT = do_GET = _answer

    def log_message(self, *_: object) -> None:
        pass


R = TypeVar("R", bound=Receiver)


@contextmanager
def receiving(receiver: R) -> Iterator[R]:
    """Run a receiver."""
    with receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


class WebhookReceiver(Receiver):
    """Takes alert events at any path, as our webhooks send them.

    Parameters
    ----------
    secret : of the signature; None takes none

    Attributes
    ----------
    got : key and events of every request that was taken, repeats of a key included
    paths : of these
    events : each delivered once, by the keys
    bodies : by key
    """

    def __init__(self, secret: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.secret = secret
        self.got: list[tuple[str, tuple[AlertEvent, ...]]] = []
        self.paths: list[str] = []
        self.events: list[AlertEvent] = []
        self.bodies: dict[str, bytes] = {}

    def answer(self, request: Request) -> Reply:
        self._check_signature(request)
        key = request.headers["Idempotency-Key"]
        if not key:
            raise Wrong(400, "no Idempotency-Key")
        if self.bodies.setdefault(key, request.body) != request.body:
            raise Wrong(422, "a key stands for one body")
        value = request.json()
        try:
            if "alerts" in value:
                check({"properties": {"alerts": {"type": "array"}}, "maxProperties": 1}, value)
                events = msgspec.convert(value["alerts"], tuple[AlertEvent, ...])
            else:
                events = (msgspec.convert(value, AlertEvent),)
        except msgspec.ValidationError as error:
            raise Wrong(400, str(error)) from error
        if key not in {known for known, _ in self.got}:
            self.events.extend(events)
        self.got.append((key, events))
        self.paths.append(request.path)
        return Reply(200)

    def _check_signature(self, request: Request) -> None:
        given = request.headers["X-Streamgauge-Signature"]
        if self.secret is None:
            if given is not None:
                raise Wrong(400, "signed, with no secret agreed")
            return
        digest = hmac.new(self.secret.encode(), request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given or "", f"sha256={digest}"):
            raise Wrong(401, "the signature is wrong")
