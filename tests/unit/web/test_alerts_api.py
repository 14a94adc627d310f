"""Alerts over HTTP: what is wrong now, and what other programs send."""

import asyncio
import io
from typing import Any

import msgspec
import orjson
import pytest
import redis
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from schemas.alerts import AlertEvent, Severity, Status, fingerprint
from schemas.sent_alerts import SentAlert
from stream.web.alerts_api import ALERTS_MAX, BODY_BYTES_MAX, AlertsApi

SENT = {"rule": "export-failed", "labels": {"model_name": "credit"}, "severity": "error"}
OF_SENT = fingerprint("export-failed", {"model_name": "credit"})


def event(rule: str, status: Status, **labels: str) -> AlertEvent:
    return AlertEvent(
        id=f"id of {rule}",
        fingerprint=fingerprint(rule, labels),
        status=status,
        severity=Severity.ERROR,
        rule=rule,
        labels=labels,
        summary="",
        starts_at=10**12,
    )


class Alerts:
    """What is active, and what was sent; the second of the same tells nothing new."""

    def __init__(self) -> None:
        self.active = [
            event("latency", Status.FIRING, model_name="credit"),
            event("error-rate", Status.PENDING, model_name="fraud"),
        ]
        self.sent: list[SentAlert] = []
        self.is_down = False

    def read(self) -> list[AlertEvent]:
        if self.is_down:
            raise redis.ConnectionError("refused")
        return self.active

    def send(self, sent: SentAlert) -> AlertEvent | None:
        if self.is_down:
            raise redis.ConnectionError("refused")
        if sent.rule == "latency":
            raise ValueError("'latency' is a rule of Streamgauge's own")
        known = sent in self.sent
        self.sent.append(sent)
        return None if known else event(sent.rule, Status.FIRING, **sent.labels)


@pytest.fixture
def alerts() -> Alerts:
    return Alerts()


@pytest.fixture
def ask(alerts: Alerts) -> Any:
    def ask(method: str, query: str = "", body: Any = None) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        data = None if raw is None else io.BytesIO(raw)

        async def answer() -> tuple[int, Any]:
            app = web.Application()
            app.add_routes(AlertsApi(alerts.read, alerts.send).routes())
            async with TestClient(TestServer(app)) as client:
                response = await client.request(method, f"/api/v1/alerts{query}", data=data)
                assert response.content_type == "application/json"
                return response.status, await response.json()

        return asyncio.run(answer())

    return ask


def test_active_alerts_are_listed_and_filtered(ask: Any, alerts: Alerts) -> None:
    expected = msgspec.json.decode(msgspec.json.encode(alerts.active))
    assert ask("GET") == (200, expected)
    rules = {
        query: [alert["rule"] for alert in ask("GET", query)[1]]
        for query in ("?status=pending", "?model_name=credit", "?rule=a&rule=latency", "?feature=x")
    }
    assert list(rules.values()) == [["error-rate"], ["latency"], ["latency"], []]
    status, answer = ask("GET", "?model=credit")
    assert (status, "'model' is no parameter of alerts" in answer["error"]) == (400, True)


def test_an_alert_that_is_sent_twice_counts_once(ask: Any, alerts: Alerts) -> None:
    taken = {
        "fingerprint": OF_SENT,
        "status": "firing",
        "changed": True,
        "id": "id of export-failed",
    }
    assert ask("POST", body=SENT) == (202, {"alerts": [taken]})
    again = taken | {"changed": False, "id": None}
    assert ask("POST", body=[SENT]) == (202, {"alerts": [again]})
    assert ask("POST", body={"alerts": [SENT]}) == (202, {"alerts": [again]})
    assert alerts.sent[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rule": "no spaces"}, "$.rule"),
        ({"rule": "latency"}, "of Streamgauge's own"),
        ({"labels": {"model_name": 3}}, "$.labels"),
        ({"labels": {"": "x"}}, "$.labels"),
        ({"severity": "bad"}, "$.severity"),
        ({"status": "pending"}, "$.status"),
        ({"starts_at": 1_790_000_000}, "epoch milliseconds"),
        ({"extra": 1}, "extra"),
        ({"summary": "x" * 3_000}, "$.summary"),
    ],
)
def test_one_that_is_wrong_costs_no_other(
    ask: Any, alerts: Alerts, change: dict[str, Any], why: str
) -> None:
    status, answer = ask("POST", body=SENT | change)
    assert status == 400
    assert why in answer["error"]
    assert alerts.sent == []
    status, answer = ask("POST", body=[SENT | change, SENT])
    assert status == 202
    assert why in answer["alerts"][0]["error"]
    assert answer["alerts"][1]["changed"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"3", 400),
        (orjson.dumps([SENT] * (ALERTS_MAX + 1)), 400),
        (b" " * (BODY_BYTES_MAX + 1), 413),
    ],
    ids=["empty", "none", "number", "many", "long"],
)
def test_what_is_no_alert_is_refused(ask: Any, alerts: Alerts, body: bytes, status: int) -> None:
    given, answer = ask("POST", body=body)
    assert (given, alerts.sent) == (status, [])
    assert "error" in str(answer)


def test_who_asks_while_redis_is_away_is_told_to_ask_again(ask: Any, alerts: Alerts) -> None:
    alerts.is_down = True
    for method in ("GET", "POST"):
        status, answer = ask(method, body=SENT if method == "POST" else None)
        assert (status, "again" in answer["error"]) == (503, True)
