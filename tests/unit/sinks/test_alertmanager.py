"""Alertmanager: label sets, times that it takes, every peer."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notification_helpers import (
    HOSTILE,
    T0,
    hostile_notification,
    make_event,
    make_events,
    make_notification,
)
from receivers import receiving
from receivers_alertmanager import Alertmanager
from structlog.testing import capture_logs

from schemas.alerts import AlertEvent, Status
from schemas.notifications import Kind
from sinks.alertmanager import PEERS_MAX, RESEND_MS, AlertmanagerChannel, basic, bearer
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint

NOW = datetime.fromtimestamp(T0 / 1000, UTC) + timedelta(hours=1)
NOW_MS = T0 + 3_600_000


def channel_to(*peers: Alertmanager, **options: Any) -> AlertmanagerChannel:
    return AlertmanagerChannel([Endpoint(peer.url) for peer in peers], lambda: NOW_MS, **options)


@pytest.fixture
def cluster() -> Iterator[list[Alertmanager]]:
    with ExitStack() as stack:
        yield [stack.enter_context(receiving(Alertmanager())) for _ in range(3)]


def test_an_alert_as_prometheus_would_send_it(alertmanager: Alertmanager) -> None:
    channel = channel_to(alertmanager)
    channel.send(make_notification())
    assert alertmanager.posts == [
        [
            {
                "labels": {
                    "alertname": "error-rate",
                    "severity": "error",
                    "model_name": "credit",
                    "model_version": "3",
                    "window": "5m",
                },
                "annotations": {
                    "summary": make_event().summary,
                    "description": "timeout: 12 of 12 errors",
                    "runbook_url": "https://runbooks.example.org/error-rate",
                    "dashboard_url": "https://streamgauge.example.org/#credit",
                    "value": "0.12",
                    "threshold": "0.05",
                    "sample_count": "480",
                    "fingerprint": make_event().fingerprint,
                },
                "startsAt": "2026-09-21T15:00:00.000Z",
                "endsAt": "2026-09-21T16:04:00.000Z",
                "generatorURL": "https://streamgauge.example.org/#credit",
            }
        ]
    ]
    assert channel.every_event
    assert channel.resend_ms == RESEND_MS == 60_000


def test_what_is_over_ends_now(alertmanager: Alertmanager) -> None:
    channel = channel_to(alertmanager)
    channel.send(make_notification(events=make_events(3)))
    assert len(alertmanager.firing(NOW)) == 3
    channel.send(make_notification(Kind.UPDATE, make_events(2, status=Status.RESOLVED), firing=1))
    (left,) = alertmanager.firing(NOW)
    assert left.labels["feature"] == "f2"
    channel.send(make_notification(Kind.RESOLVED, make_events(3, status=Status.RESOLVED)))
    assert not alertmanager.firing(NOW)
    assert len(alertmanager.alerts) == 3


def test_what_is_sent_again_goes_on_and_what_is_not_ends(alertmanager: Alertmanager) -> None:
    channel_to(alertmanager, resend_ms=10_000).send(make_notification())
    (alert,) = alertmanager.alerts.values()
    assert alert.ends_at == NOW + timedelta(seconds=40)
    channel_to(alertmanager).send(make_notification(Kind.REPEAT))
    (again,) = alertmanager.alerts.values()
    assert (again.times, again.starts_at) == (2, alert.starts_at)
    assert again.ends_at == NOW + timedelta(minutes=4)


@pytest.mark.parametrize("status", [Status.FIRING, Status.NO_DATA, Status.RESOLVED])
@pytest.mark.parametrize("ahead_ms", [-20 * 365 * 86_400_000, -1, 0, 1, 3_000, 86_400_000])
def test_no_alert_starts_in_the_future_or_ends_before_it_starts(
    alertmanager: Alertmanager, ahead_ms: int, status: Status
) -> None:
    event = make_event(starts_at=NOW_MS + ahead_ms, status=status)
    channel_to(alertmanager).send(make_notification(events=(event,)))
    (alert,) = alertmanager.alerts.values()
    assert alert.starts_at == NOW + timedelta(milliseconds=min(ahead_ms, 0))
    assert alert.fires(NOW) is (status is not Status.RESOLVED)
    assert not alertmanager.refused


def test_names_of_labels_are_made_legal_and_stay_apart(alertmanager: Alertmanager) -> None:
    labels = {"a.b": "1", "a_b": "2", "a-b": "3", "9": "4", "é": "5", "": "6", "empty": ""}
    labels |= {"alertname": "7", "severity": "8", "exported_severity": "9"}
    channel_to(alertmanager).send(make_notification(events=(make_event(labels=labels),)))
    (alert,) = alertmanager.alerts.values()
    assert alert.labels == {
        "alertname": "error-rate",
        "severity": "error",
        "a_b": "2",
        "exported_a_b": "3",
        "exported_exported_a_b": "1",
        "_9": "4",
        "_": "6",
        "exported__": "5",
        "exported_alertname": "7",
        "exported_severity": "9",
        "exported_exported_severity": "8",
    }
    assert "empty" not in alertmanager.posts[0][0]["labels"]


def test_every_peer_is_told(cluster: list[Alertmanager]) -> None:
    channel_to(*cluster).send(make_notification())
    assert [len(peer.alerts) for peer in cluster] == [1, 1, 1]


def test_one_peer_is_enough_and_the_others_are_logged(cluster: list[Alertmanager]) -> None:
    down, up, refusing = cluster
    down.down = True
    refusing.authorization = "Bearer other"
    with capture_logs() as logs:
        channel_to(*cluster).send(make_notification())
    assert len(up.alerts) == 1
    whys = [record["why"] for record in logs]
    assert [record["event"] for record in logs] == ["alertmanager_peer_missed"] * 2
    assert f":{down.server_port} answered 500" in whys[0]
    assert f":{refusing.server_port} answered 401" in whys[1]


def test_no_peer_is_a_failure(cluster: list[Alertmanager]) -> None:
    for peer in cluster:
        peer.down, peer.down_status, peer.retry_after = True, 429, "30"
    cluster[2].retry_after = "5"
    with pytest.raises(DeliveryError, match=r"429.*; .*429.*; .*429") as caught:
        channel_to(*cluster).send(make_notification())
    assert caught.value.retryable
    assert caught.value.wait_ms == 5_000
    for peer in cluster:
        peer.down, peer.authorization = False, "Bearer other"
    with pytest.raises(DeliveryError, match="401") as caught:
        channel_to(*cluster).send(make_notification())
    assert not caught.value.retryable
    cluster[0].down = True
    with pytest.raises(DeliveryError) as caught:
        channel_to(*cluster).send(make_notification())
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("authorization", "header"),
    [(basic("me", "påss"), "Basic bWU6cMOlc3M="), (bearer("t0ken"), "Bearer t0ken"), (None, None)],
)
def test_it_shows_who_it_is(
    alertmanager: Alertmanager, authorization: str | None, header: str | None
) -> None:
    alertmanager.authorization = header
    channel_to(alertmanager, authorization=authorization).send(make_notification())
    assert len(alertmanager.alerts) == 1


def test_an_address_may_have_a_path(alertmanager: Alertmanager) -> None:
    peer = Endpoint(f"{alertmanager.url}/prefix/")
    with pytest.raises(DeliveryError, match="404"):
        AlertmanagerChannel([peer], lambda: NOW_MS).send(make_notification())
    assert alertmanager.refused == ["nothing at POST /prefix/api/v2/alerts"]


@pytest.mark.parametrize("count", [0, PEERS_MAX + 1])
def test_peers_are_some_and_not_many(count: int) -> None:
    with pytest.raises(ValueError, match=r"1 to \d+ peers"):
        AlertmanagerChannel([Endpoint("http://127.0.0.1:9")] * count, lambda: NOW_MS)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_taken(alertmanager: Alertmanager, text: str) -> None:
    channel_to(alertmanager).send(hostile_notification(text))
    assert not alertmanager.refused
    alerts = list(alertmanager.alerts.values())
    assert alerts
    for alert in alerts:
        assert alert.labels.get("model_name", "") == text
        assert alert.labels["severity"] == "error"


def test_the_stand_in_refuses_what_alertmanager_would(alertmanager: Alertmanager) -> None:
    good = make_event()
    for wrong, why in (
        ({"labels": {}}, "at least one label pair"),
        ({"labels": {"a.b": "x"}}, "invalid name"),
        ({"labels": {"a": 1}}, "not of type 'string'"),
        ({"startsAt": "yesterday"}, "does not match"),
        ({"endsAt": "2001-01-01T00:00:00Z"}, "start time must be before end time"),
        ({"status": "firing"}, "unexpected"),
        ({"annotations": {"a-b": "x"}}, "invalid name"),
    ):
        posted = _posted(good) | wrong
        status, _ = _post(alertmanager, [posted])
        assert status == 400
        assert why in alertmanager.refused.pop()
    assert _post(alertmanager, [_posted(good)])[0] == 200


def _posted(event: AlertEvent) -> dict[str, Any]:
    times = {"startsAt": "2026-09-21T15:00:00Z", "endsAt": "2026-09-21T16:00:00Z"}
    return {"labels": {"alertname": event.rule}, **times}


def _post(alertmanager: Alertmanager, posted: list[Any]) -> tuple[int, bytes]:

    answer = Endpoint(alertmanager.url).ask(
        "POST", json.dumps(posted).encode(), {}, "/api/v2/alerts"
    )
    return answer.status, answer.body
