"""Opsgenie's Alert API v2, and that of Jira Service Management: limits from their references."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from receivers import Receiver, Reply, Request, Wrong, check

_PRIORITY = {"enum": ["P1", "P2", "P3", "P4", "P5"]}
_TAIL = {
    "user": {"type": "string", "maxLength": 100},
    "source": {"type": "string", "maxLength": 100},
    "note": {"type": "string", "maxLength": 25_000},
}
_RESPONDERS = {"type": "array", "items": {"type": "object"}, "maxItems": 50}
CREATE = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "minLength": 1, "maxLength": 130},
        "alias": {"type": "string", "minLength": 1, "maxLength": 512},
        "description": {"type": "string", "maxLength": 15_000},
        "responders": _RESPONDERS,
        "visibleTo": _RESPONDERS,
        "actions": {"type": "array", "items": {"type": "string", "maxLength": 50}, "maxItems": 10},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 50}, "maxItems": 20},
        "details": {"type": "object", "additionalProperties": {"type": "string"}},
        "entity": {"type": "string", "maxLength": 512},
        "priority": _PRIORITY,
        **_TAIL,
    },
    "required": ["message"],
    "additionalProperties": False,
}
_ACTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "close"): {"properties": _TAIL},
    ("POST", "notes"): {"properties": _TAIL, "required": ["note"]},
    ("PUT", "message"): {
        "properties": {"message": CREATE["properties"]["message"]},  # type: ignore[index]
        "required": ["message"],
    },
    ("PUT", "priority"): {"properties": {"priority": _PRIORITY}, "required": ["priority"]},
}
DETAILS_MAX = 8_000


@dataclass
class Alert:
    alias: str
    message: str
    priority: str
    body: dict[str, Any]
    count: int = 1
    notes: list[str] = field(default_factory=list)
    closed: bool = False


class Opsgenie(Receiver):
    """Takes alerts of one API key.

    Parameters
    ----------
    api_key : of the integration
    jira : whether to behave as Jira Service Management, where integrations create, close and note

    Attributes
    ----------
    alerts : in the order in which they were opened
    missed : actions on an alias that is not open, which Opsgenie takes and forgets
    """

    def __init__(self, api_key: str = "opsgenie-key", *, jira: bool = False) -> None:
        super().__init__()
        self.api_key = api_key
        self.jira = jira
        self.prefix = "/jsm/ops/integration" if jira else ""
        self.alerts: list[Alert] = []
        self.missed: list[str] = []

    @property
    def url(self) -> str:
        return super().url + self.prefix

    @property
    def open(self) -> list[Alert]:
        return [alert for alert in self.alerts if not alert.closed]

    def answer(self, request: Request) -> Reply:
        if request.headers["Authorization"] != f"GenieKey {self.api_key}":
            raise Wrong(403, "could not authenticate")
        if not request.path.startswith(f"{self.prefix}/v2/alerts"):
            raise Wrong(404, f"nothing at {request.path}")
        below = request.path.removeprefix(f"{self.prefix}/v2/alerts")
        if (request.method, below) == ("POST", ""):
            self._create(request.json())
        else:
            self._act(request, below)
        body = {"result": "Request will be processed", "took": 0.1, "requestId": "one"}
        return Reply(202, body)

    def _create(self, body: dict[str, Any]) -> None:
        check(CREATE, body, 422)
        details = body.get("details", {})
        if sum(len(name) + len(value) for name, value in details.items()) > DETAILS_MAX:
            raise Wrong(422, "details are too long")
        alias = body.get("alias", body["message"])
        same = [alert for alert in self.open if alert.alias == alias]
        if same:
            same[0].count += 1
        else:
            priority = body.get("priority", "P3")
            self.alerts.append(Alert(alias, body["message"], priority, body))

    def _act(self, request: Request, below: str) -> None:
        found = re.fullmatch(r"/([^/]+)/(\w+)", below)
        action = (request.method, found[2]) if found else ("", "")
        if found is None or action not in _ACTIONS or (self.jira and request.method == "PUT"):
            raise Wrong(404, f"nothing at {request.method} {request.path}")
        check({"enum": ["id", "alias", "tiny"]}, request.query.get("identifierType", "id"), 422)
        body = request.json()
        check({"type": "object", "additionalProperties": False, **_ACTIONS[action]}, body, 422)
        by_alias = request.query.get("identifierType") == "alias"
        same = [alert for alert in self.open if by_alias and alert.alias == unquote(found[1])]
        if not same:
            self.missed.append(found[2])
            return
        (alert,) = same
        if "note" in body:
            alert.notes.append(body["note"])
        alert.message = body.get("message", alert.message)
        alert.priority = body.get("priority", alert.priority)
        alert.closed = found[2] == "close"
