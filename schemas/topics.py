"""Kafka topics: their names, keys and settings."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

__all__ = [
    "CONFIG_HEADERS",
    "MESSAGE_BYTES_MAX",
    "NAMESPACE_DEFAULT",
    "PARTITIONS_DEFAULT",
    "TOPICS",
    "Topic",
    "TopicSpec",
    "check_namespace",
    "topic_name",
    "topic_settings",
]

NAMESPACE_DEFAULT = "ml"
PARTITIONS_DEFAULT = 4

CONFIG_HEADERS = ("who", "when")
"""Headers of a configuration record: the audit trail."""

MESSAGE_BYTES_MAX = 16_000_000
"""A baseline takes about 7 KB a feature, and models have up to 1,000 of them."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
# Room for the longest topic, `.measurements`, below Kafka's 249 characters.
_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Topic(StrEnum):
    """The topics, by what follows the namespace."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
    MEASUREMENTS = "measurements"
    CONFIG = "config"
    BASELINES = "baselines"
    METRICS = "metrics"
    ALERTS = "alerts"
    REJECTED = "rejected"
    PANES = "panes"


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a missing topic is created; existing ones are used as they are.

    Attributes
    ----------
    topic
        Which one.
    key
        What its records' keys are.
    value
        What its records hold.
    cleanup
        Kafka's `cleanup.policy`.
    retention_ms
        How long records are kept; None where only compaction removes them.
    min_compaction_lag_ms
        How long every record is kept before compaction; None for the broker's default.
    message_bytes_max
        Largest record; None for the broker's default of 1 MB.
    """

    topic: Topic
    key: str
    value: str
    cleanup: str
    retention_ms: int | None = None
    min_compaction_lag_ms: int | None = None
    message_bytes_max: int | None = None


TOPICS: Mapping[Topic, TopicSpec] = {
    spec.topic: spec
    for spec in (
        TopicSpec(
            topic=Topic.PREDICTIONS,
            key="request_id (recommended; any or none works)",
            value="prediction events",
            cleanup="delete",
            retention_ms=7 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.LABELS,
            key="request_id (recommended)",
            value="label events",
            cleanup="delete",
            retention_ms=7 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.MEASUREMENTS,
            key="any",
            value="measurement events: hosts, GPUs, dependencies, business KPIs",
            cleanup="delete",
            retention_ms=7 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.CONFIG,
            key="model/<name>/<version>, rule/<name>, silence/<id>, "
            "activation/<name>/<version>/<effective_from>",
            value="configuration records; headers who, when",
            cleanup="compact",
            min_compaction_lag_ms=90 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.BASELINES,
            key="baseline id (SHA-256 of its content)",
            value="a baseline, immutable; its layout is schemas/' own",
            cleanup="compact",
            message_bytes_max=MESSAGE_BYTES_MAX,
        ),
        TopicSpec(
            topic=Topic.METRICS,
            key="model_name",
            value="window reports",
            cleanup="delete",
            message_bytes_max=MESSAGE_BYTES_MAX,
            retention_ms=30 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.ALERTS,
            key="alert fingerprint",
            value="alert events",
            cleanup="compact,delete",
            retention_ms=30 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.REJECTED,
            key="the original key",
            value="the original bytes; the reason in headers",
            cleanup="delete",
            retention_ms=7 * _DAY_MS,
        ),
        TopicSpec(
            topic=Topic.PANES,
            key="model_name",
            value="notices between the planes; no promise to users",
            cleanup="delete",
            retention_ms=_HOUR_MS,
        ),
    )
}
"""Every topic, in the contract's order."""


def check_namespace(namespace: str) -> str:
    """Return the namespace if topics and keys can be named under it.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if _NAMESPACE.fullmatch(namespace) is None:
        raise ValueError(f"namespace {namespace!r}: use 1 to 128 of A-Z a-z 0-9 . _ -")
    return namespace


def topic_name(namespace: str, topic: Topic) -> str:
    """Return a topic's full name.

    Examples
    --------
    >>> topic_name("ml", Topic.PREDICTIONS)
    'ml.predictions'
    """
    return f"{namespace}.{topic}"


def topic_settings(spec: TopicSpec) -> dict[str, str]:
    """Return the Kafka settings with which a topic is created.

    Record timestamps are always the broker's: the event has its own, and skew, idleness and
    staleness are judged by the append time.
    """
    settings = {
        "cleanup.policy": spec.cleanup,
        "message.timestamp.type": "LogAppendTime",
    }
    if spec.retention_ms is not None:
        settings["retention.ms"] = str(spec.retention_ms)
    if spec.min_compaction_lag_ms is not None:
        settings["min.compaction.lag.ms"] = str(spec.min_compaction_lag_ms)
    if spec.message_bytes_max is not None:
        settings["max.message.bytes"] = str(spec.message_bytes_max)
    return settings
