"""Which silence keeps an alert quiet, and what makes no silence."""

from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest

from schemas.alerts import AlertEvent, Severity, Status
from schemas.rules import SilenceConfig
from stream.alerting.figures import matches
from stream.alerting.silences import (
    COMMENT_CHARACTERS_MAX,
    KEPT_MS,
    MATCHERS_MAX,
    VALUE_CHARACTERS_MAX,
    Authors,
    State,
    StoredSilence,
    authors_after,
    document,
    ended,
    in_order,
    make_id,
    make_silence,
    outdated_silences,
    silencing,
    state,
)

NOW = 1_790_002_800_000
HOUR_MS = 3_600_000
ALERT = AlertEvent(
    id="a" * 64,
    fingerprint="f" * 64,
    status=Status.FIRING,
    severity=Severity.WARNING,
    rule="latency",
    labels={"model_name": "credit", "model_version": "3", "window": "5m"},
    summary="slow",
    starts_at=NOW,
)


def silence(id_: str = "s", start: int = -HOUR_MS, end: int = HOUR_MS, **match: str) -> Any:
    return SilenceConfig(
        id=id_,
        match=match or {"rule": "latency"},
        starts_at=NOW + start,
        ends_at=NOW + end,
    )


def make(**fields: Any) -> SilenceConfig:
    known: dict[str, Any] = {
        "id_": "s-1",
        "match": {"rule": "latency"},
        "starts_at": NOW,
        "ends_at": NOW + HOUR_MS,
        "comment": "deployment",
        "now_ms": NOW,
    }
    return make_silence(**known | fields)


@pytest.mark.parametrize(
    ("match", "quiet"),
    [
        ({"rule": "latency"}, True),
        ({"rule": "error-rate"}, False),
        ({"severity": "warning"}, True),
        ({"severity": "critical"}, False),
        ({"model_name": "cred*", "model_version": "3"}, True),
        ({"model_name": "credit", "model_version": "4"}, False),
        ({"segment": "*"}, False),
        ({"rule": "*", "window": "5m"}, True),
    ],
)
def test_all_matchers_must_fit_labels_rule_and_severity(match: Any, quiet: bool) -> None:
    found = silencing(ALERT, [silence(**match)], NOW)
    assert (found is not None) == quiet


def test_rule_and_severity_are_the_alerts_own_whatever_its_labels_say() -> None:
    misleading = msgspec.structs.replace(ALERT, labels={"rule": "other", "severity": "info"})
    assert silencing(misleading, [silence(rule="other")], NOW) is None
    assert silencing(misleading, [silence(severity="warning")], NOW) is not None


def test_a_silence_holds_from_its_start_up_to_its_end() -> None:
    one = silence(start=0, end=HOUR_MS)
    moments = {
        NOW - 1: State.PENDING,
        NOW: State.ACTIVE,
        NOW + HOUR_MS - 1: State.ACTIVE,
        NOW + HOUR_MS: State.EXPIRED,
    }
    for now_ms, expected in moments.items():
        assert state(one, now_ms) is expected
        assert (silencing(ALERT, [one], now_ms) is one) == (expected is State.ACTIVE)


def test_of_several_the_one_that_ends_last_counts_and_of_those_the_first_by_id() -> None:
    short, b, a = silence("0", end=1), silence("b"), silence("a")
    later = silence("z", start=1, end=9 * HOUR_MS)  # not yet
    for order in ([short, b, a, later], [later, a, b, short]):
        assert silencing(ALERT, order, NOW) is a
    assert silencing(ALERT, [short, b], NOW) is b


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"match": {}}, "needs a matcher"),
        ({"match": {"rule": "*"}}, "say `everything`"),
        ({"match": {"rule": "*", "model_name": "**"}}, "say `everything`"),
        ({"match": {"rule": ""}}, "rule matches no value"),
        ({"match": {"mo del": "x"}}, "'mo del' is no name of a label"),
        ({"match": {"model_name!": "x"}}, "is no name of a label"),
        ({"match": {"rule": "x" * (VALUE_CHARACTERS_MAX + 1)}}, "more than 1,000 characters"),
        ({"match": {f"l{n}": "x" for n in range(MATCHERS_MAX + 1)}}, "20 matchers at most"),
        ({"comment": "x" * (COMMENT_CHARACTERS_MAX + 1)}, "comment has more than 2,000"),
        ({"id_": "a b"}, "'a b' is no id"),
        ({"id_": "a\n"}, "is no id"),
        ({"ends_at": NOW}, r"its end \(2026-09-21 15:00 UTC\) is not after its start"),
        ({"starts_at": NOW - 2, "ends_at": NOW - 1}, "it has ended already"),
        ({"ends_at": 1_790_002_800}, "ends_at 1790002800 is no time"),
        ({"ends_at": 10**15}, "is no time of these centuries"),
    ],
)
def test_what_makes_no_silence(fields: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**fields)


