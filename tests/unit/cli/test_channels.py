"""Channels on the command line: tried from here, and shown as they are doing."""

import json
from pathlib import Path
from typing import Any

import pytest
from receivers import WebhookReceiver
from typer.testing import CliRunner

from schemas.alerts import AlertEvent, Severity, Status
from schemas.notifications import Kind, Notification
from stream.alerting.channel_figures import ChannelFigures
from stream.alerting.channel_store import ChannelState, Dead
from stream.alerting.routing import ChannelKind, Routing, parse_routes
from stream.cli.channel_views import (
    channel_document,
    channels_table,
    letter_document,
    letters_table,
)
from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.main import make_app
from stream.cli.output import console
from stream.settings import SettingsError

NOW = 1_790_002_800_000  # 2026-09-21 15:00 UTC


@pytest.fixture
def streamgauge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: WebhookReceiver) -> Any:
    """Run a command with a channel that works and one whose place is away."""
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", str(tmp_path))
    file = tmp_path / "settings.toml"
    file.write_text(
        f"""
        [channels.hook]
        type = "webhook"
        url = "{hook.url}/SECRET"
        [channels.away]
        type = "webhook"
        url = "http://127.0.0.1:1/SECRET"
        [channels.pager]
        type = "pagerduty"
        routing_key_env = "NOT_SET"
        """
    )

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(make_app(), ["alerts", *arguments, "--config", str(file)])

    return run


def said(done: Any, code: int) -> str:
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == code
    assert "SECRET" not in str(done.exception)
    return str(done.exception)


def test_a_trial_is_sent_and_ended_without_kafka_and_redis(
    streamgauge: Any, hook: WebhookReceiver
) -> None:
    done = streamgauge("test-notify", "hook", "--severity", "warning")
    assert done.exit_code == 0
    first, last = done.stdout.splitlines()
    assert first.startswith("hook took the test notification in ")
    assert last.startswith("hook took the end of the test in ")
    assert [event.status for event in hook.events] == [Status.FIRING, Status.RESOLVED]
    for event in hook.events:
        assert (event.rule, event.severity) == ("test-notify", Severity.WARNING)
        assert event.labels == {"namespace": "ml"}
        assert "THIS IS A TEST" in event.summary
        assert "@" in event.summary


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_one_of_both_may_be_sent_alone(
    streamgauge: Any, hook: WebhookReceiver, status: str
) -> None:
    done = streamgauge("test-notify", "hook", "--status", status, "--json")
    (result,) = json.loads(done.stdout)
    assert (result["channel"], result["status"]) == ("hook", status)
    (event,) = hook.events
    assert (event.status, event.severity) == (status, Severity.CRITICAL)


def test_what_is_not_taken_is_told_with_the_reason(streamgauge: Any, hook: WebhookReceiver) -> None:
    away = said(streamgauge("test-notify", "away"), FAILED)
    assert away.startswith("away did not take the test notification (127.0.0.1:1 does not answer")
    assert "agents would try again" in away
    hook.down, hook.down_status = True, 404
    gone = said(streamgauge("test-notify", "hook"), FAILED)
    assert "answered 404; is the address right?): agents would give it up; correct" in gone
    assert hook.tries == 1, "its end is not sent"


