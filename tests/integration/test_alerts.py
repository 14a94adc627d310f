"""Alerts on real Kafka and Redis: one firing and one resolved by id, whatever crashed between."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_helpers import (
    MINUTE_MS,
    T0,
    alerts_on_topic,
    by_id,
    errors,
    make_report,
    send_reports,
    webhook,
)
from alert_world import LABELS, NOW, Box, World, settings_of, statuses, world_on_kafka
from programs import Programs, until

from schemas.alerts import AlertEvent, Status
from schemas.metrics import WindowReport
from schemas.models import LabelsConfig, ModelConfig
from schemas.rules import RuleConfig
from sinks.channel import DeliveryError
from stream.alerting.engine import STALE_MS, AlertEngine
from stream.alerting.notifier import GIVEN_UP_MS, WAIT_MS, Notifier
from stream.kafka import ensure_topics
from stream.settings import Settings


@pytest.fixture
def settings(stack: Any, namespace: str) -> Settings:
    return settings_of(stack, namespace)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with world_on_kafka(settings) as made:
        yield made


def test_one_firing_and_one_resolved_though_agents_were_killed(
    settings: Settings, programs: Programs, tmp_path: Path
) -> None:
    with webhook() as hook:
        config = tmp_path / "streamgauge.toml"
        config.write_text(f'[channels.hook]\ntype = "webhook"\nurl = "{hook.url}"\n')
        ensure_topics(settings)
        agents = programs.start("agents", "--config", str(config))
        send_reports(settings, *(errors(minute, 0.2) for minute in range(4)))
        until(lambda: "pending" in programs.run("alerts", "list").stdout, "the alert is pending")

        programs.kill(agents)
        send_reports(settings, *(errors(minute, 0.2) for minute in range(4, 8)))
        agents = programs.start("agents", "--config", str(config))
        until(lambda: len(alerts_on_topic(settings)) >= 1, "it fires")
        programs.kill(agents)

        send_reports(settings, errors(8, 0.2), errors(9, 0.01), errors(10, 0.01))
        programs.start("agents", "--config", str(config))
        until(lambda: len(hook.got) >= 2, "the webhook got the end")
        events = by_id(alerts_on_topic(settings))

    firing, resolved = events.values()
    assert (firing.status, resolved.status) == (Status.FIRING, Status.RESOLVED)
    assert (firing.rule, firing.labels) == ("error-rate", LABELS)
    assert (firing.starts_at, firing.fired_at) == (T0, T0 + 5 * MINUTE_MS)
    assert (resolved.starts_at, resolved.ends_at) == (T0, T0 + 9 * MINUTE_MS)
    assert {key: alert for key, alert in hook.got} == events
    assert [key for key, _ in hook.got][-1] == resolved.id

    listed = programs.run("alerts", "list", "--json")
    assert json.loads(listed.stdout) == []
    tailed = programs.run("alerts", "tail", "--all", "--json", "--count", "2")
    assert [json.loads(line)["id"] for line in tailed.stdout.splitlines()] == list(events)
    tailed = programs.run("alerts", "tail", "--all", "--count", "2")
    assert "error rate of credit 3" in tailed.stdout


def test_the_same_reports_in_two_processes_count_once(world: World) -> None:
    reports = [errors(minute, 0.2 if minute < 10 else 0.0) for minute in range(20)]

    def evaluate_all(engine: AlertEngine) -> None:
        for report in reports:
            engine.evaluate(report)

    threads = [
        threading.Thread(target=evaluate_all, args=(world.another_engine(),)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.let_out()
    assert len(alerts_on_topic(world.settings)) == 2
    assert statuses(world.box.got) == ["firing", "resolved"]


def test_users_read_the_event_in_redis(world: World, read: Any) -> None:
    active = f"{world.settings.namespace}:alerts:active"
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
        (of,) = read.smembers(active)
        shown = read.hgetall(f"{world.settings.namespace}:alert:{of}")
        assert shown["status"] == ("pending" if minute < 5 else "firing")
    world.engine.evaluate(errors(7, 0.0))
    assert read.smembers(active) == set()
    shown = read.hgetall(f"{world.settings.namespace}:alert:{of}")
    world.let_out()
    resolved = world.events()[-1]
    assert shown["status"] == "resolved"
    assert shown["id"] == resolved.id
    assert shown["ends_at"] == str(T0 + 7 * MINUTE_MS)
    assert json.loads(shown["labels"]) == LABELS


def test_a_lost_redis_neither_fires_again_nor_forgets_the_end(world: World) -> None:
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    world.let_out()
    world.forget()
    engine = world.another_engine()
    for minute in range(3, 12):  # some are delivered again
        engine.evaluate(errors(minute, 0.2))
    world.let_out()
    assert statuses(world.events()) == ["firing"]

    world.forget()
    engine.evaluate(errors(12, 0.0))
    world.let_out()
    firing, resolved = world.events()
    assert (resolved.starts_at, resolved.ends_at) == (firing.starts_at, T0 + 12 * MINUTE_MS)
    told = {event.id: event for event in world.box.got}
    assert statuses(list(told.values())) == ["firing", "resolved"]
    assert len(world.box.got) == 4  # two crashes, a repeat for each: it fired just before

    world.forget()  # and what is over stays over
    for minute in range(13):
        engine.evaluate(errors(minute, 0.2))
    world.let_out()
    assert len(world.events()) == 2


def test_a_crash_after_publishing_publishes_the_same_bytes_again(world: World) -> None:
    class CrashError(Exception):
        pass

    class Crashing:
        def publish(self, alerts: list[AlertEvent]) -> None:
            world.topic.publish(alerts)
            raise CrashError

    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    crashing = world.relay_to(Crashing(), "box")
    with pytest.raises(CrashError):
        crashing.turn(NOW)
    world.let_out()
    one, other = alerts_on_topic(world.settings)
    assert one == other
    assert statuses(world.box.got) == ["firing"]


def test_latency_is_compared_with_the_day_before(world: World) -> None:
    day = 24 * 60

    def latency(minute: int, p95_ms: float, **fields: Any) -> None:
        world.engine.evaluate(make_report(minute, metrics={"latency_p95_ms": p95_ms}, **fields))

    for minute in range(20):
        latency(minute, 500.0)  # nothing to compare with
        latency(minute, 20.0, revision=101)  # nor is this the truth any more
    latency(12, 9.0, revision=99)  # an older revision
    for minute in range(day, day + 11):
        latency(minute, 50.0)
    world.let_out()
    (event,) = world.events()
    assert (event.rule, event.threshold, event.starts_at) == (
        "latency",
        40.0,
        T0 + day * MINUTE_MS,
    )


def labelled(day: int, labels: int, accuracy: float, **metrics: float) -> WindowReport:
    metrics |= {"label_coverage": labels / 100, "accuracy": accuracy}
    return make_report(
        day * 24 * 60, "1h", metrics=metrics, label_count=labels, revision=100 + labels
    )


def test_performance_is_compared_with_the_day_before_when_both_are_labelled(world: World) -> None:
    world.rules.set(
        RuleConfig(name="worse", metric="accuracy", window="1h", condition="< previous - 0.1"),
        RuleConfig(
            name="busier", metric="throughput_per_s", window="1h", condition="> 2 * previous"
        ),
    )
    world.engine.evaluate(labelled(0, 30, accuracy=0.5))
    world.engine.evaluate(labelled(0, 90, accuracy=0.9))
    for day in range(1, 4):
        per_s = 1.0 if day < 3 else 3.0
        world.engine.evaluate(labelled(day, 0, accuracy=0.0, throughput_per_s=per_s))
    world.engine.evaluate(labelled(1, 79, accuracy=0.2))
    world.engine.evaluate(labelled(1, 80, accuracy=0.7))
    world.let_out()
    busier, worse = world.events()
    assert (busier.rule, busier.threshold) == ("busier", 2.0)
    assert (worse.rule, worse.value, worse.sample_count) == ("worse", 0.7, 80)
    assert worse.threshold == pytest.approx(0.8)
    assert worse.starts_at == T0 + 24 * 60 * MINUTE_MS


def test_a_model_sets_its_bounds_and_when_labels_are_enough(world: World) -> None:
    model = ModelConfig(
        model_name="credit",
        windows=("5m", "1h"),
        performance_threshold={"accuracy": 0.9},
        labels=LabelsConfig(min_coverage=0.5),
    )
    world.rules.set(models=[model])
    world.engine.evaluate(labelled(0, 49, accuracy=0.1))
    world.engine.evaluate(labelled(0, 50, accuracy=0.8))
    world.let_out()
    (firing,) = world.events()
    assert (firing.rule, firing.value, firing.threshold) == ("credit-accuracy", 0.8, 0.9)
    world.rules.set()
    world.engine.tick(NOW)
    world.let_out()
    assert statuses(world.events()) == ["firing", "resolved"]


def test_a_channel_that_is_down_gets_everything_in_order_later(world: World) -> None:
    world.box.error = DeliveryError("down", retryable=True)
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    world.let_out()
    world.engine.evaluate(errors(6, 0.0))
    world.box.error = None
    world.let_out()
    assert world.box.got == []  # it rests
    world.now += WAIT_MS
    world.let_out()
    assert statuses(world.box.got) == ["firing", "resolved"]
    world.let_out()
    assert len(world.box.got) == 2


@pytest.mark.parametrize(
    ("error", "later_ms"),
    [
        (DeliveryError("refused", retryable=False), 0),
        (DeliveryError("down for a day", retryable=True), GIVEN_UP_MS),
        (ZeroDivisionError("a bug"), 0),
    ],
)
def test_what_cannot_be_delivered_makes_room(world: World, error: Exception, later_ms: int) -> None:
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    world.relay.turn(NOW)
    world.box.error = error
    world.notifier.deliver("box", NOW + later_ms)
    assert world.client.llen(world.keys.waiting("box")) == 0
    assert world.client.llen(world.keys.dead("box")) == 1


def test_old_input_tells_nobody_until_it_is_fresh(world: World) -> None:
    world.appended(NOW - STALE_MS - 6 * MINUTE_MS)
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    world.let_out()
    (event,) = world.events()
    assert event.stale
    assert world.box.got == []
    world.appended(NOW)
    world.engine.evaluate(errors(6, 0.2))
    world.engine.evaluate(errors(7, 0.0))
    world.let_out()
    assert statuses(world.box.got) == ["firing", "resolved"]
    assert not world.box.got[0].stale
    assert len(world.events()) == 2


def test_event_time_long_ago_is_no_silence(world: World) -> None:
    """The demo: events of years ago, appended now. Then they stop."""
    for _ in range(8):
        world.appended(world.now)
        world.read_until(world.now)
        world.engine.tick(world.now)
        world.now += 15_000
    for _ in range(44):
        world.read_until(world.now)
        world.engine.tick(world.now)
        world.now += 15_000
    world.let_out()
    (firing,) = world.events()
    assert (firing.rule, firing.labels) == ("no-traffic", {"model_name": "credit"})
    assert 10 * MINUTE_MS <= firing.starts_at - (NOW + 7 * 15_000) <= 11 * MINUTE_MS

    world.appended(world.now)
    world.engine.tick(world.now)
    world.let_out()
    assert statuses(world.events()) == ["firing", "resolved"]


def test_a_worker_that_stands_still_is_reported_once(world: World) -> None:
    world.read_until(NOW)
    world.read_until(NOW, partition=1)
    for _ in range(40):
        world.now += 15_000
        world.read_until(world.now)
        world.engine.tick(world.now)
        world.another_engine().tick(world.now + 7)
    world.let_out()
    (firing,) = world.events()
    assert (firing.rule, firing.severity) == ("pipeline-lag", "critical")
    assert "in 1 of 2 partitions" in firing.summary


def test_a_rule_that_is_gone_takes_its_alerts_along(world: World) -> None:
    world.rules.set(RuleConfig(name="mine", metric="error_rate", window="5m", condition="> 0.1"))
    world.engine.evaluate(errors(0, 0.2))
    world.rules.set()
    world.engine.tick(NOW)
    world.let_out()
    firing, resolved = world.events()
    assert (firing.rule, resolved.status) == ("mine", "resolved")
    assert resolved.summary == "over: there is no rule mine for this any more"
    world.engine.tick(NOW + 1)
    world.let_out()
    assert len(world.events()) == 2


def test_a_rule_goes_to_its_own_channels(world: World) -> None:
    other = Box()
    world.rules.set(
        RuleConfig(
            name="mine",
            metric="error_rate",
            window="5m",
            condition="> 0.1",
            channels=("other", "gone"),
        )
    )
    relay = world.relay_to(world.topic, "box", "other")
    world.engine.evaluate(errors(0, 0.2))
    relay.turn(NOW)
    channels = {"box": world.box, "other": other}
    notifier = Notifier(world.client, world.settings.namespace, channels)
    assert [notifier.deliver(name, NOW) for name in channels] == [0, 1]
    assert (world.box.got, statuses(other.got)) == ([], ["firing"])


def test_a_dead_process_holds_the_outbox_for_seconds_only(world: World) -> None:
    for minute in range(6):
        world.engine.evaluate(errors(minute, 0.2))
    world.client.set(world.keys.lease("outbox"), "a dead process", px=2_000)
    assert world.relay.turn(NOW) == 0
    deadline = time.monotonic() + 30
    while not world.relay.turn(NOW):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert statuses(world.events()) == ["firing"]
