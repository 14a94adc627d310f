"""Alerts over HTTP: what is wrong now, and alerts that other programs send.

Every answer is a JSON document; what can't be done is ``{"error": "<one sentence>"}``.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import redis
from aiohttp import web

from schemas.alerts import AlertEvent
from schemas.sent_alerts import SentAlert, parse_sent
from stream.alerting.outside import document
from stream.kafka import KafkaUnavailableError
from stream.web.answers import RequestError, answer, error_answer, read_json, refuse_parameters

BODY_BYTES_MAX = 1_048_576
"""A hundred alerts with all their words."""
ALERTS_MAX = 100
"""In one request."""
_FILTERS = ("status", "severity", "rule", "model_name", "model_version", "segment", "feature")
_OWN = frozenset({"status", "severity", "rule"})

Read = Callable[[], list[AlertEvent]]
"""Alerts that are pending or firing, oldest first; blocks."""

Send = Callable[[SentAlert], AlertEvent | None]
"""Takes an alert from outside; returns what it changed to, None where it told nothing new."""


class AlertsApi:
    """``/api/v1/alerts``: GET, filtered by the labels in its query, and POST.

    Parameters
    ----------
    read : alerts that are active
    send : takes alerts from outside
    """

    def __init__(self, read: Read, send: Send) -> None:
        self._read = read
        self._send = send

    def routes(self) -> list[web.RouteDef]:
        """What the server has to serve."""
        return [web.get("/api/v1/alerts", self._get), web.post("/api/v1/alerts", self._post)]

    async def _get(self, request: web.Request) -> web.Response:
        wanted = {name: request.query.getall(name) for name in request.query}
        unknown = sorted(set(wanted) - set(_FILTERS))
        if unknown:
            known = ", ".join(_FILTERS)
            return error_answer(400, f"{unknown[0]!r} is no parameter of alerts: there are {known}")
        try:
            alerts = await asyncio.to_thread(self._read)
        except redis.RedisError as error:
            return error_answer(503, f"Redis does not answer ({error}): try again")
        return answer(200, [msgspec.to_builtins(a) for a in alerts if _is_wanted(a, wanted)])

    async def _post(self, request: web.Request) -> web.Response:
        try:
            refuse_parameters(request, "alerts")
            given = await read_json(request, BODY_BYTES_MAX, "an alert, or a list of them")
        except RequestError as error:
            return error.answer()
        if isinstance(given, dict) and set(given) == {"alerts"}:
            given = given["alerts"]
        one_by_one = given if isinstance(given, list) else [given]
        if not 1 <= len(one_by_one) <= ALERTS_MAX:
            return error_answer(400, f"send 1 to {ALERTS_MAX} alerts in one request")
        try:
            results = await asyncio.to_thread(lambda: [self._take(one) for one in one_by_one])
        except (redis.RedisError, KafkaUnavailableError) as error:
            return error_answer(503, f"{error}: send all of it again, what was taken counts once")
        refused = [one for one in results if "error" in one]
        if len(refused) == len(results) == 1:
            return answer(400, refused[0])
        return answer(400 if len(refused) == len(results) else 202, {"alerts": results})

    def _take(self, given: object) -> dict[str, Any]:
        """Take one; what is wrong with it costs no other."""
        try:
            sent = parse_sent(given)
            event = self._send(sent)
        except ValueError as error:
            return {"error": str(error)}
        return document(sent, event)


def _is_wanted(alert: AlertEvent, wanted: Mapping[str, list[str]]) -> bool:
    return all(
        str(getattr(alert, name) if name in _OWN else alert.labels.get(name)) in values
        for name, values in wanted.items()
    )