def test_a_bug_in_a_channel_tells_nothing_that_may_be_secret(
    streamgauge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("SECRET")

    monkeypatch.setattr("sinks.webhook.WebhookChannel.send", fail)
    assert "failed with KeyError" in said(streamgauge("test-notify", "hook"), FAILED)


def test_a_channel_that_is_none_names_the_nearest(streamgauge: Any) -> None:
    why = said(streamgauge("test-notify", "hok"), USAGE)
    assert why == "there is no channel 'hok' in the settings: did you mean 'hook'?"
    assert "there are log, hook, away, pager" in said(streamgauge("test-notify", "x"), USAGE)


def test_the_settings_of_other_channels_do_not_matter(streamgauge: Any) -> None:
    assert streamgauge("test-notify", "log").exit_code == 0
    done = streamgauge("test-notify", "pager")
    assert isinstance(done.exception, SettingsError)
    assert "channels.pager.routing_key_env: NOT_SET is not set" in str(done.exception)


# -- what is shown ---------------------------------------------------------------------------------

KINDS = {
    "log": ChannelKind("log", True),
    "mail": ChannelKind("email", False),
    "p[b]ager\x1b": ChannelKind("pagerduty", False),
}
ROUTES = [{"match": {"severity": "critical"}, "channels": ["p[b]ager\x1b"]}]


def figures(name: str, dead_at: int | None = None, waiting: int = 0, **state: Any) -> Any:
    letters = 0 if dead_at is None else 1
    return ChannelFigures(name, ChannelState(**state), waiting, None, letters, dead_at)


def printed(shown: Any) -> str:
    out = console()
    with out.capture() as captured:
        out.print(shown)
    return captured.get()


def row(one: ChannelFigures, *routes: Any) -> str:
    routing = Routing(parse_routes(routes, KINDS), KINDS, "ml")
    return " ".join(printed(channels_table(routing, [one])).split("─ \n")[1].split())


def test_a_channel_that_never_had_anything() -> None:
    assert row(figures("log")) == "log log all 0 – 0 0 –"
    assert row(figures("mail")) == "mail email error and worse 0 – 0 0 –"


def test_what_routes_leave_is_the_rest() -> None:
    assert row(figures("log"), *ROUTES).startswith("log log the rest: info, warning, error 0")
    nothing = [{"channels": ["mail"]}]
    assert row(figures("log"), *nothing).startswith("log log nothing 0")
    assert row(figures("mail"), *nothing).startswith("mail email route 1: all 0")


def test_names_and_errors_are_shown_as_they_are_and_steer_nothing() -> None:
    one = figures("p[b]ager\x1b", failed_at=NOW, error="HTTP [red]500\x1b[2J", failures=2)
    shown = row(one, *ROUTES)
    assert shown.startswith("p[b]ager pagerduty route 1: severity=critical 0")
    assert shown.endswith("fails since 2026-09-21 15:00: HTTP [red]500[2J")


def test_trouble_is_the_present_one_else_the_last() -> None:
    error: dict[str, Any] = {"failed_at": NOW, "error": "HTTP 500"}
    failing = figures("mail", waiting=3, failures=2, failing_since=NOW - 60_000, **error)
    assert row(failing).endswith("3 – 0 0 fails since 2026-09-21 14:59: HTTP 500")
    over = figures("mail", delivered_at=NOW + 1, superseded=2, **error)
    assert row(over).endswith("0 2026-09-21 15:00 0 2 last at 2026-09-21 15:00: HTTP 500")
    refused = figures("mail", dead_at=NOW, dead=4, delivered_at=NOW - 1, **error)
    assert row(refused).endswith("4, 1 kept 0 gave up at 2026-09-21 15:00: HTTP 500")
    since = figures("mail", dead_at=NOW, dead=1, delivered_at=NOW + 1, **error)
    assert "1 0 last at 2026-09-21 15:00" in row(since)


def test_programs_get_all_figures() -> None:
    routing = Routing(parse_routes(ROUTES, KINDS), KINDS, "ml")
    one = figures("mail", dead_at=NOW, delivered=7, failed=2, failures=1, failed_at=NOW)
    document = channel_document(routing, one)
    assert document["severities"] == ["error"]
    assert (document["type"], document["routes"]) == ("email", [])
    assert (document["delivered"], document["failed"], document["dead_letters"]) == (7, 2, 1)
    assert (document["failing_since"], document["delivered_at"]) == (NOW, None)
    pager = channel_document(routing, figures("p[b]ager\x1b"))
    assert pager["routes"] == [{"number": 1, "match": {"severity": "critical"}}]


def test_dead_letters_are_shown_with_the_reason() -> None:
    event = AlertEvent(
        id="e" * 64,
        fingerprint="f" * 64,
        status=Status.FIRING,
        severity=Severity.ERROR,
        rule="latency",
        labels={},
        summary="",
        starts_at=NOW,
    )
    told = Notification(
        id="n" * 64,
        key="f" * 64,
        kind=Kind.FIRST,
        title="ERROR [b]latency\x1b",
        severity=Severity.ERROR,
        events=(event, event),
        more=3,
        firing=5,
        at=NOW - 1,
    )
    letter = Dead(told, "HTTP 403", NOW)
    shown = " ".join(printed(letters_table([letter])).split("─ \n")[1].split())
    assert shown == (
        "2026-09-21 15:00 first ERROR [b]latency HTTP 403 nnnnnnnnnnnn eeeeeeeeeeee and 4 more"
    )
    document = letter_document(letter)
    assert (document["id"], document["why"], document["given_up_at"]) == (told.id, "HTTP 403", NOW)
    assert len(document["alerts"]) == 2
    assert json.loads(json.dumps(document))["kind"] == "first"


def test_dead_and_retry_do_not_go_together(streamgauge: Any) -> None:
    assert "give one of them" in said(streamgauge("channels", "--dead", "x", "--retry", "x"), USAGE)
