"""PagerDuty: one incident a conversation, within the rules of Events API v2."""

import json
from typing import Any

import pytest
from notification_helpers import (
    HOSTILE,
    hostile_notification,
    make_event,
    make_events,
    make_notification,
)
from receivers_pagerduty import PagerDuty

from schemas.alerts import Severity, Status
from schemas.notifications import Kind, Notification
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint
from sinks.pagerduty import PagerDutyChannel

KEY = "r" * 32


def send(pagerduty: PagerDuty, notification: Notification) -> None:
    PagerDutyChannel(KEY, Endpoint(pagerduty.url)).send(notification)


def test_an_incident_as_it_is_opened(pagerduty: PagerDuty) -> None:
    notification = make_notification()
    send(pagerduty, notification)
    assert pagerduty.events == [
        {
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": notification.key,
            "payload": {
                "summary": notification.title,
                "source": "credit 3",
                "severity": "error",
                "timestamp": "2026-09-21T15:01:00.000Z",
                "class": "error-rate",
                "group": "credit",
                "custom_details": {
                    "firing": 1,
                    "events": [
                        {
                            "status": "firing",
                            "severity": "error",
                            "rule": "error-rate",
                            "summary": make_event().summary,
                            "since": "2026-09-21T15:00:00.000Z",
                            "causes": ["timeout: 12 of 12 errors"],
                        }
                    ],
                    "more": 0,
                    "labels": {"model_name": "credit", "model_version": "3"},
                    "likely causes": ["version 4 was seen first at 14:55"],
                    "incident": "9f3a",
                },
            },
            "links": [
                {
                    "href": "https://runbooks.example.org/error-rate",
                    "text": "runbook of error-rate",
                },
                {
                    "href": "https://streamgauge.example.org/#credit",
                    "text": "dashboard of error-rate",
                },
            ],
            "client": "Streamgauge",
        }
    ]


def test_a_conversation_is_one_incident(pagerduty: PagerDuty) -> None:
    worse = make_notification(
        Kind.UPDATE, title="worse", severity=Severity.CRITICAL, events=make_events(2)
    )
    for notification in (make_notification(), make_notification(), worse):
        send(pagerduty, notification)
    send(pagerduty, make_notification(Kind.REPEAT))
    (incident,) = pagerduty.open
    assert [event["payload"]["severity"] for event in incident.triggers] == [
        "error",
        "error",
        "critical",
        "error",
    ]
    send(pagerduty, make_notification(Kind.RESOLVED))
    assert not pagerduty.open
    send(pagerduty, make_notification(Kind.RESOLVED))
    assert len(pagerduty.incidents) == len(pagerduty.dropped) == 1
    send(pagerduty, make_notification())
    assert len(pagerduty.incidents) == 2


def test_it_wakes_somebody() -> None:
    channel = PagerDutyChannel(KEY, Endpoint("http://127.0.0.1:9"))
    assert (channel.every_event, channel.pages, channel.edits) == (False, True, True)


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_are_pagerdutys_own(pagerduty: PagerDuty, severity: Severity) -> None:
    send(pagerduty, make_notification(severity=severity))
    assert pagerduty.open[0].severity == severity.value


def test_an_event_of_hundreds_is_bounded(pagerduty: PagerDuty) -> None:
    send(pagerduty, make_notification(events=make_events(100), more=9_900, firing=10_000))
    details = pagerduty.events[0]["payload"]["custom_details"]
    assert (details["firing"], len(details["events"]), details["more"]) == (10_000, 20, 9_980)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_taken(pagerduty: PagerDuty, text: str, kind: Kind) -> None:
    if kind is not Kind.FIRST:
        send(pagerduty, make_notification())
    send(pagerduty, hostile_notification(text, kind, count=30))
    assert not pagerduty.refused
    (incident,) = pagerduty.incidents
    if kind is not Kind.RESOLVED:
        assert "\n" not in incident.summary
        assert all(link["href"].startswith("https://") for link in incident.triggers[-1]["links"])


def test_what_it_does_not_take_says_whether_to_come_back(pagerduty: PagerDuty) -> None:
    pagerduty.down, pagerduty.down_status, pagerduty.retry_after = True, 429, "120"
    with pytest.raises(DeliveryError, match="answered 429") as caught:
        send(pagerduty, make_notification())
    assert caught.value.retryable
    assert caught.value.wait_ms == 120_000
    pagerduty.down_status = 503
    with pytest.raises(DeliveryError, match="answered 503") as caught:
        send(pagerduty, make_notification())
    assert caught.value.retryable
    pagerduty.down = False
    pagerduty.routing_key = "q" * 32
    with pytest.raises(DeliveryError, match="answered 400") as caught:
        send(pagerduty, make_notification())
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"event_action": "fire"}, "event_action"),
        ({"dedup_key": "k" * 256}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": {"summary": "x", "source": "y"}}, "severity"),
        ({"payload": {"summary": "x" * 1025, "source": "y", "severity": "info"}}, "summary"),
        ({"payload": {"summary": "x", "source": "y", "severity": "ERROR"}}, "severity"),
        ({"links": [{"text": "x"}]}, "href"),
        ({"severity": "error"}, "severity"),
        ({"payload": {"summary": "x" * 600_000, "source": "y", "severity": "info"}}, "512 KB"),
    ],
)
def test_the_stand_in_refuses_what_pagerduty_would(
    pagerduty: PagerDuty, wrong: dict[str, Any], why: str
) -> None:
    payload = {"summary": "x", "source": "y", "severity": "info"}
    good = {"routing_key": KEY, "event_action": "trigger", "payload": payload}
    endpoint = Endpoint(pagerduty.url)
    answer = endpoint.ask("POST", json.dumps(good | wrong).encode(), {}, "/v2/enqueue")
    assert answer.status in {400, 413}
    assert why in pagerduty.refused[0]
    assert endpoint.ask("POST", json.dumps(good).encode(), {}, "/v2/enqueue").status == 202
    assert endpoint.ask("POST", json.dumps(good).encode(), {}, "/v1").status == 404


def test_an_end_alone_wakes_nobody(pagerduty: PagerDuty) -> None:
    send(pagerduty, make_notification(Kind.RESOLVED, (make_event(status=Status.RESOLVED),)))
    assert not pagerduty.incidents
    assert pagerduty.events == [
        {"routing_key": KEY, "event_action": "resolve", "dedup_key": make_event().fingerprint}
    ]
