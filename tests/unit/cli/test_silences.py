"""What is said of a silence on the command line, and what is said back."""

from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.alerts import AlertEvent, Severity, Status
from schemas.rules import SilenceConfig
from stream.alerting.silences import Authors, StoredSilence
from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.main import make_app
from stream.cli.output import console
from stream.cli.silence_given import (
    find_silence,
    parse_given,
    parse_matchers,
    wanted_silence,
)
from stream.cli.silence_views import effect, label_hints, silences_table

NOW = 1_790_002_800_000  # 2026-09-21 15:00 UTC
HOUR_MS = 3_600_000


def parsed(*matchers: str, **said: Any) -> Any:
    nothing = dict.fromkeys(("for_", "until", "from_", "comment"))
    return parse_given(matchers, **{**nothing, "everything": False, "now_ms": NOW, **said})


def wanted(*matchers: str, before: Any = None, **said: Any) -> SilenceConfig:
    comment = {} if before is not None else {"comment": "why"}
    return wanted_silence("s-1", parsed(*matchers, **{**comment, **said}), before, NOW)


def refusal(*matchers: str, **said: Any) -> str:
    with pytest.raises(CommandError) as raised:
        wanted(*matchers, **said)
    assert raised.value.code == USAGE
    return str(raised.value)


def test_matchers_are_of_names_and_values_and_a_word_is_a_rule() -> None:
    assert parse_matchers(["latency", "model_name=cred*", "segment=country=FR"]) == {
        "rule": "latency",
        "model_name": "cred*",
        "segment": "country=FR",
    }


@pytest.mark.parametrize(
    ("matchers", "said"),
    [
        (["model_name=~cred.*"], "there are no regular expressions"),
        (["model_name!=credit"], "and no !="),
        (["model_name!~credit"], "matchers are NAME=VALUE"),
        (["credit 3"], "'credit 3': matchers are NAME=VALUE"),
        (["model_name<3=x"], "no name of a label"),
        (["latency", "rule=error-rate"], "rule is given twice"),
        (["=credit"], "'' is no name of a label"),
        (["model_name="], "model_name matches no value"),
        ([], "needs a matcher"),
        (["*"], "say --everything"),
        (["rule=*", "model_name=*"], "say --everything"),
    ],
)
def test_matchers_that_are_refused(matchers: list[str], said: str) -> None:
    assert said in refusal(*matchers)


def test_without_more_it_begins_now_and_lasts_an_hour() -> None:
    made = wanted("latency")
    assert (made.id, made.match, made.comment) == ("s-1", {"rule": "latency"}, "why")
    assert (made.starts_at, made.ends_at) == (NOW, NOW + HOUR_MS)
    assert wanted("*", everything=True).match == {"rule": "*"}


def test_it_lasts_from_its_start_or_until_a_moment() -> None:
    later = wanted("latency", from_="2026-09-21T16:00Z", for_="30m")
    assert (later.starts_at, later.ends_at) == (NOW + HOUR_MS, NOW + 3 * HOUR_MS // 2)
    until = wanted("latency", until="2026-09-21T19:00+02:00")
    assert (until.starts_at, until.ends_at) == (NOW, NOW + 2 * HOUR_MS)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"for_": "2h", "until": "2026-09-22"}, "give one of them"),
        ({"for_": "2 hours"}, "--for '2 hours' is no duration"),
        ({"for_": "0s"}, "is not after its start"),
        ({"until": "2h"}, "--until 2h is a duration"),
        ({"from_": "1h"}, "how long by --for"),
        ({"until": "tomorrow"}, "--until 'tomorrow' is no time: write RFC 3339"),
        ({"until": "2026-09-20"}, "is not after its start"),
        ({"from_": "2026-09-19", "until": "2026-09-20"}, "it has ended already"),
        ({"comment": None}, '--comment "…"'),
        ({"comment": ""}, '--comment "…"'),
    ],
)
def test_times_and_comments_that_are_refused(said: Any, answer: str) -> None:
    assert answer in refusal("latency", **said)


def test_what_is_not_said_of_a_silence_that_goes_on_stays_as_it_is() -> None:
    before = SilenceConfig(
        id="s-1",
        match={"rule": "latency"},
        starts_at=NOW - HOUR_MS,
        ends_at=NOW + HOUR_MS,
        comment="upgrade",
    )
    longer = wanted(before=before, for_="4h")
    assert (longer.starts_at, longer.ends_at) == (NOW - HOUR_MS, NOW + 4 * HOUR_MS)
    assert (longer.match, longer.comment) == (before.match, "upgrade")
    told = wanted("error-rate", before=before, comment="another one")
    assert (told.ends_at, told.match) == (before.ends_at, {"rule": "error-rate"})
    assert told.comment == "another one"


