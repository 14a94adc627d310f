"""Who hears of what, before any alert is there."""

import itertools
from typing import Any

import pytest

from schemas.alerts import AlertEvent, Severity, Status
from stream.alerting.audience import audience, people, reaches
from stream.alerting.routing import ChannelKind, Routing, parse_routes

TYPES = {"log": "log", "hook": "webhook", "mail": "email", "pager": "pagerduty", "chat": "slack"}
CRITICAL = {"severity": "critical"}
CREDIT = {"model_name": "credit"}


def routing(*routes: Any, **types: str) -> Routing:
    kinds = {name: ChannelKind(of, False) for name, of in (types or TYPES).items()}
    return Routing(parse_routes(routes, kinds), kinds, "ml")


def route(match: Any, *channels: str, goes_on: bool = False) -> dict[str, Any]:
    return {"match": match, "channels": list(channels), "continue": goes_on}


def hears(made: Routing, channel: str) -> Any:
    found = audience(made, channel)
    return found.routes, [str(severity) for severity in found.severities]


def told(made: Routing, severity: Severity = Severity.CRITICAL) -> Any:
    return {one.route: list(one.channels) for one in reaches(made, severity)}


def test_without_routes_the_severity_decides() -> None:
    made = routing()
    every = ["info", "warning", "error", "critical"]
    assert hears(made, "log") == hears(made, "hook") == ((), every)
    assert hears(made, "mail") == ((), ["error", "critical"])
    assert hears(made, "pager") == hears(made, "chat") == ((), ["critical"])
    assert told(made) == {None: ["log", "hook", "mail", "pager", "chat"]}
    assert told(made, Severity.INFO) == {None: ["log", "hook"]}


def test_what_a_route_surely_takes_is_nobody_elses() -> None:
    made = routing(route(CRITICAL, "pager"), route({}, "chat"))
    assert hears(made, "pager") == ((1,), [])
    assert hears(made, "chat") == ((2,), [])
    assert hears(made, "log") == ((), [])
    assert told(made) == {None: ["pager"]}
    assert told(made, Severity.INFO) == {None: ["chat"]}


def test_a_route_that_nothing_comes_to_is_left_out() -> None:
    made = routing(route({"severity": "*"}, "pager"), route(CREDIT, "chat"))
    assert hears(made, "chat") == ((), [])
    assert told(made) == {None: ["pager"]}
    made = routing(route({"rule": "*"}, "pager", goes_on=True), route(CREDIT, "chat"))
    assert hears(made, "chat") == ((2,), [])
    assert told(made) == {None: ["pager"], 2: ["pager", "chat"]}


def test_each_route_by_labels_may_take_some() -> None:
    made = routing(
        route(CREDIT, "log", goes_on=True),
        route({**CRITICAL, "rule": "latency"}, "chat"),
        route(CRITICAL, "pager", "mail"),
    )
    assert told(made) == {None: ["pager", "mail"], 1: ["log", "pager", "mail"], 2: ["chat"]}
    assert told(made, Severity.ERROR) == {None: ["log", "hook", "mail"], 1: ["log"]}
    assert hears(made, "log") == ((1,), ["info", "warning", "error"])
    assert hears(made, "chat") == ((2,), [])


MATCHES: Any = ({}, CRITICAL, {"severity": "error"}, CREDIT, {"rule": "lat*"})
SOME = [
    route(match, name, goes_on=goes_on)
    for (match, name), goes_on in itertools.product(zip(MATCHES, TYPES, strict=True), (False, True))
]


def alert(severity: Severity, rule: str, model: str) -> AlertEvent:
    return AlertEvent(
        id="",
        fingerprint="",
        status=Status.FIRING,
        severity=severity,
        rule=rule,
        labels={"model_name": model},
        summary="",
        starts_at=0,
    )


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.CRITICAL])
def test_no_alert_reaches_fewer_than_is_said(severity: Severity) -> None:
    alerts = [
        alert(severity, rule, model)
        for rule, model in itertools.product(("latency", "other"), ("credit", "fraud"))
    ]
    *_, plain = alerts
    for count in range(4):
        for routes in itertools.product(SOME, repeat=count):
            made = routing(*routes)
            least = {one.route: set(one.channels) for one in reaches(made, severity)}
            for one in alerts:
                reached = {to.channel for to in made.destinations(one, ())}
                assert any(channels <= reached for channels in least.values())
                assert one is not plain or reached == least[None]


def test_logs_are_not_people() -> None:
    made = routing(log="log", screen="console", hook="webhook")
    (reach,) = reaches(made, Severity.CRITICAL)
    assert people(made, reach) == ("hook",)
    assert reach.decided_by is None
    made = routing(route({}, "hook"), log="log", hook="webhook")
    assert reaches(made, Severity.INFO)[0].decided_by == 1
