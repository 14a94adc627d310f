"""One request, one bounded answer, and errors that tell no secret."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from receivers import Receiver, Reply, Request, receiving

from sinks.channel import DeliveryError
from sinks.endpoint import ANSWER_BYTES_MAX, WAIT_MS_MAX, Answer, Endpoint


class Echo(Receiver):
    """Answers as it is told, and keeps requests."""

    def __init__(self) -> None:
        super().__init__()
        self.reply = Reply(200, b"fine")
        self.got: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.got.append(request)
        return self.reply


@pytest.fixture
def echo() -> Iterator[Echo]:
    with receiving(Echo()) as running:
        yield running


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """Answer one connection with these bytes, and hang up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                request = b""
                while not request.endswith(b"\r\n\r\n{}"):  # what is left unread resets it
                    request += connection.recv(65_536)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret-path"
        thread.join()


@pytest.mark.parametrize(
    ("base", "path", "whole"),
    [
        ("", "", "/"),
        ("/", "", "/"),
        ("/hook?team=ml", "", "/hook?team=ml"),
        ("", "/v2/alerts", "/v2/alerts"),
        ("/ops/", "/v2/alerts", "/ops/v2/alerts"),
        ("/ops?a=b", "/x?by=alias", "/ops/x?a=b&by=alias"),
        ("/ops?a=b", "/x", "/ops/x?a=b"),
        ("/ops", "/x?by=alias", "/ops/x?by=alias"),
    ],
)
def test_paths_are_put_together(echo: Echo, base: str, path: str, whole: str) -> None:
    Endpoint(echo.url + base).post(b"{}", {"X": "y"}, path)
    (got,) = echo.got
    query = "&".join(f"{name}={value}" for name, value in got.query.items())
    assert f"{got.path}?{query}".rstrip("?") == whole
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["User-Agent"] == "streamgauge"
    assert got.headers["X"] == "y"


@pytest.mark.parametrize(
    ("status", "retryable", "hint"),
    [
        (500, True, ""),
        (503, True, ""),
        (429, True, ""),
        (408, True, ""),
        (400, False, ""),
        (401, False, "is the key right"),
        (404, False, "is the address right"),
        (302, False, "redirects are not followed"),
        (301, False, "redirects are not followed"),
    ],
)
def test_a_status_says_whether_to_come_back(
    echo: Echo, status: int, retryable: bool, hint: str
) -> None:
    echo.reply = Reply(status, b"the body", {"Location": f"{echo.url}/elsewhere"})
    with pytest.raises(DeliveryError, match=rf":\d+ answered {status}") as caught:
        Endpoint(f"{echo.url}/secret?key=secret").post(b"{}", {})
    assert caught.value.retryable is retryable
    assert hint in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(echo.got) == 1


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("2", 2_000),
        ("0", 0),
        ("999999999999999", WAIT_MS_MAX),
        ("-1", None),
        ("soon", None),
        ("", None),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True), 0),
        (None, None),
    ],
)
def test_it_is_told_how_long_to_wait(echo: Echo, header: str | None, wait_ms: int | None) -> None:
    echo.reply = Reply(429, b"", {} if header is None else {"Retry-After": header})
    with pytest.raises(DeliveryError) as caught:
        Endpoint(echo.url).post(b"{}", {})
    assert caught.value.wait_ms == wait_ms


def test_a_date_is_a_time_to_wait_as_well(echo: Echo) -> None:
    at = datetime.now(UTC) + timedelta(seconds=90)
    echo.reply = Reply(503, b"", {"Retry-After": format_datetime(at, usegmt=True)})
    with pytest.raises(DeliveryError) as caught:
        Endpoint(echo.url).post(b"{}", {})
    assert caught.value.wait_ms is not None
    assert 30_000 < caught.value.wait_ms <= 90_000


def test_answers_are_bounded(echo: Echo) -> None:
    echo.reply = Reply(200, b"x" * (3 * ANSWER_BYTES_MAX))
    answer = Endpoint(echo.url).post(b"{}", {})
    assert answer == Answer(answer.host, 200, b"x" * ANSWER_BYTES_MAX, None)


def test_nobody_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeliveryError, match=rf"127.0.0.1:{port} does not answer: ") as caught:
        Endpoint(f"http://127.0.0.1:{port}/secret").post(b"{}", {})
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"secret-path is no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_what_speaks_no_http_is_not_quoted(raw: bytes) -> None:
    with answering(raw) as url:
        if raw.startswith(b"HTTP"):
            assert Endpoint(url).post(b"{}", {}).status == 200
            return
        with pytest.raises(DeliveryError, match=r"does not (speak HTTP|answer)") as caught:
            Endpoint(url).post(b"{}", {})
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


def test_who_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(DeliveryError, match="timed out") as caught:
            Endpoint(url, timeout_s=0.05).post(b"{}", {})
    assert caught.value.retryable


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/secret",
        "127.0.0.1:9000/secret",
        "http://",
        "http://:80/secret",
        "",
        "http://host:secret/x",
        "http://host:99999999/secret",
        "http://[secret/x",
        "https://host/secret with spaces",
        "https://host/secret\r\nX: y",
        "https://host/sécret",
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with http") as caught:
        Endpoint(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:secret@host/x", "https://secret@host"])
def test_passwords_are_settings_of_their_own(url: str) -> None:
    with pytest.raises(ValueError, match="no user and no password") as caught:
        Endpoint(url)
    assert "secret" not in str(caught.value)


def test_an_ipv6_address_is_one() -> None:
    assert Endpoint("http://[::1]:9093").host == "::1:9093"
