"""The AsyncAPI 3.0 document: topics, what goes in and what comes out, seen from Streamgauge."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from schemas.baselines import BASELINE_HEADERS
from schemas.json_schemas import SCHEMAS, json_schema
from schemas.metrics import REPORT_HEADERS
from schemas.topics import (
    CONFIG_HEADERS,
    NAMESPACE_DEFAULT,
    PARTITIONS_DEFAULT,
    TOPICS,
    Topic,
    TopicSpec,
    topic_settings,
)

__all__ = ["CONTENT_TYPES", "asyncapi_document"]

CONTENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "application/json": "one event, or a JSON array of events; also when the header is absent",
        "application/x-ndjson": "one event a line",
        "application/vnd.apache.arrow.stream": "an Arrow IPC stream; one column a field, "
        "`features` a struct column",
        "application/cloudevents+json": "a structured-mode CloudEvent whose `data` is the event",
    }
)
"""What events may be sent as; binary-mode CloudEvents (``ce_*`` headers) go with any."""

_MESSAGES = {
    Topic.PREDICTIONS: ("prediction",),
    Topic.LABELS: ("label",),
    Topic.MEASUREMENTS: ("measurement",),
    Topic.CONFIG: ("model", "rule", "silence", "activation"),
    Topic.BASELINES: ("baseline",),
    Topic.METRICS: ("report",),
    Topic.ALERTS: ("alert",),
    Topic.REJECTED: ("rejected",),
    Topic.PANES: (),
}
_EVENTS = (Topic.PREDICTIONS, Topic.LABELS, Topic.MEASUREMENTS)
_HEADERS = {
    Topic.CONFIG: CONFIG_HEADERS,
    Topic.BASELINES: BASELINE_HEADERS,
    Topic.METRICS: REPORT_HEADERS,
}
# Seen from Streamgauge as a whole; both planes read what they themselves publish.
_RECEIVED = (*_EVENTS, Topic.CONFIG, Topic.BASELINES)
_SENT = (Topic.CONFIG, Topic.BASELINES, Topic.METRICS, Topic.ALERTS, Topic.REJECTED)


def asyncapi_document() -> dict[str, Any]:
    """Return the document, in a fixed order, ready to be written."""
    messages = {name: _message(topic, name) for topic, names in _MESSAGES.items() for name in names}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Streamgauge",
            "version": "1.0.0",
            "description": "A streaming monitor for machine-learning models in production. "
            "Described in words in docs/contract.md.",
        },
        "defaultContentType": "application/json",
        "channels": {str(topic): _channel(spec) for topic, spec in TOPICS.items()},
        "operations": {
            f"{action}-{topic}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic}"},
                "messages": [
                    {"$ref": f"#/channels/{topic}/messages/{name}"} for name in _MESSAGES[topic]
                ],
            }
            for action, topics in (("receive", _RECEIVED), ("send", _SENT))
            for topic in topics
        },
        "components": {"messages": messages},
    }


def _channel(spec: TopicSpec) -> dict[str, Any]:
    settings: dict[str, Any] = topic_settings(spec)
    settings["cleanup.policy"] = spec.cleanup.split(",")
    for name in ("retention.ms", "min.compaction.lag.ms"):
        if name in settings:
            settings[name] = int(settings[name])
    return {
        "address": f"{{namespace}}.{spec.topic}",
        "title": spec.value,
        "description": f"Key: {spec.key}.",
        "parameters": {
            "namespace": {
                "default": NAMESPACE_DEFAULT,
                "description": "Two namespaces share a Kafka without seeing each other.",
            }
        },
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _MESSAGES[spec.topic]
        },
        "bindings": {
            "kafka": {
                "partitions": PARTITIONS_DEFAULT,
                "topicConfiguration": settings,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(topic: Topic, name: str) -> dict[str, Any]:
    if topic is Topic.REJECTED:
        return {
            "name": name,
            "title": "A rejected event: its own bytes, unchanged",
            "contentType": "application/octet-stream",
            "headers": {"$ref": "./json/rejected-headers.json"},
        }
    reference: dict[str, Any] = {"$ref": f"./json/{name}.json"}
    message: dict[str, Any] = {
        "name": SCHEMAS[name].__name__,
        "title": json_schema(name)["description"],
        "contentType": "application/json",
    }
    if topic in _HEADERS:
        headers = {header: {"type": "string"} for header in _HEADERS[topic]}
        message["headers"] = {"type": "object", "properties": headers}
    if topic in _EVENTS:
        kinds = "; ".join(f"{kind}: {text}" for kind, text in CONTENT_TYPES.items())
        message["description"] = f"By the header content-type: {kinds}."
        reference = {"oneOf": [reference, {"type": "array", "items": reference}]}
    return message | {"payload": reference}
