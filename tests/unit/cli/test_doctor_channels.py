"""What the doctor calls trouble of notification channels, and what a warning."""

from typing import Any

import pytest

from schemas.models import ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.channel_figures import FAILING_MS_MAX, ChannelFigures
from stream.alerting.channel_store import ChannelState
from stream.alerting.routing import ChannelKind, Routing, parse_routes
from stream.doctor.channel_checks import (
    DEAD_MS,
    OVERDUE_MS_MAX,
    WAITING_MS_MAX,
    Queue,
    check_delivery,
    check_given_up,
    check_named,
    check_queue,
    check_recipients,
    check_settings,
)
from stream.doctor.examine import _channel_checks
from stream.settings import Settings, WatchdogSettings

NOW = 1_790_002_800_000
CRITICAL = {"severity": "critical"}


def routing(types: Any, *routes: Any) -> Routing:
    kinds = {"log": ChannelKind("log", True)}
    kinds |= {name: ChannelKind(of, False) for name, of in types.items()}
    return Routing(parse_routes(routes, kinds), kinds, "ml")


BOTH = {"mail": "email", "pager": "pagerduty"}


def test_channels_are_named_with_their_types() -> None:
    assert check_settings(routing({})).detail == "log; no routes: by severity"
    made = routing(BOTH, {"channels": ["mail"]})
    assert check_settings(made).detail == "log, mail (email), pager (pagerduty); 1 route"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(channels={"x": {"type": "pagerdty"}}), "did you mean 'pagerduty'?"),
        (
            Settings(channels={"x": {"type": "pagerduty", "routing_key_env": "NOT_SET"}}),
            "channels.x.routing_key_env: NOT_SET is not set",
        ),
        (Settings(routes=[{"channels": ["pager"]}]), "there is no channel 'pager'"),
        (
            Settings(watchdog=WatchdogSettings(channels=("pager",))),
            "watchdog.channels: there is no channel 'pager'",
        ),
    ],
)
def test_settings_with_which_agents_do_not_start_are_trouble(settings: Settings, why: str) -> None:
    (check,) = _channel_checks(settings, {})
    assert (check.name, check.ok) == ("channels.settings", False)
    assert why in check.detail


def test_a_fresh_installation_is_told_and_is_no_trouble() -> None:
    settings, reach = _channel_checks(Settings(), {})
    assert settings.hint is None
    assert (reach.name, reach.is_warning) == ("channels.reach", True)
    assert reach.detail == (
        "critical, error, warning and info reach nobody but the log and the dashboard"
    )
    assert "[channels.pager]" in str(reach.hint)


def test_two_channels_are_enough_and_severities_are_told() -> None:
    check = check_recipients(routing(BOTH))
    assert (check.ok, check.hint) == (True, None)
    assert check.detail == (
        "critical reaches mail and pager; error reaches mail;"
        " warning and info reach nobody but the log and the dashboard"
    )


def test_one_channel_is_a_warning() -> None:
    check = check_recipients(routing({"hook": "webhook"}))
    assert check.is_warning
    assert check.detail == "critical, error, warning and info reach hook"
    assert "add a second for when hook is down" in str(check.hint)


def test_a_route_that_tells_too_few_is_named() -> None:
    check = check_recipients(routing(BOTH, {"match": CRITICAL, "channels": ["pager"]}))
    assert check.is_warning
    assert check.hint == "name mail in routes, number 1, too"
    some = {"match": {"model_name": "credit"}, "channels": ["log"], "continue": True}
    check = check_recipients(routing(BOTH, some))
    assert check.is_warning
    assert check.detail.startswith(
        "what is critical of routes, number 1 (model_name=credit), reaches nobody but the log and"
        " the dashboard; critical reaches mail and pager"
    )
    assert check.hint == "name mail or pager in routes, number 1, too"


