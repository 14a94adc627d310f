"""Opsgenie: one alert a conversation, whose message and priority are those of now."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from notification_helpers import (
    HOSTILE,
    hostile_notification,
    make_event,
    make_events,
    make_notification,
)
from receivers import receiving
from receivers_opsgenie import Opsgenie

from schemas.alerts import Severity, Status
from schemas.notifications import Kind, Notification
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint
from sinks.opsgenie import OpsgenieChannel

KEY = "opsgenie-key"


@pytest.fixture
def jira() -> Iterator[Opsgenie]:
    with receiving(Opsgenie(jira=True)) as running:
        yield running


def send(opsgenie: Opsgenie, notification: Notification) -> None:
    OpsgenieChannel(KEY, Endpoint(opsgenie.url)).send(notification)


def test_an_alert_as_it_is_opened(opsgenie: Opsgenie) -> None:
    notification = make_notification(title="ERROR error-rate: it is 12 %")
    send(opsgenie, notification)
    (alert,) = opsgenie.open
    assert alert.body.pop("description").startswith("1 alert fires\nlikely cause: version 4")
    assert alert.body == {
        "message": "ERROR error-rate: it is 12 %",
        "alias": notification.key,
        "tags": ["error", "error-rate"],
        "details": {
            "firing": "1",
            "incident": "9f3a",
            "model_name": "credit",
            "model_version": "3",
        },
        "entity": "credit 3",
        "source": "streamgauge",
        "priority": "P2",
    }


def test_an_update_shows_what_is_new(opsgenie: Opsgenie) -> None:
    send(opsgenie, make_notification())
    update = make_notification(
        Kind.UPDATE, make_events(2), title="CRITICAL: 3 alerts fire", severity=Severity.CRITICAL
    )
    send(opsgenie, update)
    (alert,) = opsgenie.open
    assert (alert.message, alert.priority) == ("CRITICAL: 3 alerts fire", "P1")
    (note,) = alert.notes
    assert note.startswith("CRITICAL: 3 alerts fire\n\n2 alerts fire\n")
    assert note.count("\n- ") == 2


def test_the_end_closes_it(opsgenie: Opsgenie) -> None:
    send(opsgenie, make_notification())
    send(opsgenie, make_notification(Kind.RESOLVED))
    (alert,) = opsgenie.alerts
    assert alert.closed
    assert alert.notes[0].startswith("RESOLVED error-rate")
    send(opsgenie, make_notification(Kind.RESOLVED))
    assert opsgenie.missed == ["close"]


def test_what_somebody_closed_opens_again_while_it_fires(opsgenie: Opsgenie) -> None:
    send(opsgenie, make_notification())
    opsgenie.alerts[0].closed = True
    ended = make_events(1, status=Status.RESOLVED)
    send(opsgenie, make_notification(Kind.UPDATE, ended, firing=1))
    assert not opsgenie.open  # better news wakes nobody
    send(opsgenie, make_notification(Kind.UPDATE))
    assert len(opsgenie.open) == 1
    opsgenie.alerts[1].closed = True
    send(opsgenie, make_notification(Kind.REPEAT))
    assert len(opsgenie.open) == 1


def test_a_second_delivery_is_counted_only(opsgenie: Opsgenie) -> None:
    for _ in range(2):
        send(opsgenie, make_notification())
    (alert,) = opsgenie.alerts
    assert alert.count == 2


def test_jira_takes_the_same_and_notes_tell_the_rest(jira: Opsgenie) -> None:
    send(jira, make_notification())
    send(jira, make_notification(Kind.UPDATE, title="2 alerts fire"))
    (alert,) = jira.open
    assert alert.notes[0].startswith("2 alerts fire\n")
    send(jira, make_notification(Kind.RESOLVED))
    assert alert.closed


@pytest.mark.parametrize(
    ("severity", "priority"), list(zip(Severity, ("P5", "P3", "P2", "P1"), strict=True))
)
def test_severities_have_a_priority(opsgenie: Opsgenie, severity: Severity, priority: str) -> None:
    send(opsgenie, make_notification(severity=severity))
    assert opsgenie.open[0].priority == priority


def test_it_wakes_somebody() -> None:
    channel = OpsgenieChannel(KEY, Endpoint("http://127.0.0.1:9"))
    assert (channel.every_event, channel.pages, channel.edits) == (False, True, True)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_taken(opsgenie: Opsgenie, text: str, kind: Kind) -> None:
    if kind is not Kind.FIRST:
        send(opsgenie, make_notification())
    send(opsgenie, hostile_notification(text, kind, count=30))
    assert not opsgenie.refused
    assert len(opsgenie.alerts) == 1
    assert "\n" not in opsgenie.alerts[0].message


def test_many_labels_are_bounded(opsgenie: Opsgenie) -> None:
    labels = {f"name {k} {'x' * 90}": "y" * 300 for k in range(100)}
    send(opsgenie, make_notification(labels=labels))
    assert not opsgenie.refused
    assert 10 < len(opsgenie.open[0].body["details"]) < 40


def test_any_alias_is_found_again(opsgenie: Opsgenie) -> None:
    for kind in (Kind.FIRST, Kind.UPDATE, Kind.RESOLVED):
        send(opsgenie, make_notification(kind, key="a/b ?&%é"))
    assert opsgenie.alerts[0].closed
    assert not opsgenie.missed


@pytest.mark.parametrize("kind", list(Kind))
def test_what_it_does_not_take_says_whether_to_come_back(opsgenie: Opsgenie, kind: Kind) -> None:
    opsgenie.down, opsgenie.down_status, opsgenie.retry_after = True, 429, "3"
    with pytest.raises(DeliveryError, match="answered 429") as caught:
        send(opsgenie, make_notification(kind))
    assert caught.value.retryable
    assert caught.value.wait_ms == 3_000
    opsgenie.down = False
    with pytest.raises(DeliveryError, match="answered 403; may the key") as caught:
        OpsgenieChannel("wrong", Endpoint(opsgenie.url)).send(make_notification(kind))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"alias": "x"}, 422),
        ("POST", "", {"message": "x" * 131}, 422),
        ("POST", "", {"message": "x", "alias": "x" * 513}, 422),
        ("POST", "", {"message": "x", "priority": "P0"}, 422),
        ("POST", "", {"message": "x", "tags": ["x" * 51]}, 422),
        ("POST", "", {"message": "x", "tags": ["x"] * 21}, 422),
        ("POST", "", {"message": "x", "details": {"a": 1}}, 422),
        ("POST", "", {"message": "x", "details": {"a": "x" * 8_000}}, 422),
        ("POST", "", {"message": "x", "severity": "error"}, 422),
        ("POST", "/x/notes?identifierType=alias", {}, 422),
        ("POST", "/x/notes?identifierType=name", {"note": "x"}, 422),
        ("POST", "/x/notes?identifierType=alias", {"note": "x" * 25_001}, 422),
        ("PUT", "/x/priority?identifierType=alias", {"priority": "high"}, 422),
        ("POST", "/x/message?identifierType=alias", {"message": "x"}, 404),
        ("DELETE", "/x", {}, 501),
    ],
)
def test_the_stand_in_refuses_what_opsgenie_would(
    opsgenie: Opsgenie, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    headers = {"Authorization": f"GenieKey {KEY}"}
    endpoint = Endpoint(opsgenie.url)
    answer = endpoint.ask(method, json.dumps(body).encode(), headers, f"/v2/alerts{path}")
    assert answer.status == status
    assert not opsgenie.alerts
    good = endpoint.ask("POST", b'{"message": "x"}', headers, "/v2/alerts")
    assert good.status == 202
    assert endpoint.ask("POST", b'{"message": "x"}', {}, "/v2/alerts").status == 403


def test_the_stand_in_knows_open_alerts_by_alias(opsgenie: Opsgenie) -> None:
    send(opsgenie, make_notification(key="one"))
    send(opsgenie, make_notification(Kind.UPDATE, (make_event(status=Status.RESOLVED),), key="two"))
    assert opsgenie.missed == ["message", "priority", "notes"]
