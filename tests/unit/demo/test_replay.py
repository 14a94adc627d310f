"""The replay: everything once, predictions and labels in the order of event time."""

import json
from typing import Any

import pytest

from stream.demo import replay as module
from stream.demo.replay import Replay, VisibleLatency
from stream.settings import Settings

WAIT_S = 30.0


class Producer:
    """Keeps what it is given; ``left`` records never reach a broker."""

    def __init__(self, left: int) -> None:
        self.sent: list[tuple[str, bytes, str]] = []
        self._left = left

    def produce(self, topic: str, value: bytes, key: str) -> None:
        self.sent.append((topic, value, key))

    def poll(self, _timeout_s: float) -> int:
        return 0

    def flush(self, _timeout_s: float) -> int:
        return self._left


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replay everything within a moment; returns the replay and the producer."""

    def replayed(left: int = 0) -> Any:
        producer = Producer(left)
        monkeypatch.setattr(module, "make_producer", lambda *_args, **_more: producer)
        replay = Replay(Settings(namespace="t"), seconds=0.01)
        replay.start()
        replay._thread.join(WAIT_S)
        assert not replay.is_running
        return replay, producer

    return replayed


def test_everything_is_sent_once_in_the_order_of_time(replayed: Any) -> None:
    replay, producer = replayed()
    assert replay.error is None
    assert replay.sent == replay.total == 8_232
    assert replay.labels_sent == 8_232 - 21 * 24
    sent = {(topic, key) for topic, _, key in producer.sent}
    assert len(sent) == len(producer.sent) == replay.sent + replay.labels_sent
    assert {topic for topic, _ in sent} == {"t.predictions", "t.labels"}
    times = [json.loads(value)["timestamp"] for _, value, _ in producer.sent]
    assert times == sorted(times)
    assert len(replay.sent_at) == replay.sent


def test_what_kafka_does_not_take_is_an_error(replayed: Any) -> None:
    replay, _ = replayed(left=3)
    assert "run it again" in str(replay.error)


def test_an_event_is_visible_once_the_watermark_has_passed_it() -> None:
    class Sent:
        sent_at = ((1_000, 10.0), (2_000, 11.0), (9_000, 12.0))

    latency = VisibleLatency(Sent(), disorder_ms=500, clock=lambda: 14.0)  # type: ignore[arg-type]
    latency.look(None)
    latency.look(400)
    assert latency.samples_s == []
    latency.look(1_500)
    latency.look(1_500)
    assert latency.samples_s == [3.0]
