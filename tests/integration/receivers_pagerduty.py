"""PagerDuty's Events API v2: rules from "Send an Alert Event" and "Events API v2 Overview"."""

from dataclasses import dataclass, field
from typing import Any

from receivers import Receiver, Reply, Request, Wrong, check

SIZE_MAX = 512_000
_LINK = {
    "type": "object",
    "properties": {"href": {"type": "string", "pattern": "^https?://"}, "text": {"type": "string"}},
    "required": ["href"],
    "additionalProperties": False,
}
_IMAGE = {
    "type": "object",
    "properties": {
        "src": {"type": "string", "pattern": "^https://"},
        "href": {"type": "string"},
        "alt": {"type": "string"},
    },
    "required": ["src"],
    "additionalProperties": False,
}
_PAYLOAD = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
        "source": {"type": "string", "minLength": 1},
        "severity": {"enum": ["critical", "error", "warning", "info"]},
        "timestamp": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$",
        },
        "component": {"type": "string"},
        "group": {"type": "string"},
        "class": {"type": "string"},
        "custom_details": {"type": "object"},
    },
    "required": ["summary", "source", "severity"],
    "additionalProperties": False,
}
EVENT = {
    "type": "object",
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "payload": _PAYLOAD,
        "images": {"type": "array", "items": _IMAGE},
        "links": {"type": "array", "items": _LINK},
        "client": {"type": "string"},
        "client_url": {"type": "string"},
    },
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}


@dataclass
class Incident:
    key: str
    triggers: list[dict[str, Any]] = field(default_factory=list)
    resolved: bool = False

    @property
    def summary(self) -> str:
        return str(self.triggers[-1]["payload"]["summary"])

    @property
    def severity(self) -> str:
        return str(self.triggers[-1]["payload"]["severity"])


class PagerDuty(Receiver):
    """Takes events for one routing key.

    Attributes
    ----------
    incidents : in the order in which they were opened; a resolved one is not opened again
    events : every event that was taken
    dropped : resolves of nothing that is open, which PagerDuty takes and drops
    """

    def __init__(self, routing_key: str = "r" * 32) -> None:
        super().__init__()
        self.routing_key = routing_key
        self.incidents: list[Incident] = []
        self.events: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []

    @property
    def open(self) -> list[Incident]:
        return [incident for incident in self.incidents if not incident.resolved]

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            raise Wrong(404, f"nothing at {request.method} {request.path}")
        if len(request.body) > SIZE_MAX:
            raise Wrong(413, "larger than 512 KB")
        event = request.json()
        check(EVENT, event)
        if event["routing_key"] != self.routing_key:
            raise Wrong(400, "the routing key is of no integration")
        self.events.append(event)
        key = event.get("dedup_key") or f"made-{len(self.events)}"
        self._apply(key, event)
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _apply(self, key: str, event: dict[str, Any]) -> None:
        found = next((incident for incident in self.open if incident.key == key), None)
        if event["event_action"] == "trigger":
            if found is None:
                found = Incident(key)
                self.incidents.append(found)
            found.triggers.append(event)
        elif found is None:
            self.dropped.append(event)
        elif event["event_action"] == "resolve":
            found.resolved = True

    def refusal(self, wrong: Wrong) -> Reply:
        body = {"status": "invalid event", "message": "Event is invalid", "errors": [str(wrong)]}
        return Reply(wrong.status, body)
