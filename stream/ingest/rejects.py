"""Rejected and late events, published unchanged with the reason in headers."""

import hashlib
from collections.abc import Sequence

from confluent_kafka import KafkaException, Producer

from schemas.topics import Topic, topic_name
from stream.ingest.progress import Refused

REPUBLISHED_BYTES_MAX = 900_000
"""Below the 1 MB that a broker takes by default, headers included."""
KEY_BYTES_MAX = 100_000
"""A longer key is no id; its SHA-256 stands in for it, so that the record can be published."""
_FLUSH_S = 30.0


def publish_refused(producer: Producer, namespace: str, refused: Sequence[Refused]) -> None:
    """Publish events to ``<namespace>.rejected`` and wait until the broker has them.

    Raises
    ------
    KafkaException
        When the broker does not take one: the commit must not go on.
    """
    if not refused:
        return
    failed: list[KafkaException] = []

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failed.append(KafkaException(error))

    topic = topic_name(namespace, Topic.REJECTED)
    for event in refused:
        record = event.record
        value = event.value
        headers: list[tuple[str, str | bytes | None]] = [
            ("reason", event.rejected.reason.value),
            ("detail", event.rejected.detail[:1000]),
            ("topic", record.topic()),
            ("partition", str(record.partition())),
            ("offset", str(record.offset())),
            ("index", str(max(event.index, 0))),
        ]
        key = record.key()
        if key is not None and len(key) > KEY_BYTES_MAX:
            headers.append(("key_sha256", hashlib.sha256(key).hexdigest()))
            key = None
        if len(value) + len(key or b"") > REPUBLISHED_BYTES_MAX:
            headers.append(("sha256", hashlib.sha256(value).hexdigest()))
            value = b""
        while True:
            try:
                producer.produce(topic, value, key=key, headers=headers, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(_FLUSH_S) or failed:
        raise failed[0] if failed else KafkaException("rejected records could not be published")
