"""Where alerts go, on a real Redis: each beginning and each end once, and nothing left behind."""

import threading
import time
from collections import Counter
from typing import Any

import msgspec
import pytest
from alert_helpers import HOUR_MS, MINUTE_MS, make_report
from alert_world import MINE, Box, World, look, rate_of, settle, statuses
from programs import until

from schemas.alerts import AlertEvent, Severity, Status
from schemas.metrics import with_report_id
from schemas.models import ModelConfig
from schemas.notifications import Kind, Notification
from schemas.rules import RuleConfig, SilenceConfig
from schemas.sent_alerts import SentAlert
from sinks.channel import DeliveryError
from stream.alerting import relay as relaying
from stream.alerting.routing import REPEAT_MS
from stream.alerting.view import read_active
from stream.alerting.watchdog import Watchdog


def told(box: Box) -> list[tuple[str, str]]:
    """What a channel heard of, repeats aside: status and rule."""
    return [(event.status.value, event.rule) for event in box.news]


def test_an_end_goes_where_its_beginning_went_though_the_routes_have_changed(world: World) -> None:
    world.route([{"channels": ["old"]}], old=Box("email"), new=Box("email"))
    old, new = world.boxes["old"], world.boxes["new"]
    world.evaluate(rate_of("credit", 0, 0.2))
    world.let_out()
    world.route([{"channels": ["new"]}], old=old, new=new)
    world.evaluate(rate_of("credit", 1, 0.0))
    settle(world)
    assert (told(old), told(new)) == ([("firing", "mine"), ("resolved", "mine")], [])
    assert world.left() == set()


def test_an_end_goes_where_its_beginning_went_though_the_model_names_another_channel(
    world: World,
) -> None:
    world.route(one=Box("email"), other=Box("email"))
    one, other = world.boxes["one"], world.boxes["other"]
    for channel in ("one", "other"):
        model = ModelConfig(model_name="credit", alert_channels=(channel,))
        world.rules.set(MINE, models=[model])
        minute = 0 if channel == "one" else 1
        world.evaluate(rate_of("credit", minute, 0.0 if minute else 0.2))
        world.let_out()
    settle(world)
    assert (statuses(one.news), statuses(other.news)) == (["firing", "resolved"], [])
    assert world.left() == set()


def test_what_nobody_was_told_of_ends_quietly_when_routes_come_later(world: World) -> None:
    world.route(mail=Box("email"))
    mail = world.boxes["mail"]
    world.evaluate(rate_of("credit", 0, 0.2))  # a warning: on the dashboard only
    world.let_out()
    world.route([{"channels": ["mail"]}], mail=mail)
    world.evaluate(rate_of("credit", 1, 0.0))
    settle(world)
    assert mail.notifications == []
    assert statuses(world.events()) == ["firing", "resolved"]
    assert world.left() == set()


