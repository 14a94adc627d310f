"""Routing on real Kafka and Redis: each beginning and each end once, and nothing left behind."""

import contextlib
import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from alert_helpers import MINUTE_MS, errors, make_report
from alert_world import Box, World, settings_of, statuses, world_of
from dying import Countdown, DeathError, dying_client
from private_redis import private_redis
from programs import until

from schemas.metrics import with_report_id
from schemas.models import ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.alerting.routing import INTERVAL_MS_MAX, REPEAT_MS
from stream.alerting.telling import RECHECK_MS

HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def world(stack: Any, namespace: str) -> Iterator[World]:
    with world_of(settings_of(stack, namespace)) as made:
        made.rules.set(EVERY_MINUTE)
        yield made


EVERY_MINUTE = RuleConfig(name="mine", metric="error_rate", window="5m", condition="> 0.1")


def report(model: str, minute: int, rate: float, **fields: Any) -> Any:
    made = msgspec.structs.replace(errors(minute, rate, **fields), model_name=model)
    return with_report_id(made)


def told(box: Box) -> list[tuple[str, str]]:
    """What a channel heard of, repeats aside: status and rule."""
    return [(event.status.value, event.rule) for event in box.news]


def settle(world: World, span_ms: int = INTERVAL_MS_MAX) -> None:
    """Let so much time go by that all groups are told what they have to tell."""
    until_ms = world.now + span_ms
    while world.now < until_ms:
        world.let_out()
        world.now += RECHECK_MS
    world.let_out()


def assert_nothing_is_left(world: World) -> None:
    assert world.left() == set()


# Where an end goes.


def test_an_end_goes_where_its_beginning_went_though_the_routes_have_changed(world: World) -> None:
    world.route([{"channels": ["old"]}], old=Box("email"), new=Box("email"))
    old, new = world.boxes["old"], world.boxes["new"]
    world.evaluate(report("credit", 0, 0.2))
    world.let_out()
    world.route([{"channels": ["new"]}], old=old, new=new)
    world.evaluate(report("credit", 1, 0.0))
    settle(world)
    assert (told(old), told(new)) == ([("firing", "mine"), ("resolved", "mine")], [])
    assert_nothing_is_left(world)


def test_an_end_goes_where_its_beginning_went_though_the_model_names_another_channel(
    world: World,
) -> None:
    world.route(one=Box("email"), other=Box("email"))
    one, other = world.boxes["one"], world.boxes["other"]
    for channel in ("one", "other"):
        model = ModelConfig(model_name="credit", alert_channels=(channel,))
        world.rules.set(EVERY_MINUTE, models=[model])
        minute = 0 if channel == "one" else 1
        world.evaluate(report("credit", minute, 0.0 if minute else 0.2))
        world.let_out()
    settle(world)
    assert (statuses(one.news), statuses(other.news)) == (["firing", "resolved"], [])
    assert_nothing_is_left(world)


def test_what_nobody_was_told_of_ends_quietly_when_routes_come_later(world: World) -> None:
    world.route(mail=Box("email"))
    mail = world.boxes["mail"]
    world.evaluate(report("credit", 0, 0.2))  # a warning: on the dashboard only
    world.let_out()
    world.route([{"channels": ["mail"]}], mail=mail)
    world.evaluate(report("credit", 1, 0.0))
    settle(world)
    assert mail.notifications == []
    assert statuses(world.events()) == ["firing", "resolved"]
    assert_nothing_is_left(world)


