"""A real Alertmanager on loopback, and the receiver that it tells by webhook."""

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from programs import until

PROGRAM = Path(__file__).parents[2] / "build" / "alertmanager" / "alertmanager"
STOP_TIMEOUT_S = 20.0
_ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Alertmanager:
    """One that runs."""

    url: str

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds for firing."""
        found: list[dict[str, Any]] = json.loads(_get(f"{self.url}/api/v2/alerts"))
        return found


class Receiver(ThreadingHTTPServer):
    """Keeps the messages that Alertmanager sent, each with its ``alerts`` and their ``status``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/from-alertmanager"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.02)
        try:
            yield server
        finally:
            server.shutdown()


@contextmanager
def alertmanager(
    folder: Path, receiver_url: str, *, resolve_timeout: str = "5m", **route: Any
) -> Iterator[Alertmanager]:
    """Run one that keeps its files in ``folder`` and tells ``receiver_url`` at once.

    ``route`` is added to its route, such as ``group_by=["..."]`` for a message per alert;
    ``resolve_timeout`` is how long an alert fires that was sent without an end, and not again.
    """
    assert PROGRAM.exists(), f"no Alertmanager at {PROGRAM}: run `make test` once, which builds it"
    address = f"127.0.0.1:{_free_port()}"
    config = folder / "alertmanager.yml"
    config.write_text(_config(receiver_url, resolve_timeout, route), "utf-8")
    log = folder / "alertmanager.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",  # it gossips with nobody
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: _ended(process) or _ready(f"http://{address}"), "Alertmanager is ready")
        assert process.poll() is None, "Alertmanager ended while it started"
        yield Alertmanager(f"http://{address}")
    except BaseException:
        print(f"--- {log.name}\n{log.read_text('utf-8', 'replace')}")
        raise
    finally:
        _end(process)


def _config(receiver_url: str, resolve_timeout: str, route: dict[str, Any]) -> str:
    """Its configuration: YAML, which JSON is too."""
    quick = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "4h"}
    hook = {"url": receiver_url, "send_resolved": True}
    return json.dumps(
        {
            "global": {"resolve_timeout": resolve_timeout},
            "route": {"receiver": "hook"} | quick | route,
            "receivers": [{"name": "hook", "webhook_configs": [hook]}],
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_ANSWER_TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


def _ready(url: str) -> bool:
    try:
        return bool(_get(f"{url}/-/ready"))
    except OSError:
        return False


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
