"""What is sent."""

from typing import NamedTuple


class Record(NamedTuple):
    """One Kafka record to send; ``event_ms`` is its event time where it has one."""

    event_ms: int | None
    key: bytes | None
    value: bytes
