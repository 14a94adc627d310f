"""Figures that go missing, on a real Redis: what their rules' policies make of it, and when."""

from typing import Any

import msgspec
import pytest
from alert_helpers import HOUR_MS, make_report
from alert_world import World, look, rate_of, statuses

from schemas.metrics import with_report_id
from schemas.rules import NoData, RuleConfig


def no_data(policy: NoData, **fields: Any) -> RuleConfig:
    return RuleConfig(
        name="mine", metric="error_rate", window="5m", condition="> 0.1", no_data=policy, **fields
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (NoData.KEEP_LAST, ["firing"]),
        (NoData.ALERT, ["firing"]),
        (NoData.OK, ["firing", "resolved"]),
    ],
)
def test_a_figure_that_goes_missing_ends_an_alert_only_where_the_policy_says_so(
    world: World, policy: NoData, expected: list[str]
) -> None:
    world.rules.set(no_data(policy))
    world.evaluate(rate_of("credit", 0, 0.2))
    look(world, 20)
    assert statuses(world.events()) == expected
    assert statuses(world.box.news) == expected


@pytest.mark.parametrize("policy", list(NoData))
def test_a_figure_that_is_missing_is_an_alert_where_the_policy_says_so_after_for(
    world: World, policy: NoData
) -> None:
    world.rules.set(no_data(policy, for_="5m"))
    world.evaluate(rate_of("credit", 0, 0.0))
    look(world, 3)  # two windows a minute apart, and a minute of grace
    look(world, 4.5)
    assert world.events() == []
    look(world, 1)
    assert statuses(world.events()) == (["no_data"] if policy is NoData.ALERT else [])
    world.evaluate(rate_of("credit", 10, 0.0))
    world.let_out()
    over = ["no_data", "resolved"] if policy is NoData.ALERT else []
    assert statuses(world.events()) == statuses(world.box.news) == over


def test_where_a_figure_comes_back_bad_its_alert_follows_at_once(world: World) -> None:
    world.rules.set(no_data(NoData.ALERT))
    world.evaluate(rate_of("credit", 0, 0.0))
    look(world, 5)
    world.evaluate(rate_of("credit", 6, 0.2))
    world.let_out()
    assert statuses(world.box.news) == ["no_data", "resolved", "firing"]


def test_a_figure_is_missing_though_reports_come_without_it(world: World) -> None:
    world.rules.set(no_data(NoData.ALERT))
    world.evaluate(rate_of("credit", 0, 0.0))
    for minute in range(1, 6):
        look(world, 1)
        world.evaluate(make_report(minute, metrics={"throughput_per_s": 1.0}))
    assert statuses(world.events()) == ["no_data"]


def test_features_that_are_missing_and_come_back(world: World) -> None:
    shift = RuleConfig(
        name="shift", metric="feature.*.psi", window="5m", condition="> 0.2", no_data=NoData.ALERT
    )
    world.rules.set(shift)
    world.evaluate(make_report(0, features={"age": {"psi": 0.1}}))
    look(world, 5)
    world.evaluate(make_report(6, features={"age": {"psi": 0.1}}))
    world.let_out()
    assert statuses(world.box.news) == ["no_data", "resolved"]

    world.rules.set(msgspec.structs.replace(shift, no_data=NoData.OK))
    world.evaluate(make_report(7, features={"age": {"psi": 0.5}, "zip": {"psi": 0.5}}))
    look(world, 5)
    assert statuses(world.box.news[2:]) == ["firing", "firing", "resolved", "resolved"]


def test_a_version_that_another_has_replaced_is_not_missed(world: World) -> None:
    world.rules.set(no_data(NoData.ALERT))
    for minute in range(10):
        version = "3" if minute < 4 else "4"
        report = msgspec.structs.replace(rate_of("credit", minute, 0.0), model_version=version)
        world.evaluate(with_report_id(report))
        look(world, 1)
    assert world.events() == []
    look(world, 10)
    (event,) = world.events()
    assert (event.status, event.labels["model_version"]) == ("no_data", "4")


def test_nothing_is_missing_because_nobody_looked_or_the_log_is_not_read(world: World) -> None:
    world.rules.set(no_data(NoData.ALERT))
    world.evaluate(rate_of("credit", 0, 0.0))
    look(world, 1)
    world.now += 3 * HOUR_MS  # agents were away
    look(world, 1)
    assert world.events() == []
    world.read_until(world.now)
    look(world, 4)  # now the workers are: reports cannot come
    assert world.events() == []
    world.evaluate(rate_of("credit", 5, 0.0))
    for _ in range(20):
        world.read_until(world.now)
        look(world, 0.25)
    assert [event.rule for event in world.events()] == ["mine"]
