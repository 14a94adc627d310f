"""Many alerts, many processes and bad channels: all is told, once, in bounded pieces."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from alert_helpers import MINUTE_MS, make_report
from alert_world import Box, World, rate_of, settle, statuses
from programs import until

from schemas.notifications import Notification
from schemas.rules import RuleConfig
from schemas.sent_alerts import SentAlert
from sinks.channel import DeliveryError
from stream.alerting import notifier as notifying
from stream.alerting import relay as relaying
from stream.alerting.notifier import Notifier
from stream.alerting.relay import Relay
from stream.alerting.telling import RECHECK_MS


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
            world.evaluate(*(rate_of(model, minute, 0.2 * (1 - minute % 2)) for model in models))
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


def test_a_lease_that_runs_out_during_a_delivery_costs_one_repeat(world: World) -> None:
    other = Notifier(world.client, world.settings.namespace, world.boxes)

    class Hanging(Box):
        hangs = True

        def send(self, notification: Notification) -> str | None:
            if self.hangs:
                self.hangs = False
                world.client.delete(world.keys.lease("channel:box"))
                other.deliver("box", world.now)  # another process finds it free
            return super().send(notification)

    hanging = Hanging()
    world.boxes["box"] = hanging  # the same boxes are both notifiers'
    for minute, rate in ((0, 0.2), (1, 0.0), (2, 0.2)):
        world.evaluate(rate_of("credit", minute, rate))
        world.relay.turn(world.now)
    world.let_out()
    assert statuses(hanging.got) == ["firing", "resolved", "firing", "firing"]
    assert len({event.id for event in hanging.got}) == 3
    assert world.client.llen(world.keys.waiting("box")) == 0


def test_a_notifier_that_is_to_end_begins_no_more_deliveries(world: World) -> None:
    class Slow(Box):
        def send(self, notification: Notification) -> str | None:
            world.notifier.close()
            return super().send(notification)

    world.route(slow=Slow())
    slow = world.boxes["slow"]
    world.evaluate(*(rate_of(f"model-{number}", 0, 0.2) for number in range(3)))
    for told in (1, 2, 3):
        world.let_out()
        assert len(slow.news) == told
        world.notifier = Notifier(world.client, world.settings.namespace, world.boxes)


class Picky(Box):
    """A channel that refuses one model for now, for ever."""

    def send(self, notification: Notification) -> str | None:
        if any(event.labels["model_name"] == "poison" for event in notification.events):
            raise DeliveryError("not now", retryable=True, wait_ms=10**12)
        return super().send(notification)


def test_what_a_channel_refuses_holds_up_no_other_conversation(world: World) -> None:
    world.route(picky=Picky())
    picky = world.boxes["picky"]
    for minute in range(120):  # more of it waits than is looked at at once
        world.evaluate(rate_of("poison", minute, 0.2 * (1 - minute % 2)))
        world.let_out()
    assert world.client.llen(world.keys.waiting("picky")) > 100
    world.notifier.turn(world.now)
    world.evaluate(rate_of("credit", 0, 0.2))
    world.let_out()
    world.evaluate(rate_of("credit", 1, 0.0))
    world.relay.turn(world.now)

    def is_told() -> bool:
        world.notifier.turn(world.now)
        return len(picky.got) == 2

    until(is_told, "the others are told")
    assert statuses(picky.got) == ["firing", "resolved"]
    world.now += notifying.WAIT_MS_ASKED_MAX
    failed = int(world.client.hget(world.keys.channel("picky"), "failed"))
    world.let_out()
    again = int(world.client.hget(world.keys.channel("picky"), "failed"))
    assert again == failed + 1, "tried again in an hour at the latest, whatever was asked"
    world.now += notifying.GIVEN_UP_MS
    for _ in range(3):
        world.now += notifying.WAIT_MS_ASKED_MAX
        world.let_out()
    assert world.client.llen(world.keys.waiting("picky")) == 0
    assert world.left() == set()


def test_ten_thousand_alerts_of_one_model_at_once(world: World) -> None:
    count = 10_000
    world.rules.set(
        RuleConfig(name="shift", metric="feature.*.psi", window="5m", condition="> 0.2")
    )
    world.route([{"channels": ["hook", "mail"]}], hook=Box("webhook"), mail=Box("email"))

    def figures(psi: float) -> Any:
        return {f"f{number}": {"psi": psi, "count": 100} for number in range(count)}

    world.evaluate(make_report(0, features=figures(0.5)))
    world.let_out()
    hook, mail = world.boxes["hook"], world.boxes["mail"]
    assert len(hook.news) == len({event.id for event in hook.news}) == count
    assert hook.kinds == ["first"] + ["update"] * (count // 100 - 1)
    assert mail.kinds == ["first"]
    (one,) = mail.notifications
    assert (len(one.events), one.more, one.firing) == (20, count - 20, count)
    world.evaluate(make_report(1, features=figures(0.1)))
    settle(world, 2 * RECHECK_MS)
    assert statuses(hook.news) == ["firing"] * count + ["resolved"] * count
    assert (hook.kinds[-1], mail.kinds) == ("resolved", ["first", "resolved"])
    assert world.left() == set()


def test_hundreds_of_models_at_once_are_all_told_though_the_channel_is_slow(world: World) -> None:
    models = [f"model-{number}" for number in range(700)]
    world.route([{"channels": ["mail"]}], mail=Box("email"))
    mail = world.boxes["mail"]
    world.evaluate(*(rate_of(model, 0, 0.2) for model in models))
    for _ in range(20):
        world.relay.turn(world.now)  # it makes more than the channel takes
        waiting = world.client.llen(world.keys.waiting("mail"))
        assert waiting <= relaying.WAITING_MAX
        world.notifier.deliver("mail", world.now)
        world.now += RECHECK_MS
    settle(world)
    assert Counter(event.labels["model_name"] for event in mail.news) == dict.fromkeys(models, 1)
    assert world.client.llen(world.keys.dead("mail")) == 0
    world.evaluate(*(rate_of(model, 1, 0.0) for model in models))
    settle(world)
    settle(world)
    assert Counter(statuses(mail.news)) == {"firing": 700, "resolved": 700}
    assert world.left() == set()


def test_alerts_from_outside_cost_the_same_however_many_there_are(world: World) -> None:
    sent = [
        SentAlert(rule="disk-full", labels={"host": f"h{number}"}, channels=("box",))
        for number in range(500)
    ]
    for one in sent:
        world.engine.take(one)
    size = max(world.client.hlen(key) for key in world.client.scan_iter(world.keys.series("*")))
    assert size <= 3, "each has a series of its own"
    settle(world, RECHECK_MS)
    for one in sent:
        world.now += 1
        world.engine.take(msgspec.structs.replace(one, status="resolved"))
    settle(world, RECHECK_MS)
    assert Counter(statuses(world.boxes["box"].news)) == {"firing": 500, "resolved": 500}
    assert world.left() == set()
    ttls = [world.client.ttl(key) for key in world.client.scan_iter(world.keys.series("*"))]
    assert min(ttls) > 0, "what is over is forgotten"
