"""Reading to the end, where the broker does not let it."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from schemas.topics import Topic
from stream import topic_reader
from stream.kafka import KafkaUnavailableError
from stream.registry import Registry
from stream.settings import Settings, load_settings
from stream.topic_reader import read_to_end, read_topic


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Nobody listens at this port, and nobody else can take it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        yield load_settings(
            environment={"STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
        )


def record(partition: int, *, ends: bool = False) -> Any:
    error = SimpleNamespace(code=lambda: KafkaError._PARTITION_EOF) if ends else None
    return SimpleNamespace(
        topic=lambda: "ml.alerts", partition=lambda: partition, error=lambda: error
    )


def test_a_partition_that_says_nothing_is_given_up_though_another_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Half:
        """The first partition has come to its end, and has news all the time since."""

        polls = 0

        def assign(self, places: list[TopicPartition]) -> None:
            assert len(places) == 2

        def consume(self, _count: int, _wait_s: float) -> list[Any]:
            self.polls += 1
            assert self.polls < 100_000, "it is read without end"
            return [record(0), *([record(0, ends=True)] if self.polls == 1 else [])]

    monkeypatch.setattr(topic_reader, "SILENCE_S_MAX", 0.05)
    both: Any = [TopicPartition("ml.alerts", number) for number in range(2)]
    consumer: Any = Half()
    with pytest.raises(KafkaUnavailableError, match=r"ml\.alerts could not be read to the end"):
        list(read_to_end(settings, consumer, both))


def test_a_broker_that_is_not_there_is_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.topic_reader.ADMIN_TIMEOUT_S", 0.3)
    for read in (lambda: list(read_topic(settings, Topic.CONFIG)), Registry(settings).start):
        with pytest.raises(KafkaUnavailableError, match=r"Kafka at 127\.0\.0\.1:\d+ does not"):
            read()
