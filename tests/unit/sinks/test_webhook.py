import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from schemas.alerts import AlertEvent, Severity, Status, encode_alert
from sinks.channel import DeliveryError
from sinks.webhook import TRIES, WebhookChannel

ALERT = AlertEvent(
    id="a" * 64,
    fingerprint="f" * 64,
    status=Status.FIRING,
    severity=Severity.ERROR,
    rule="error-rate",
    labels={"model_name": "crédit"},
    summary="error rate of crédit is 12 %",
    starts_at=1_790_002_800_000,
)


class Receiver(HTTPServer):
    """Answers with the statuses it was given, then 200; keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?team=ml"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append((self.path, dict(self.headers.items()), body))
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_event_is_posted_signed_and_with_its_id(receiver: Receiver) -> None:
    WebhookChannel(receiver.url, "secret").send(ALERT)
    ((path, headers, body),) = receiver.got
    assert path == "/hook?team=ml"
    assert msgspec.json.decode(body, type=AlertEvent) == ALERT
    assert body == encode_alert(ALERT)
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == ALERT.id
    expected = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Streamgauge-Signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    WebhookChannel(receiver.url).send(ALERT)
    assert "X-Streamgauge-Signature" not in receiver.got[0][1]


def test_a_short_trouble_is_tried_again_with_the_same_key(receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    WebhookChannel(receiver.url, "secret", wait_s=0.01).send(ALERT)
    assert len(receiver.got) == 3
    assert len({(headers["Idempotency-Key"], body) for _, headers, body in receiver.got}) == 1


@pytest.mark.parametrize(
    ("status", "tries", "retryable"),
    [(500, TRIES, True), (429, TRIES, True), (400, 1, False), (401, 1, False), (302, 1, False)],
)
def test_what_is_refused_says_whether_to_come_back(
    receiver: Receiver, status: int, tries: int, retryable: bool
) -> None:
    receiver.statuses = [status] * 10
    with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
        WebhookChannel(receiver.url, wait_s=0.01).send(ALERT)
    assert caught.value.retryable is retryable
    assert len(receiver.got) == tries


def test_nobody_there_is_worth_another_try(receiver: Receiver) -> None:
    url = receiver.url
    receiver.server_close()
    with pytest.raises(DeliveryError, match="does not answer") as caught:
        WebhookChannel(url, wait_s=0.01).send(ALERT)
    assert caught.value.retryable


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1:9000", "http://", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        WebhookChannel(url)
