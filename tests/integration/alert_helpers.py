"""Hand-made reports, the topic of alerts, and a receiver of webhooks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from confluent_kafka import Producer

from schemas.alerts import AlertEvent
from schemas.metrics import Window, WindowReport, encode_report, with_report_id
from schemas.topics import Topic, topic_name
from stream.settings import Settings
from stream.topic_reader import read_topic

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
T0 = 1_790_002_800_000


def make_report(minute: int = 0, window: str = "5m", **fields: Any) -> WindowReport:
    size_ms = {"5m": 5, "1h": 60}[window] * MINUTE_MS
    end = T0 + minute * MINUTE_MS
    report = WindowReport(
        id="",
        model_name="credit",
        model_version="3",
        segment=None,
        window=Window(
            name=window, size_ms=size_ms, start=end - size_ms, end=end, tumbling=end % size_ms == 0
        ),
        revision=100,
        complete=True,
        exact=True,
        count=100,
        sampled_count=100,
        label_count=0,
        baseline=None,
        config_id=None,
        metrics={},
        features={},
    )
    return with_report_id(msgspec.structs.replace(report, **fields))


def errors(minute: int, rate: float, **fields: Any) -> WindowReport:
    return make_report(minute, metrics={"error_rate": rate}, **fields)


def send_reports(settings: Settings, *reports: WindowReport) -> None:
    assert settings.bootstrap_servers is not None
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for report in reports:
        topic = topic_name(settings.namespace, Topic.METRICS)
        producer.produce(topic, encode_report(report), report.model_name)
    assert producer.flush(30) == 0


def alerts_on_topic(settings: Settings) -> list[bytes]:
    """Every record of the topic of alerts, as it is."""
    return [bytes(message.value() or b"") for message in read_topic(settings, Topic.ALERTS)]


def by_id(records: list[bytes]) -> dict[str, AlertEvent]:
    """Events by id; the same id must have the same content."""
    found: dict[str, bytes] = {}
    for record in records:
        event = msgspec.json.decode(record, type=AlertEvent)
        assert found.setdefault(event.id, record) == record
    return {of: msgspec.json.decode(record, type=AlertEvent) for of, record in found.items()}


class Hook(ThreadingHTTPServer):
    """Keeps the keys and bodies it got; answers 500 while it is down."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.down = False
        self.got: list[tuple[str, AlertEvent]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hook = self.server
        assert isinstance(hook, Hook)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hook.down:
            alert = msgspec.json.decode(body, type=AlertEvent)
            hook.got.append((self.headers["Idempotency-Key"], alert))
        self.send_response(500 if hook.down else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def webhook() -> Iterator[Hook]:
    with Hook() as hook:
        thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hook
        finally:
            hook.shutdown()
            thread.join()
