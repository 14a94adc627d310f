"""Notices on ``ml.panes``: which model versions changed, so that agents look at them."""

import contextlib
from collections.abc import Iterable

import msgspec
from confluent_kafka import Producer

from stream.state.keys import VersionId

REPEAT_MS = 10_000
SPACING_MS = 1_000


class Notices:
    """Tells of each changed version at most once a second, and again every ten.

    Parameters
    ----------
    producer : shared with others
    topic : of the notices
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._noticed: dict[VersionId, int] = {}
        self._due: dict[VersionId, None] = {}

    def add(self, versions: Iterable[VersionId]) -> None:
        """Remember that versions changed."""
        self._due |= dict.fromkeys(versions)

    def send(self, now_ms: int) -> None:
        """Send what is due."""
        for version, noticed_ms in self._noticed.items():
            if now_ms - noticed_ms >= REPEAT_MS:
                self._due[version] = None
        for version in list(self._due):
            if now_ms - self._noticed.get(version, 0) < SPACING_MS:
                continue
            del self._due[version]
            self._noticed[version] = now_ms
            notice = msgspec.json.encode({"model": version.model, "version": version.version})
            with contextlib.suppress(BufferError):  # a hint; it is repeated
                self._producer.produce(self._topic, notice, key=version.model.encode())
        self._producer.poll(0)