def test_everything_can_be_silenced_where_it_is_said() -> None:
    assert make(match={"rule": "*"}, everything=True).match == {"rule": "*"}
    assert make(match={"rule": "*", "model_name": "c*"}).match["model_name"] == "c*"


def test_ending_a_silence_keeps_what_it_was_and_is_a_sound_record() -> None:
    active = ended(silence("a", start=-HOUR_MS), NOW)
    assert (active.starts_at, active.ends_at) == (NOW - HOUR_MS, NOW)
    pending = ended(silence("p", start=HOUR_MS, end=2 * HOUR_MS), NOW)
    just_made = ended(silence("j", start=0), NOW)
    for one in (active, pending, just_made):
        assert state(one, NOW) is State.EXPIRED
        assert msgspec.json.decode(msgspec.json.encode(one), type=SilenceConfig) == one
    over = silence(end=-1)
    assert ended(over, NOW) is over


def test_the_first_record_tells_the_maker_and_the_last_who_changed_it() -> None:
    made = authors_after(None, "ann", "t1")
    assert made == Authors("ann", "t1", "ann", "t1")
    changed = authors_after(authors_after(made, "bob", "t2"), "eve", "t3")
    assert changed == Authors("ann", "t1", "eve", "t3")


def test_a_document_has_the_record_its_state_and_whose_it_is() -> None:
    one = make()
    stored = StoredSilence(one, Authors("ann", "t1", "bob", "t2"))
    found = document(stored, NOW)
    whose = {"created_by": "ann", "created_at": "t1", "changed_by": "bob", "changed_at": "t2"}
    assert found == {**msgspec.to_builtins(one), "state": "active", **whose}


def test_silences_are_read_in_the_order_of_what_matters_now() -> None:
    silences = {
        "over": silence("over", end=-1),
        "long-over": silence("long-over", end=-HOUR_MS + 1),
        "to-come": silence("to-come", start=1, end=2),
        "longer": silence("longer", end=2 * HOUR_MS),
        "shorter": silence("shorter", end=1),
    }
    stored = [StoredSilence(one, Authors()) for one in silences.values()]
    order = [one.silence.id for one in in_order(stored, NOW)]
    assert order == ["shorter", "longer", "to-come", "over", "long-over"]


def test_ended_silences_can_be_looked_up_for_five_days() -> None:
    start = -2 * KEPT_MS
    kept = [silence("k", start, -KEPT_MS), silence("active"), silence("pending", start=1)]
    gone = [silence("y", start, -KEPT_MS - 1), silence("x", start, -KEPT_MS - 1)]
    assert outdated_silences([*kept, *gone], NOW) == [gone[1], gone[0]]


def test_an_id_is_of_the_randomness_given() -> None:
    def bytes_of(value: int) -> Callable[[int], bytes]:
        return lambda count: bytes([value]) * count

    assert make_id(bytes_of(1)) != make_id(bytes_of(2))
    assert make(id_=make_id(bytes_of(255))).id == "f" * 10


# -- what matchers mean ----------------------------------------------------------------------------


def as_told(pattern: str, text: str) -> bool:
    """``*`` stands for any characters, told by taking the pattern apart from its left."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(as_told(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return text[:1] == pattern[0] and as_told(pattern[1:], text[1:])


def test_a_pattern_matches_what_its_stars_can_stand_for() -> None:
    texts = ["".join(of) for length in range(5) for of in product("ab", repeat=length)]
    patterns = ["".join(of) for length in range(6) for of in product("ab*", repeat=length)]
    for pattern, text in product(patterns, texts):
        assert matches(pattern, text) == as_told(pattern, text), (pattern, text)


def test_no_pattern_keeps_the_agents_busy() -> None:
    # As a regular expression this one takes hours, and tests are stopped after minutes.
    assert not matches("*a" * 9 + "*b", "a" * 200)
    assert matches("*a" * 9 + "*b", "a" * 200 + "b")
