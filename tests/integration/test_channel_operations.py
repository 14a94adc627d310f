"""What operators see of notification channels: in commands, /health and /metrics."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from msgspec.structs import replace
from notification_helpers import make_event, make_notification
from typer.testing import CliRunner

from schemas.alerts import AlertEvent, Severity, Status
from schemas.keys import active_alerts_key, alert_key
from schemas.notifications import Kind, Notification, encode_notification
from stream.alerting.channel_figures import FAILING_MS_MAX, read_channels
from stream.alerting.channel_store import ChannelStore, Tries
from stream.alerting.dead_letters import retry
from stream.alerting.grouping import begin
from stream.alerting.keys import AlertKeys
from stream.alerting.routing import FOR_PEOPLE, Destination, group_id
from stream.alerting.view import alert_fields
from stream.cli.errors import CommandError
from stream.cli.main import make_app
from stream.doctor.channel_checks import read_queue
from stream.embedded import EmbeddedStack
from stream.web.exporter import make_metrics_registry
from stream.web.health import check_health

NOW = 1_790_002_800_000
REFUSED = "pager.example.org answered 403"


class World:
    """One channel in Redis."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.client, self.namespace = client, namespace
        self.keys = AlertKeys(namespace)
        self.store = ChannelStore(client, self.keys, "pager")

    def wait(self, *notifications: Notification) -> None:
        for one in notifications:
            self.client.rpush(self.keys.waiting("pager"), encode_notification(one))

    def give_up(self, notification: Notification, now_ms: int = NOW) -> None:
        self.wait(notification)
        self.store.dead(encode_notification(notification), notification, REFUSED, now_ms)

    def fire(self, *alerts: AlertEvent) -> None:
        for one in alerts:
            self.client.sadd(active_alerts_key(self.namespace), one.fingerprint)
            key = alert_key(self.namespace, one.fingerprint)
            self.client.hset(key, mapping=alert_fields(one))

    def talk(self, labels: dict[str, str]) -> None:
        """A conversation about these labels goes on with the channel."""
        conversation = replace(begin(Destination("pager", labels, FOR_PEOPLE, "key")), began_at=NOW)
        key = self.keys.group(group_id("pager", labels))
        self.client.hset(key, "about", msgspec.json.encode(conversation))

    def waiting(self) -> list[str]:
        return [msgspec.json.decode(raw)["id"] for raw in self.store.waiting(100)]


@pytest.fixture
def world(stack: EmbeddedStack, namespace: str) -> Iterator[World]:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield World(client, namespace)


def event(feature: str, status: Status = Status.FIRING) -> AlertEvent:
    return make_event(labels={"model_name": "credit", "feature": feature}, status=status)


def notification(kind: Kind, *events: AlertEvent) -> Notification:
    return make_notification(kind, events, key=events[0].fingerprint)


def test_a_channel_fails_from_its_first_failure_to_the_next_success(world: World) -> None:
    first, second = (notification(Kind.FIRST, event(name)) for name in ("age", "income"))
    world.wait(first, second)
    assert world.store.state().failing_since == 0
    world.store.failed(first, Tries(1, NOW), "HTTP 500", NOW)
    world.store.failed(first, Tries(2, NOW), "HTTP 500", NOW + 9)
    (one,) = read_channels(world.client, world.namespace, ["pager"])
    assert (one.failing_since, one.state.failed_at, one.waiting) == (NOW, NOW + 9, 2)
    assert one.waiting_since == first.at
    assert not one.is_down(NOW + FAILING_MS_MAX)
    assert one.is_down(NOW + FAILING_MS_MAX + 1)
    world.store.delivered(encode_notification(first), first, None, NOW + 20)
    (one,) = read_channels(world.client, world.namespace, ["pager"])
    assert (one.failing_since, one.state.failing_since) == (None, 0)
    assert (one.state.error, one.state.delivered_at) == ("HTTP 500", NOW + 20)


def test_what_is_still_so_is_tried_again_before_what_waits(world: World) -> None:
    age, income = event("age"), event("income")
    first, update = notification(Kind.FIRST, age), notification(Kind.UPDATE, income)
    late = notification(Kind.RESOLVED, event("age", Status.RESOLVED))
    of_another = {"model_name": "fraud"}
    gone = replace(notification(Kind.FIRST, event("gone")), labels=of_another)
    over = replace(notification(Kind.RESOLVED, event("past", Status.RESOLVED)), labels=of_another)
    for one in (first, gone, over, update, late):
        world.give_up(one)
    waits = notification(Kind.REPEAT, age)
    world.wait(waits)
    world.fire(age, income)
    world.talk(late.labels)

    retried = retry(world.client, world.namespace, "pager", every_event=False)
    assert [one.id for one in retried.back] == [first.id, over.id, update.id]
    assert retried.left == 2
    assert world.waiting() == [first.id, over.id, update.id, waits.id]
    left = [one.notification.id for one in world.store.dead_letters()]
    assert left == [late.id, gone.id]
    again = retry(world.client, world.namespace, "pager", every_event=False)
    assert (again.back, again.left) == ([], 2)