def test_of_a_silence_that_has_ended_all_is_said_anew() -> None:
    over = SilenceConfig(
        id="s-1", match={"rule": "latency"}, starts_at=NOW - 2, ends_at=NOW - 1, comment="upgrade"
    )
    assert "--comment" in refusal(before=over)
    assert "needs a matcher" in refusal(before=over, comment="again")
    again = wanted("latency", before=over, comment="again")
    assert (again.starts_at, again.ends_at) == (NOW, NOW + HOUR_MS)


def test_wrong_usage_is_told_before_anything_is_connected_to() -> None:
    arguments = ["alerts", "silence", "latency", "--for", "soon", "--comment", "x"]
    error = CliRunner().invoke(make_app(), arguments).exception
    assert isinstance(error, CommandError)
    assert (error.code, "--for 'soon' is no duration" in str(error)) == (USAGE, True)


# -- what is said back -----------------------------------------------------------------------------


def alert(rule: str = "latency", **labels: str) -> AlertEvent:
    return AlertEvent(
        id=rule,
        fingerprint=rule,
        status=Status.FIRING,
        severity=Severity.WARNING,
        rule=rule,
        labels=labels,
        summary="",
        starts_at=NOW,
    )


MADE = SilenceConfig(id="s", match={"rule": "latency"}, starts_at=NOW, ends_at=NOW + HOUR_MS)
CREDIT = alert(model_name="credit", window="5m")


def test_the_effect_is_told_in_words() -> None:
    assert effect(MADE, [CREDIT], 5, NOW) == (
        "quiets 1 of the 5 active alerts until 2026-09-21 16:00 UTC: latency (credit 5m)"
    )
    assert effect(MADE, [CREDIT], 1, NOW).startswith("quiets the one active alert until")
    assert effect(MADE, [CREDIT] * 2, 2, NOW).startswith("quiets the 2 active alerts until")
    assert effect(MADE, [alert("no-labels")] * 7, 9, NOW).endswith("no-labels and 2 more")
    before = effect(MADE, [CREDIT], 1, NOW - 1)
    assert before.startswith("is to quiet the one active alert from 2026-09-21 15:00 UTC until")


def test_a_silence_that_matches_nothing_is_told() -> None:
    assert effect(MADE, [], 3, NOW).startswith("it matches none of the 3 active alerts now")
    assert effect(MADE, [], 1, NOW).startswith("it matches none of the one active alert now")
    assert effect(MADE, [], 0, NOW).startswith("no alert is active now")


def test_names_of_alerts_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in effect(MADE, [alert("x\x1b[31m")], 1, NOW)


def test_labels_that_no_alert_has_are_hinted_at() -> None:
    match = {"model": "credit", "rule": "latency", "instance": "a", "zzzz": "b"}
    model, zzzz = label_hints(match, {"instance"})
    assert model == "no active alert has a label 'model': did you mean model_name?"
    assert zzzz.startswith("no active alert has a label 'zzzz': usual are rule, severity,")


def stored(name: str, ends_at: int = NOW + HOUR_MS, **whose: str) -> StoredSilence:
    return StoredSilence(
        SilenceConfig(
            id=name,
            match={"rule": "latency"},
            starts_at=NOW - HOUR_MS,
            ends_at=ends_at,
            comment="[bold]up\x1bgrade[/]",
        ),
        Authors(**whose),
    )


def test_an_unknown_id_names_the_nearest_that_goes_on() -> None:
    known = {name: stored(name) for name in ("deploy-1", "nightly")}
    known["deploy-2"] = stored("deploy-2", NOW - 1)
    assert find_silence(known, "deploy-2", NOW).silence.id == "deploy-2"
    for given, hint in (
        ("deploy-3", "did you mean deploy-1?"),
        ("xyz", "`streamgauge alerts silences` lists them"),
    ):
        with pytest.raises(CommandError, match=f"no silence '{given}': ") as raised:
            find_silence(known, given, NOW)
        assert hint in str(raised.value)
        assert raised.value.code == FAILED


def test_the_table_has_who_and_why_as_they_were_written() -> None:
    rows = [
        stored("one", created_by="ann@a", changed_by="ann@a"),
        stored("two", NOW - 1, created_by="ann@a", changed_by="bob@b"),
        stored("three"),
    ]
    out = console()
    with out.capture() as captured:
        out.print(silences_table(rows, NOW))
    one, two, three = (line for line in captured.get().splitlines() if "rule=latency" in line)
    assert one.split()[:2] == ["one", "active"]
    assert "ann@a" in one
    assert "changed by" not in one
    assert "[bold]upgrade[/]" in one
    assert two.split()[:2] == ["two", "expired"]
    assert "ann@a, changed by bob@b" in two
    assert "–" in three
