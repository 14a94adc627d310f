"""Processes and Redis die while alerts are routed: nothing is missing, and little is repeated."""

import contextlib
import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import redis
from alert_helpers import MINUTE_MS
from alert_world import (
    MINE,
    Box,
    World,
    let_leases_run_out,
    rate_of,
    settings_of,
    settle,
    world_of,
)
from dying import Countdown, DeathError, dying_client
from private_redis import private_redis

from schemas.rules import SilenceConfig
from stream.alerting.notifier import Notifier
from stream.alerting.telling import RECHECK_MS


def begin_and_end(world: World, minute: int, rate: float) -> None:
    world.evaluate(rate_of("credit", minute, rate), rate_of("fraud", minute, rate))


def channels() -> dict[str, Box]:
    return {"hook": Box("webhook"), "page": Box("pagerduty")}


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
    world.rules.set(MINE)
    world.route([{"channels": ["hook", "page"]}], **channels())
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
    assert world.left() == set()
    return sent == left


@pytest.mark.parametrize(
    "silences", [False, True], ids=["nothing silenced", "silences come and go"]
)
def test_a_redis_that_loses_its_last_commands_publishes_nothing_twice_and_tells_everything(
    stack: Any, namespace: str, tmp_path: Path, silences: bool
) -> None:
    dice, crashes = random.Random(11), 12
    boxes = {"hook": Box("webhook"), "mail": Box("email"), "page": Box("pagerduty")}
    with private_redis(tmp_path / "redis") as server, world_of(server.settings(namespace)) as world:
        world.route([{"channels": list(boxes)}], **boxes)
        minutes, share = itertools.count(), 0.5 if silences else 0.0
        silence = SilenceConfig(
            id="s", match={"model_name": "m1"}, starts_at=0, ends_at=world.now * 2
        )

        def live_a_minute(rates: list[float]) -> None:
            minute = next(minutes)
            world.now += MINUTE_MS
            world.rules.set(MINE, silences=[silence] if dice.random() < share else [])
            world.engine.tick(world.now)
            for number in range(5):
                world.evaluate(rate_of(f"m{number}", minute, dice.choice(rates)))
                if dice.random() < 0.7:
                    world.let_out()

        for _ in range(crashes):
            live_a_minute([0.0, 0.2])
            since = server.written()
            live_a_minute([0.0, 0.2])
            server.kill(left=dice.randint(since, server.written()))
            server.start()
            let_leases_run_out(world)
        world.now += MINUTE_MS
        world.rules.set(MINE)
        last = next(minutes)
        world.evaluate(*(rate_of(f"m{number}", last, 0.0) for number in range(5)))
        settle(world)
        ids = {event.id for event in world.events()}  # each with one content
        assert len(ids) > 2 * crashes
        for box in boxes.values():
            counts = Counter(event.id for event in box.news)
            assert set(counts) <= ids
            assert max(counts.values()) <= 1 + crashes
            assert sum(counts.values()) <= len(counts) * 1.5
            assert silences or set(counts) == ids
        assert world.left() == set()
