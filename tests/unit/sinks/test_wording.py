"""Notifications in words: one line stays one line, and everything has an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_helpers import (
    HOSTILE,
    hostile_notification,
    make_event,
    make_events,
    make_notification,
)

from schemas.alerts import Status
from schemas.notifications import Kind
from sinks.wording import counts, cut, harmless, is_link, links_of, text_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXTS, st.integers(1, 200))
def test_a_line_is_one_and_bounded(text: str, length_max: int) -> None:
    line = harmless(text, length_max)
    assert len(line) <= length_max
    assert len(line.splitlines()) <= 1
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)
    assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert harmless(line, length_max) == line


@given(st.text(st.characters(codec="ascii", categories=["L", "N"])), st.integers(1, 50))
def test_what_is_cut_shows(text: str, length_max: int) -> None:
    short = cut(text, length_max)
    assert short == text if len(text) <= length_max else short.endswith("…")


def test_a_notification_is_told_whole() -> None:
    over = make_event(status=Status.RESOLVED, rule="latency", summary="p95 is 80 ms", cause=())
    text = text_of(make_notification(events=(make_event(), over), firing=1), 2_000)
    assert text == (
        "1 alert fires\n"
        "likely cause: version 4 was seen first at 14:55\n"
        "\n"
        "- error rate of credit 3 is 12 % (limit 5 %) over 5m, since 2026-09-21 15:00 UTC\n"
        "  firing, error, error-rate\n"
        "  cause: timeout: 12 of 12 errors\n"
        "  runbook of error-rate: https://runbooks.example.org/error-rate\n"
        "  dashboard of error-rate: https://streamgauge.example.org/#credit\n"
        "\n"
        "- over: p95 is 80 ms\n"
        "  resolved, error, latency, since 2026-09-21 15:00 UTC\n"
        "  runbook of latency: https://runbooks.example.org/error-rate\n"
        "  dashboard of latency: https://streamgauge.example.org/#credit"
    )


def test_what_is_left_out_is_counted() -> None:
    notification = make_notification(events=make_events(30), more=9_960, firing=9_990)
    text = text_of(notification, 20_000)
    assert text.startswith("9,990 alerts fire\n")
    assert text.count("\n- ") == 20
    assert text.endswith("\n\nand 9,970 more")
    short = text_of(notification, 1_000)
    assert len(short) <= 1_000
    assert short.endswith(f"and {9_990 - short.count('- error rate'):,} more")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("length_max", [300, 3_000, 20_000])
def test_the_text_has_an_end(text: str, length_max: int) -> None:
    told = text_of(hostile_notification(text, count=40), length_max)
    assert len(told) <= length_max
    assert "\r" not in told
    assert "\x1b" not in told


def test_counts() -> None:
    assert counts(make_notification(firing=1)) == "1 alert fires"
    assert counts(make_notification(firing=12_345)) == "12,345 alerts fire"
    assert counts(make_notification(Kind.RESOLVED)) == "no alert fires any more"
    assert counts(make_notification(Kind.REPEAT, repeat=3)) == "1 alert fires; repeat 3"


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://example.org/a?b=c&d#e", True),
        ("http://127.0.0.1:8080/", True),
        ("javascript:alert(1)", False),
        ("https://example.org/a b", False),
        ("https://example.org/|x>", False),
        ('https://example.org/"onclick', False),
        ("https://example.org/\n", False),
        ("https://example.org/" + "x" * 3_000, False),
        ("", False),
        (None, False),
    ],
)
def test_links_are_of_the_web(url: str | None, may: bool) -> None:
    assert is_link(url) is may


def test_links_are_few_and_each_once() -> None:
    same = make_events(5)
    assert len(links_of(same)) == 2
    many = [make_event(runbook_url=f"https://example.org/{k}") for k in range(50)]
    assert len(links_of(many)) == 10
