"""Alertmanager's API v2: the rules of its OpenAPI file, and of its validation of alerts."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receivers import Receiver, Reply, Request, Wrong, check

_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
POSTABLE = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "labels": _LABELS,
            "annotations": _LABELS,
            "startsAt": _TIME,
            "endsAt": _TIME,
            "generatorURL": {"type": "string", "pattern": r"^[a-z]+://[^\s]+$"},
        },
        "required": ["labels"],
        "additionalProperties": False,
    },
}
_is_name = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").fullmatch


@dataclass
class Alert:
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    generator_url: str | None
    times: int = 1

    def fires(self, now: datetime) -> bool:
        return self.ends_at > now


class Alertmanager(Receiver):
    """One peer.

    Parameters
    ----------
    authorization : value of the header that it wants; None wants none

    Attributes
    ----------
    alerts : the last of each label set
    posts : what came, in order
    """

    def __init__(self, authorization: str | None = None) -> None:
        super().__init__()
        self.authorization = authorization
        self.alerts: dict[frozenset[tuple[str, str]], Alert] = {}
        self.posts: list[list[dict[str, Any]]] = []

    def firing(self, now: datetime) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.fires(now)]

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/api/v2/alerts"):
            raise Wrong(404, f"nothing at {request.method} {request.path}")
        if request.headers["Authorization"] != self.authorization:
            raise Wrong(401, "unauthorized")
        posted = request.json()
        check(POSTABLE, posted)
        wrong = [why for why in map(self._take, posted) if why]
        if wrong:  # the others are taken all the same
            raise Wrong(400, "; ".join(wrong))
        self.posts.append(posted)
        return Reply(200)

    def _take(self, posted: dict[str, Any]) -> str | None:
        labels = {name: value for name, value in posted["labels"].items() if value}
        annotations = posted.get("annotations", {})
        if not labels:
            return "at least one label pair required"
        for name in (*labels, *annotations):
            if not _is_name(name):
                return f"invalid name {name!r}"
        starts_at = datetime.fromisoformat(posted["startsAt"])
        ends_at = datetime.fromisoformat(posted["endsAt"])
        if ends_at < starts_at:
            return "start time must be before end time"
        key = frozenset(labels.items())
        times = self.alerts[key].times + 1 if key in self.alerts else 1
        url = posted.get("generatorURL")
        self.alerts[key] = Alert(labels, annotations, starts_at, ends_at, url, times)
        return None

    def refusal(self, wrong: Wrong) -> Reply:
        return Reply(wrong.status, str(wrong))