def test_a_channel_that_is_configured_no_more_is_forgotten(world: World) -> None:
    world.route(gone=Box("webhook"), stays=Box("webhook"))
    stays = world.boxes["stays"]
    world.evaluate(rate_of("credit", 0, 0.2))
    world.relay.turn(world.now)
    world.route(stays=stays)
    world.evaluate(rate_of("credit", 1, 0.0))
    settle(world, 2 * REPEAT_MS // 1440)
    world.now += REPEAT_MS
    world.let_out()
    assert statuses(stays.news) == ["firing", "resolved"]
    assert world.left() <= {"waiting:gone"}


def test_a_process_with_the_settings_of_before_leaves_a_new_channel_to_those_that_know_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.route(known=Box("webhook"))
    before = world.relay
    world.route([{"channels": ["new"], "group_wait": "30s"}], new=Box("webhook"))
    for minute, rate in ((0, 0.2), (1, 0.0)):
        world.evaluate(rate_of("credit", minute, rate))
        world.let_out()
        world.now += 30_000
        before.turn(world.now)
        with monkeypatch.context() as backed_up:
            backed_up.setattr(relaying, "WAITING_MAX", 1)
            world.client.rpush(world.keys.waiting("new"), b"one more")
            world.now += relaying.UNKNOWN_MS
            world.relay.turn(world.now)
            world.now += relaying.UNKNOWN_MS
            before.turn(world.now)
            world.client.delete(world.keys.waiting("new"))
        settle(world, MINUTE_MS)
    assert statuses(world.boxes["new"].news) == ["firing", "resolved"]
    assert world.left() == set()


def test_a_group_that_cannot_be_read_holds_up_no_other(world: World) -> None:
    world.evaluate(rate_of("credit", 0, 0.2))
    world.let_out()
    (key,) = world.client.scan_iter(world.keys.group("*"))
    world.client.hset(key, "about", b'{"channel": "box", "key": null}')
    world.evaluate(rate_of("credit", 1, 0.0), rate_of("fraud", 0, 0.2))
    settle(world)
    world.evaluate(rate_of("credit", 2, 0.2), rate_of("fraud", 1, 0.0))
    settle(world)
    world.evaluate(rate_of("credit", 3, 0.0))
    settle(world)
    of_fraud = [event for event in world.box.news if event.labels["model_name"] == "fraud"]
    assert statuses(of_fraud) == ["firing", "resolved"]
    assert statuses(world.box.news)[-1] == "resolved", "and the next of its alerts are told again"
    assert world.left() == set()


def test_what_gets_severer_ends_and_begins_in_one_conversation(world: World) -> None:
    world.rules.set(RuleConfig(name="data-drift", window="5m"))
    world.route(mail=Box("email"), page=Box("pagerduty"), log=Box("log"))
    both = {"drift_share": 0.5, "drifted_features": 3}
    for minute, metrics in enumerate(
        [
            {"drift_share": 0.1, "drifted_features": 1},
            both,
            both,
            {"drift_share": 0.0, "drifted_features": 0},
        ]
    ):
        world.evaluate(make_report(minute, metrics=metrics))
        world.let_out()
    log = world.boxes["log"]
    assert [(e.status.value, e.severity.value) for e in log.news] == [
        ("firing", "info"),
        ("resolved", "info"),
        ("firing", "warning"),
        ("resolved", "warning"),
    ]
    assert log.kinds == ["first", "update", "update", "resolved"]
    assert len({one.key for one in log.notifications}) == 1
    settle(world)
    assert world.boxes["mail"].notifications == world.boxes["page"].notifications == []
    assert world.left() == set()


def open_pages(box: Box) -> set[str]:
    """What is open with a pager that goes by keys alone."""
    found: set[str] = set()
    for one in box.notifications:
        if one.kind is Kind.RESOLVED:
            found.discard(one.key)
        else:
            found.add(one.key)
    return found


def test_an_alert_that_moves_to_another_group_is_not_closed_with_its_old_one(world: World) -> None:
    world.rules.set(RuleConfig(name="data-drift", window="5m"))
    world.route([{"channels": ["page"], "group_by": ["severity"]}], page=Box("pagerduty"))
    page = world.boxes["page"]
    slight = {"drift_share": 0.1, "drifted_features": 1}
    severe = {"drift_share": 0.5, "drifted_features": 3}
    minutes: dict[str, int] = {}

    def drifts(model: str, metrics: dict[str, Any]) -> None:
        minute = minutes[model] = minutes.get(model, -1) + 1
        report = msgspec.structs.replace(make_report(minute, metrics=metrics), model_name=model)
        world.evaluate(with_report_id(report))
        settle(world, MINUTE_MS)

    drifts("credit", slight)
    drifts("fraud", slight)
    drifts("credit", severe)
    drifts("credit", severe)
    drifts(
        "fraud", {"drift_share": 0.0, "drifted_features": 0}
    )  # the last of those that are slight
    (fires,) = fired(world)
    assert (fires.labels["model_name"], fires.severity) == ("credit", "warning")
    assert page.notifications[-1].kind is Kind.RESOLVED
    assert len(open_pages(page)) == 1
    drifts("credit", {"drift_share": 0.0, "drifted_features": 0})
    settle(world)
    assert open_pages(page) == set()
    assert world.left() == set()


def test_of_an_alert_that_moves_to_another_group_the_end_is_told_before_what_follows(
    world: World,
) -> None:
    class Picky(Box):
        refuses = True

        def send(self, notification: Notification) -> str | None:
            if self.refuses and notification.kind is Kind.RESOLVED:
                raise DeliveryError("not now", retryable=True)
            return super().send(notification)

    world.rules.set(RuleConfig(name="data-drift", window="5m"))
    hook = Picky()
    world.route([{"channels": ["hook"], "group_by": ["severity"]}], hook=hook)
    for minute, drifted in enumerate((1, 3, 3)):
        metrics = {"drift_share": drifted / 6, "drifted_features": drifted}
        world.evaluate(make_report(minute, metrics=metrics))
        settle(world, MINUTE_MS)
    assert statuses(hook.news) == ["firing"]
    hook.refuses = False
    settle(world)
    assert [(e.status.value, e.severity.value) for e in hook.news] == [
        ("firing", "info"),
        ("resolved", "info"),
        ("firing", "warning"),
    ]


def test_a_page_is_closed_though_redis_was_emptied_after_what_opened_it_was_over(
    world: World,
) -> None:
    first = msgspec.structs.replace(MINE, name="first", condition="< 0.1")
    world.rules.set(first, MINE)
    world.route([{"channels": ["page"]}], page=Box("pagerduty"))
    page = world.boxes["page"]
    for minute, rate in enumerate((0.0, 0.2)):
        world.evaluate(rate_of("credit", minute, rate))
        settle(world, MINUTE_MS)
    assert sorted(told(page)) == [("firing", "first"), ("firing", "mine"), ("resolved", "first")]
    settle(world)
    world.forget()
    settle(world, MINUTE_MS)
    world.rules.set(MINE)
    world.evaluate(rate_of("credit", 2, 0.0))
    settle(world)
    assert told(page)[-1] == ("resolved", "mine")
    assert open_pages(page) == set()


# What is kept quiet.


def silence(match: dict[str, str], from_ms: int, to_ms: int) -> SilenceConfig:
    return SilenceConfig(id="s", match=match, starts_at=from_ms, ends_at=to_ms)


def fired(world: World) -> list[AlertEvent]:
    """What fires, as users see it."""
    active = read_active(world.client, world.settings.namespace)
    return [alert for alert in active if alert.status is not Status.PENDING]


def test_silences_that_begin_and_end_while_alerts_fire(world: World) -> None:
    world.route([{"channels": ["mail", "hook"]}], mail=Box("email"), hook=Box("webhook"))
    quiet = silence({"model_name": "c*"}, world.now + 1, world.now + 10 * MINUTE_MS)
    world.evaluate(rate_of("credit", 0, 0.2))
    world.let_out()  # told before the silence: its end is told in it
    world.rules.set(MINE, silences=[quiet])
    world.now += 1
    world.evaluate(rate_of("cars", 0, 0.2), rate_of("crops", 0, 0.2))
    settle(world, MINUTE_MS)
    world.evaluate(rate_of("credit", 1, 0.0), rate_of("crops", 1, 0.0))  # crops: all of it quiet
    settle(world, MINUTE_MS)
    for box in world.boxes.values():
        assert statuses(box.news) == ["firing", "resolved"]
        assert {event.labels["model_name"] for event in box.news} == {"credit"}
    world.relay.tick(world.now)
    (cars,) = fired(world)
    assert (cars.silenced_by, cars.incident is None) == ("s", False)
    settle(world, 10 * MINUTE_MS)  # it ends: what fires still is told now
    world.relay.tick(world.now)
    (cars,) = fired(world)
    assert (cars.silenced_by, cars.incident is None) == (None, False)
    world.evaluate(rate_of("cars", 1, 0.0))
    settle(world, MINUTE_MS)
    for box in world.boxes.values():
        assert statuses(box.news[2:]) == ["firing", "resolved"]
        assert box.news[2].labels["model_name"] == "cars"
    assert world.left() == set()


def test_a_critical_alert_keeps_the_warnings_of_its_version_quiet_while_it_fires(
    world: World,
) -> None:
    worst = RuleConfig(
        name="worst",
        metric="error_rate",
        window="5m",
        condition="> 0.5",
        severity=Severity.CRITICAL,
    )
    world.rules.set(MINE, worst)
    world.route([{"channels": ["mail"]}], mail=Box("email"))
    mail = world.boxes["mail"]
    world.evaluate(rate_of("credit", 0, 0.6), rate_of("fraud", 0, 0.2))
    settle(world, MINUTE_MS)
    assert {(event.rule, event.labels["model_name"]) for event in mail.news} == {
        ("worst", "credit"),
        ("mine", "fraud"),
    }
    world.appended(world.now - 3 * HOUR_MS)  # a report of old input ends it all the same
    world.evaluate(rate_of("credit", 1, 0.2))
    settle(world)
    assert told(mail)[2:] == [("resolved", "worst"), ("firing", "mine")]
    world.evaluate(rate_of("credit", 2, 0.0), rate_of("fraud", 1, 0.0))
    settle(world)
    assert statuses(mail.news[4:]) == ["resolved", "resolved"]
    assert world.left() == set()


def test_an_incident_is_over_with_its_last_alert_though_its_input_is_old_by_then(
    world: World,
) -> None:
    for minute in (0, 2):
        world.appended(world.now)
        world.evaluate(rate_of("credit", minute, 0.2))
        world.let_out()
        world.appended(world.now - 3 * HOUR_MS)
        world.evaluate(rate_of("credit", minute + 1, 0.0))
        world.let_out()
    first, over, second, over_too = world.events()
    assert first.incident == over.incident != second.incident == over_too.incident
    assert (first.stale, over.stale) == (False, True)
    assert world.left() == set()


# After a loss of Redis, and a clock that goes wrong.


def test_what_fires_is_repeated_though_redis_was_emptied_since(world: World) -> None:
    world.route(am=Box("alertmanager", resend_ms=MINUTE_MS), mail=Box("email"))
    world.rules.set(msgspec.structs.replace(MINE, severity=Severity.ERROR))
    world.evaluate(rate_of("credit", 0, 0.2), rate_of("fraud", 0, 0.2))
    world.let_out()
    incidents = [event.incident for event in world.events()]
    look(world, 10)
    world.forget()
    for box in world.boxes.values():
        box.notifications.clear()
    look(world, 3)
    am, mail = world.boxes["am"], world.boxes["mail"]
    assert set(am.kinds) == {"repeat"}
    assert {event.labels["model_name"] for event in am.got} == {"credit", "fraud"}
    assert mail.notifications == [], "who was told long ago is not told again"
    world.evaluate(rate_of("credit", 1, 0.0), rate_of("fraud", 1, 0.0))
    settle(world)
    assert statuses(mail.news) == ["resolved", "resolved"]
    assert [event.incident for event in world.events()][:2] == incidents
    assert [event.incident for event in world.events()][2:] == incidents
    assert world.left() == set()


def test_a_program_is_sent_what_fires_again_however_much_else_it_is_told(world: World) -> None:
    world.route(
        [{"channels": ["am"], "group_by": ["namespace"]}], am=Box("alertmanager", resend_ms=60_000)
    )
    am = world.boxes["am"]
    world.evaluate(rate_of("credit", 0, 0.2))
    for minute in range(1, 13):  # an update every twenty seconds
        world.evaluate(rate_of("fraud", minute, 0.2 * (minute % 2)))
        world.let_out()
        world.now += 20_000
    repeated = [one.at for one in am.notifications if one.kind is Kind.REPEAT]
    assert len({at // 60_000 for at in repeated}) >= 3


def test_all_that_fires_is_sent_again_though_it_takes_several_notifications(world: World) -> None:
    second = msgspec.structs.replace(MINE, name="second")
    world.rules.set(MINE, second)
    world.route(am=Box("alertmanager", resend_ms=60_000))
    world.evaluate(rate_of("credit", 0, 0.2))
    settle(world, 10 * MINUTE_MS)
    am = world.boxes["am"]
    repeats = Counter(
        e.rule for one in am.notifications if one.kind is Kind.REPEAT for e in one.events
    )
    assert repeats["mine"] == repeats["second"] >= 8


def test_a_clock_that_was_a_day_ahead_holds_nothing_up(world: World) -> None:
    world.route([{"channels": ["mail", "page"]}], mail=Box("email"), page=Box("pagerduty"))
    mail, page = world.boxes["mail"], world.boxes["page"]
    world.now += 24 * HOUR_MS
    world.evaluate(rate_of("credit", 0, 0.2))
    page.error = DeliveryError("down", retryable=True)
    world.let_out()
    world.now -= 24 * HOUR_MS
    page.error = None
    world.evaluate(rate_of("credit", 1, 0.0))
    settle(world, MINUTE_MS)
    assert statuses(mail.news) == ["firing", "resolved"]
    assert statuses(page.news) in (["firing", "resolved"], [])
    assert world.left() == set()


# A heartbeat.


def test_a_heartbeat_is_sent_once_an_interval_whichever_process_and_channel_is_slow(
    world: World,
) -> None:
    release = threading.Event()

    class Slow(Box):
        def send(self, notification: Notification) -> str | None:
            assert release.wait(30)
            return super().send(notification)

    quick, slow, broken = Box(), Slow(), Box()
    broken.error = DeliveryError("down", retryable=True)
    channels = {"quick": quick, "slow": slow, "broken": broken}
    dogs = [
        Watchdog(world.client, world.settings.namespace, channels, interval_ms=600)
        for _ in range(2)
    ]

    def beat() -> bool:
        for dog in dogs:
            dog.turn(world.now)
        world.now += 1
        return len(quick.notifications) >= 3

    began = time.monotonic()
    until(beat, "three heartbeats came")
    assert time.monotonic() - began > 1.0, "and no more than one an interval"
    assert len({one.id for one in quick.notifications}) == len(quick.notifications)
    assert (slow.notifications, broken.notifications) == ([], [])
    broken.error = None
    release.set()
    until(lambda: beat() and slow.notifications and broken.notifications, "and of the others")


# From outside.


def test_alerts_from_outside_end_when_they_are_sent_so_or_no_more(world: World) -> None:
    one = SentAlert(rule="disk-full", labels={"host": "a"}, channels=("box",))
    ends = msgspec.structs.replace(one, labels={"host": "b"}, ends_at=world.now + 2 * MINUTE_MS)
    for sent in (one, ends, one, ends):
        world.engine.take(sent)
    look(world, 1)
    world.engine.take(msgspec.structs.replace(ends, ends_at=world.now + 3 * MINUTE_MS))
    look(world, 2)
    assert statuses(world.box.news) == ["firing", "firing"]
    look(world, 2)
    assert statuses(world.box.news) == ["firing", "firing", "resolved"]
    world.engine.take(msgspec.structs.replace(one, status="resolved"))
    world.engine.take(msgspec.structs.replace(one, status="resolved"))
    world.engine.take(msgspec.structs.replace(ends, ends_at=world.now - 1))  # late on its way
    world.let_out()
    assert statuses(world.box.news)[3:] == ["resolved"]
    assert world.left() == set()