def test_channels_that_rules_and_models_name_are_looked_for() -> None:
    rule = RuleConfig(name="latency", channels=("pager", "email"))
    model = ModelConfig(model_name="credit", alert_channels=("pagr",))
    assert check_named(routing(BOTH), {"model/x/*": ModelConfig(model_name="x")}) is None
    check = check_named(routing(BOTH), {"rule/latency": rule})
    assert check is not None
    assert check.hint is None
    check = check_named(routing({}), {"rule/latency": rule, "model/credit/*": model})
    assert check is not None
    assert check.is_warning
    assert check.detail == ("rule/latency names pager and email; model/credit/* names pagr")


def figures(waiting: int = 0, since: int | None = None, dead_at: Any = None, **state: Any) -> Any:
    letters = 0 if dead_at is None else 2
    return ChannelFigures("pager", ChannelState(**state), waiting, since, letters, dead_at)


def failing(for_ms: int, waiting: int = 2) -> Any:
    state = {"failures": 4, "failing_since": NOW - for_ms, "error": "HTTP 500"}
    return figures(waiting, NOW - for_ms if waiting else None, **state)


def test_what_is_delivered_is_counted() -> None:
    check = check_delivery([figures(delivered=7), figures(waiting=1, since=NOW)], NOW)
    assert (check.ok, check.hint) == (True, None)
    assert check.detail == "7 notifications delivered, 1 wait"


def test_a_channel_that_fails_is_trouble_after_a_while() -> None:
    assert check_delivery([failing(FAILING_MS_MAX)], NOW).is_warning
    check = check_delivery([figures(), failing(FAILING_MS_MAX + 60_000)], NOW)
    assert not check.ok
    assert check.detail == "pager has failed for 6 min, 2 notifications wait: HTTP 500"
    assert "streamgauge alerts test-notify pager" in str(check.hint)
    assert check_delivery([failing(DEAD_MS, waiting=0)], NOW).hint is None


def test_what_nobody_delivers_is_a_warning() -> None:
    assert check_delivery([figures(1, NOW - WAITING_MS_MAX)], NOW).hint is None
    check = check_delivery([figures(1, NOW - WAITING_MS_MAX - 1)], NOW)
    assert check.is_warning
    assert check.detail == "1 notification waits for pager, the first for 5 min"


def test_what_was_given_up_within_a_day_is_told() -> None:
    assert check_given_up([figures(dead_at=NOW - DEAD_MS)], NOW).hint is None
    given_up: dict[str, Any] = {"dead_at": NOW - 60_000, "error": "HTTP 403"}
    check = check_given_up([figures(**given_up, delivered_at=NOW - 1)], NOW)
    assert check.is_warning
    assert check.detail == (
        "pager gave up 2 notifications, the last 60 s ago, others were delivered since: HTTP 403"
    )
    check = check_given_up([figures(**given_up, delivered_at=NOW - 60_001)], NOW)
    assert not check.ok
    assert "none was delivered since" in check.detail
    assert "--retry pager" in str(check.hint)


def queue(*heads: bytes | None, due_ms: int | None = None) -> Queue:
    outbox, decided = heads or (None, None)
    return Queue(int(outbox is not None), int(decided is not None), (outbox, decided), due_ms)


def test_what_the_agents_have_to_do_gets_on_or_not() -> None:
    nothing, one, other = queue(), queue(b"1", None), queue(b"2", b"1")
    for before, now in ((nothing, nothing), (one, nothing), (one, other), (nothing, one)):
        assert check_queue(before, now, True, NOW).hint is None
    check = check_queue(one, one, True, NOW)
    assert check.is_warning
    assert check.detail == (
        "events to decide about: 1, to publish: 0; the first of them does not get on"
    )
    assert check_queue(other, queue(b"3", b"1"), True, NOW).is_warning
    assert check_queue(one, one, False, NOW).hint is None, "that no agents run is told already"


def test_a_channel_that_should_have_been_told_is_a_warning() -> None:
    late = queue(due_ms=NOW - OVERDUE_MS_MAX - 60_000)
    check = check_queue(late, late, True, NOW)
    assert check.is_warning
    assert "a channel should have been told 2 min ago" in check.detail
    in_time = queue(due_ms=NOW - OVERDUE_MS_MAX)
    assert check_queue(in_time, in_time, True, NOW).hint is None