def test_commands_show_what_was_given_up_and_try_it_again(
    world: World, stack: EmbeddedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "streamgauge.toml"
    file.write_text('[channels.pager]\ntype = "pagerduty"\nrouting_key_env = "NOT_SET_HERE"\n')
    monkeypatch.setenv("STREAMGAUGE_NAMESPACE", world.namespace)
    monkeypatch.setenv("STREAMGAUGE_REDIS__URL", stack.redis_url)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", str(tmp_path))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(
            make_app(), ["alerts", "channels", *arguments, "--config", str(file)]
        )

    first = notification(Kind.FIRST, event("age"))
    world.give_up(first)
    world.fire(*first.events)
    world.talk(first.labels)

    log, pager = json.loads(run("--json").stdout)
    assert (log["name"], log["type"], log["dead_letters"]) == ("log", "log", 0)
    assert (pager["severities"], pager["dead"], pager["waiting"]) == (["critical"], 1, 0)
    assert pager["error"] == REFUSED
    assert f"gave up at 2026-09-21 15:00: {REFUSED}" in run().stdout

    (letter,) = json.loads(run("--dead", "pager", "--json").stdout)
    assert (letter["id"], letter["why"], letter["given_up_at"]) == (first.id, REFUSED, NOW)
    assert letter["alerts"][0]["id"] == first.events[0].id
    done = run("--retry", "pager")
    assert done.stdout.startswith("pager is to try again: ERROR error-rate: error rate of credit")
    assert world.waiting() == [first.id]
    assert json.loads(run("--dead", "pager", "--json").stdout) == []

    wrong = run("--retry", "pagr").exception
    assert isinstance(wrong, CommandError)
    assert str(wrong) == "there is no channel 'pagr' in the settings: did you mean 'pager'?"
    file.write_text("")
    assert run("--dead", "pager").exit_code == 0, "only the agents' settings have it"


def test_health_tells_of_a_channel_that_is_down_and_nothing_secret(world: World) -> None:
    def asked(now_ms: int) -> Any:
        ok, parts = check_health(
            world.client, world.namespace, lambda: None, now_ms, ["log", "pager"]
        )
        assert ok is parts["channels"]["ok"]
        return parts["channels"]

    one = notification(Kind.FIRST, event("age"))
    world.wait(one)
    world.store.failed(one, Tries(1, NOW), "https://pager.example.org/SECRET", NOW)
    assert asked(NOW + FAILING_MS_MAX) == {"ok": True}
    part = asked(NOW + FAILING_MS_MAX + 1)
    assert not part["ok"]
    assert "for more than 5 min by pager (waiting: 1)" in part["detail"]
    assert "SECRET" not in part["detail"]
    world.store.superseded(encode_notification(one), one)
    assert asked(NOW + FAILING_MS_MAX + 1) == {"ok": True}, "nothing waits"


def test_prometheus_scrapes_notifications_and_active_alerts(world: World) -> None:
    one, other = (notification(Kind.FIRST, event(name)) for name in ("age", "income"))
    world.wait(one, other)
    world.store.failed(one, Tries(1, NOW), "HTTP 500", NOW)
    world.store.delivered(encode_notification(one), one, None, NOW)
    world.give_up(notification(Kind.FIRST, event("gone")))
    critical = msgspec.structs.replace(event("loan"), severity=Severity.CRITICAL)
    world.fire(*one.events, *other.events, critical)
    world.client.sadd(active_alerts_key(world.namespace), "a hash that is not there")
    registry = make_metrics_registry(
        world.client, world.namespace, lambda: NOW, dict, ["log", "pager"]
    )
    found = {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name.startswith(("streamgauge_alerts", "streamgauge_notifications"))
    }
    total = "streamgauge_notifications_total"
    outcomes = {
        name.removeprefix(f"{total} "): value for name, value in found.items() if total in name
    }
    assert {name: value for name, value in outcomes.items() if value} == {
        "pager delivered": 1,
        "pager failed": 1,
        "pager dead": 1,
    }
    assert found["streamgauge_notifications_waiting pager"] == 1
    assert found["streamgauge_notifications_waiting log"] == 0
    assert found["streamgauge_alerts firing error"] == 2
    assert found["streamgauge_alerts firing critical"] == 1
    assert found["streamgauge_alerts pending info"] == 0
    assert len(outcomes) == 2 * 4


def test_the_doctor_sees_what_the_agents_have_still_to_do(world: World) -> None:
    nothing = read_queue(world.client, world.namespace)
    assert (nothing.outbox, nothing.decided, nothing.heads) == (0, 0, (None, None))
    world.client.rpush(world.keys.outbox, "1", "2")
    world.client.zadd(world.keys.due, {"later": NOW + 1, "first": NOW})
    found = read_queue(world.client, world.namespace)
    assert (found.outbox, found.heads, found.due_ms) == (2, (b"1", None), NOW)
    assert not found.is_stuck_since(nothing)
    assert read_queue(world.client, world.namespace).is_stuck_since(found)
    world.client.lpop(world.keys.outbox)
    assert not read_queue(world.client, world.namespace).is_stuck_since(found)
