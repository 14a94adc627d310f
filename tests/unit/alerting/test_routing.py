from collections.abc import Callable, Sequence
from typing import Any

import pytest

from schemas.alerts import AlertEvent, Severity
from stream.alerting.routing import (
    ChannelKind,
    RouteConfig,
    Routing,
    Timing,
    parse_routes,
)

MakeEvent = Callable[..., AlertEvent]

KINDS = {
    "log": ChannelKind("log", True),
    "hook": ChannelKind("webhook", True),
    "mail": ChannelKind("email", False),
    "page": ChannelKind("pagerduty", False),
    "chat": ChannelKind("slack", False),
}


def names(routing: Routing, alert: AlertEvent, named: Sequence[str] = ()) -> list[str]:
    return [one.channel for one in routing.destinations(alert, named)]


def routing_by(*tables: dict[str, Any]) -> Routing:
    return Routing(parse_routes(tables, KINDS), KINDS, "ml")


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        (Severity.INFO, ["log", "hook"]),
        (Severity.WARNING, ["log", "hook"]),
        (Severity.ERROR, ["log", "hook", "mail"]),
        (Severity.CRITICAL, ["log", "hook", "mail", "page", "chat"]),
    ],
)
def test_without_routes_the_severity_decides(
    make_event: MakeEvent, severity: Severity, told: list[str]
) -> None:
    assert names(routing_by(), make_event(severity=severity)) == told


def test_where_there_is_no_mail_chats_hear_of_errors(make_event: MakeEvent) -> None:
    kinds = {name: kind for name, kind in KINDS.items() if name != "mail"}
    assert names(Routing((), kinds, "ml"), make_event(severity=Severity.ERROR)) == [
        "log",
        "hook",
        "chat",
    ]


def test_the_first_route_that_matches_decides_unless_it_says_continue(
    make_event: MakeEvent,
) -> None:
    routing = routing_by(
        {"match": {"model_name": "fraud"}, "channels": ["page"]},
        {"match": {"model_name": "cred*"}, "channels": ["mail"], "continue": True},
        {"match": {"severity": "warning", "model_name": "*"}, "channels": ["chat", "mail"]},
        {"channels": ["hook"]},
    )
    assert names(routing, make_event()) == ["mail", "chat"]
    assert names(routing, make_event(labels={"model_name": "fraud"})) == ["page"]
    assert names(routing, make_event(labels={})) == ["hook"], "a label that is asked for is there"


def test_the_last_continue_is_enough_and_of_none_the_severity_decides(
    make_event: MakeEvent,
) -> None:
    last = {"match": {"rule": "latency"}, "channels": ["chat"], "continue": True}
    assert names(routing_by(last), make_event("latency")) == ["chat"]
    assert names(routing_by(last), make_event()) == ["log", "hook"]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (["chat", "mail"], ["chat", "mail"]),
        (["slack", "chat"], ["chat"]),  # a type names all channels of it
        (["gone", "page"], ["page"]),
        (["gone"], ["hook"]),  # better told twice than not
    ],
)
def test_who_is_named_is_told_and_nobody_else(
    make_event: MakeEvent, named: list[str], told: list[str]
) -> None:
    assert names(routing_by({"channels": ["hook"]}), make_event(), named) == told


@pytest.mark.parametrize(
    ("group_by", "labels"),
    [
        (None, {"model_name": "credit"}),
        (["rule", "severity"], {"rule": "error-rate", "severity": "warning"}),
        (["feature"], {"rule": "error-rate"}),
        ([], {"rule": "error-rate"}),
        (["*"], {"model_name": "credit", "model_version": "3", "rule": "error-rate"}),
    ],
)
def test_a_group_has_the_labels_it_is_grouped_by(
    make_event: MakeEvent, group_by: Any, labels: dict[str, str]
) -> None:
    table = {"channels": ["mail"]} | ({} if group_by is None else {"group_by": group_by})
    (one,) = routing_by(table).destinations(make_event(), ())
    assert one.labels == labels


def test_times_are_those_of_the_route_but_of_what_a_place_must_be_sent_again(
    make_event: MakeEvent,
) -> None:
    route = RouteConfig(
        channels=("am",), group_wait="30s", group_interval="1m", repeat_interval="12h"
    )
    assert route.timing(KINDS["mail"]) == Timing(30_000, 60_000, 60_000, 12 * 3_600_000)
    assert RouteConfig(channels=("a",)).timing(KINDS["mail"]).interval_ms_max == 300_000
    assert RouteConfig(channels=("a",)).timing(KINDS["hook"]).interval_ms == 0
    kinds = {"am": ChannelKind("alertmanager", True, resend_ms=60_000)}
    (told,) = Routing((route,), kinds, "ml").destinations(make_event(), ())
    assert told.timing.repeat_ms == 60_000


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            {"channels": ["mali"]},
            "there is no channel 'mali': did you mean 'mail'?",
        ),
        ({"channels": []}, "length >= 1"),
        (
            {"channels": ["mail"], "continu": True},
            "unknown key 'continu': did you mean",
        ),
        ({"channels": ["mail"], "group_wait": "soon"}, "routes, number 2: "),
        ({"channels": ["mail"], "repeat_interval": "0s"}, "would repeat without end"),
        ({"channels": ["mail"], "match": {"rule": 1}}, "match"),
    ],
)
def test_a_route_that_cannot_be_used_is_named(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match="routes, number 2") as caught:
        parse_routes([{"channels": ["log"]}, table], KINDS)
    assert says in str(caught.value)


@pytest.mark.parametrize("group_by", [None, ["severity"], ["model_name", "severity"], ["*"]])
def test_conversations_of_two_groups_never_have_the_same_key(
    make_event: MakeEvent, group_by: list[str] | None
) -> None:
    route = {"channels": ["page", "chat"]} | ({} if group_by is None else {"group_by": group_by})
    routing = routing_by(route)
    severities = [make_event(severity=one) for one in (Severity.WARNING, Severity.CRITICAL)]
    found = [one for alert in severities for one in routing.destinations(alert, ())]
    assert len({one.group for one in found}) == (4 if "severity" in (group_by or ()) else 2)
    if group_by == ["*"]:
        assert {one.key for one in found} == {severities[0].fingerprint}
    else:
        assert len({one.key for one in found}) == len({one.group for one in found})


def test_namespaces_that_share_a_pager_share_no_page(make_event: MakeEvent) -> None:
    route = RouteConfig(channels=("page",))
    keys = {
        one.key
        for namespace in ("staging", "production")
        for one in Routing((route,), KINDS, namespace).destinations(make_event(), ())
    }
    assert len(keys) == 2