def test_a_channel_that_is_configured_no_more_is_forgotten(world: World) -> None:
    world.route(gone=Box("webhook"), stays=Box("webhook"))
    stays = world.boxes["stays"]
    world.evaluate(report("credit", 0, 0.2))
    world.relay.turn(world.now)
    world.route(stays=stays)
    world.evaluate(report("credit", 1, 0.0))
    settle(world, 2 * REPEAT_MS // 1440)
    world.now += REPEAT_MS
    world.let_out()
    assert statuses(stays.news) == ["firing", "resolved"]
    assert world.left() <= {"waiting:gone"}


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
    assert_nothing_is_left(world)


# Crashes.


def begin_and_end(world: World, minute: int, rate: float) -> None:
    world.evaluate(report("credit", minute, rate), report("fraud", minute, rate))


def channels() -> dict[str, Box]:
    return {"hook": Box("webhook"), "mail": Box("email"), "page": Box("pagerduty")}


def let_out_until_death(world: World, left: int, part: str) -> int:
    """One turn, a part of it in a process that dies before a command; returns how many it sent."""
    countdown = Countdown(left)
    with dying_client(world.settings.redis.url or "", countdown) as client:
        notifier = Notifier(client, world.settings.namespace, world.boxes)
        relay = world.another_relay(client) if part == "relay" else world.relay
        notifier = notifier if part == "notifier" else world.notifier
        with contextlib.suppress(DeathError, redis.ConnectionError):
            relay.turn(world.now)
            for name in world.boxes:
                notifier.deliver(name, world.now)
    let_leases_run_out(world)
    return countdown.sent


def let_leases_run_out(world: World) -> None:
    for lease in ("outbox", *(f"channel:{name}" for name in world.boxes)):
        world.client.delete(world.keys.lease(lease))


@pytest.mark.parametrize("part", ["relay", "notifier"])
@pytest.mark.parametrize("when", ["at the beginning", "at the end"])
def test_wherever_a_process_dies_nothing_is_missing_and_little_repeated(
    stack: Any, namespace: str, part: str, when: str
) -> None:
    for left in itertools.count():
        with world_of(settings_of(stack, f"{namespace}-{left}")) as world:
            if not die_once(world, left, part, when):
                break
    assert left > 10, "every command of a whole turn was tried"


def die_once(world: World, left: int, part: str, when: str) -> bool:
    """Two alerts begin and end, and a process dies; returns whether it did."""
    world.rules.set(EVERY_MINUTE)
    world.route([{"channels": ["hook", "mail", "page"]}], **channels())
    sent = 0
    for minute, rate in ((0, 0.2), (1, 0.0)):
        begin_and_end(world, minute, rate)
        if (minute == 0) == (when == "at the beginning"):
            sent = let_out_until_death(world, left, part)
        settle(world, 2 * RECHECK_MS)
    ids = {event.id for event in world.events()}
    assert len(ids) == 4
    for box in world.boxes.values():
        assert {event.id for event in box.got} == ids
        repeats = Counter(one.id for one in box.notifications).values()
        assert sum(repeats) - len(repeats) <= (part == "notifier"), "one crash, one repeat"
    assert_nothing_is_left(world)
    return sent == left


def test_two_relays_and_two_notifiers_at_once_tell_each_event_once(world: World) -> None:
    models = [f"model-{number}" for number in range(12)]
    world.route([{"channels": ["hook", "mail"]}], hook=Box("webhook"), mail=Box("email"))
    namespace, over = world.settings.namespace, threading.Event()

    def run(relay: Relay, notifier: Notifier) -> None:
        while not over.is_set():
            relay.turn(world.now)
            for name in world.boxes:
                notifier.deliver(name, world.now)

    with ThreadPoolExecutor() as threads:
        running = [
            threads.submit(
                run,
                world.another_relay(),
                Notifier(world.client, namespace, world.boxes),
            )
            for _ in range(2)
        ]
        for minute in range(10):
            world.evaluate(*(report(model, minute, 0.2 * (1 - minute % 2)) for model in models))
            world.now += MINUTE_MS

        def all_told() -> bool:
            world.now += RECHECK_MS
            return all(len(box.news) >= 10 * len(models) for box in world.boxes.values())

        until(all_told, "all is told")
        until(lambda: not world.left() - {"lease:outbox"}, "nothing is left")
        over.set()
    for one in running:
        assert one.result() is None
    for box in world.boxes.values():
        assert max(Counter(event.id for event in box.news).values()) == 1
        for model in models:
            of_model = [e for e in box.news if e.labels["model_name"] == model]
            assert statuses(of_model) == ["firing", "resolved"] * 5
    assert len(world.topic.records) == 10 * len(models)


def test_a_redis_that_loses_its_last_commands_tells_each_event_at_most_once_more(
    stack: Any, namespace: str, tmp_path: Path
) -> None:
    dice, crashes = random.Random(7), 12
    with private_redis(tmp_path / "redis") as server, world_of(server.settings(namespace)) as world:
        world.rules.set(EVERY_MINUTE)
        world.route(hook=Box("webhook"))
        minutes = itertools.count()

        def live_a_minute() -> None:
            minute = next(minutes)
            world.now += MINUTE_MS
            world.engine.tick(world.now)
            for number in range(5):
                rate = 0.2 if (minute + number) % 2 else 0.0
                world.evaluate(report(f"m{number}", minute, rate))
                world.let_out()

        for _ in range(crashes):
            live_a_minute()
            since = server.written()
            live_a_minute()
            server.kill(left=dice.randint(since, server.written()))
            server.start()
            let_leases_run_out(world)
        live_a_minute()
        last = next(minutes)
        world.evaluate(*(report(f"m{number}", last, 0.0) for number in range(5)))
        settle(world)
        events = world.events()
        assert len(events) == 2 * (5 * (2 * crashes + 1) // 2)
        counts = Counter(event.id for event in world.boxes["hook"].news)
        assert set(counts) == {event.id for event in events}
        assert max(counts.values()) <= 2
        assert_nothing_is_left(world)
