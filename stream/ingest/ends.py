"""Where the log ends: lets a log clock go on while nothing is appended.

That a consumer gets nothing does not show that there is nothing: it may be busy with another
partition, wait for the broker, or have stood still itself. So the broker is asked, in the
background.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # public, and not in __all__

from stream.kafka import client_settings
from stream.settings import Settings

Place = tuple[str, int]
"""Topic and partition."""
ASK_AGAIN_MS = 1_000
"""A tenth of the default idle timeout."""
_REQUEST_TIMEOUT_S = 10.0


class LogEnds:
    """Asks for the ends of partitions, one request at a time; nothing here waits."""

    def __init__(self, settings: Settings) -> None:
        self._admin = AdminClient(client_settings(settings))
        self._asked_ms = 0
        self._answers: dict[Place, Future[Any]] = {}

    def ask(self, partitions: Mapping[Place, int], now_ms: int) -> None:
        """Ask for the ends of these partitions, unless that was done just now."""
        if self._answers or not partitions or now_ms - self._asked_ms < ASK_AGAIN_MS:
            return
        self._asked_ms = now_ms
        # Records of a transaction that is still open have their append times already.
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        futures = self._admin.list_offsets(
            {TopicPartition(*place): latest for place in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_REQUEST_TIMEOUT_S,
        )
        self._answers = {(at.topic, at.partition): future for at, future in futures.items()}

    def unchanged(self, partitions: Mapping[Place, int]) -> tuple[int, list[Place]]:
        """Return when the ends were asked for, and the partitions whose end was the given one."""
        if not all(future.done() for future in self._answers.values()):
            return 0, []
        answers, self._answers = self._answers, {}
        same = [
            partition
            for partition, future in answers.items()
            if future.exception() is None and future.result().offset == partitions.get(partition)
        ]
        return self._asked_ms, same
