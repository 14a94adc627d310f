import dataclasses
from typing import Any

import pytest

from schemas.alerts import Severity, Status
from schemas.conditions import parse_condition
from schemas.rules import RuleConfig
from stream.alerting.evaluate import Observation, Reading
from stream.alerting.rules import Rule, compile_rules
from stream.alerting.transitions import Episode, advance, retire

MINUTE_MS = 60_000
CONDITION = parse_condition("> 1")


def rule_with(**config: Any) -> Any:
    given = RuleConfig(name="mine", metric="x", window="5m", condition="> 1", **config)
    return next(rule for rule in compile_rules([given]) if rule.name == "mine")


def look(minute: Any, holds: Any, severity: Any = "warning", clears: Any = None) -> Any:
    return Observation(
        rule="mine",
        labels={},
        at_ms=minute * MINUTE_MS,
        holds=holds,
        clears=not holds if clears is None else clears,
        severity=Severity(severity),
        readings=(Reading("x", 2.0 if holds else 0.0, CONDITION, 1.0),),
    )


def run(rule: Rule, looks: list[Observation]) -> tuple[list[tuple[Any, ...]], Episode | None]:
    """Events as (minute seen, status, starts, fired, ends), and the episode at the end."""
    episode: Episode | None = None
    events: list[tuple[Any, ...]] = []
    for seen in looks:
        change = advance(rule, episode, seen, stale=False)
        episode = change.episode
        for turn in change.turns:
            times = (turn.episode.starts_at, turn.episode.fired_at, turn.episode.ends_at)
            minutes = [None if time is None else time // MINUTE_MS for time in times]
            events.append((seen.at_ms // MINUTE_MS, turn.status.value, *minutes))
    return events, episode


YES, NO = True, False


@pytest.mark.parametrize(
    ("config", "looks", "events"),
    [
        ({}, [(1, NO), (2, YES)], [(2, "firing", 2, 2, None)]),
        (
            {},
            [(1, YES), (2, YES), (3, NO), (4, NO)],
            [(1, "firing", 1, 1, None), (3, "resolved", 1, 1, 3)],
        ),
        # `for` counts the ends of windows
        ({"for_": "5m"}, [(1, YES), (5, YES)], []),
        ({"for_": "5m"}, [(1, YES), (5, YES), (6, YES)], [(6, "firing", 1, 6, None)]),
        ({"for_": "5m"}, [(1, YES), (60, YES)], [(60, "firing", 1, 60, None)]),  # keep_last
        # flapping never fires
        ({"for_": "5m"}, [(m, m % 3 != 0) for m in range(1, 30)], []),
        # goes on for a while after it ceased, and begins anew when it holds again
        (
            {"keep_firing_for": "3m"},
            [(1, YES), (2, NO), (4, YES), (5, NO), (7, NO), (8, NO)],
            [(1, "firing", 1, 1, None), (8, "resolved", 1, 1, 8)],
        ),
        # none begins during the cooldown; what holds after it does
        (
            {"cooldown": "10m"},
            [(1, YES), (2, NO), (3, YES), (11, YES), (12, YES)],
            [
                (1, "firing", 1, 1, None),
                (2, "resolved", 1, 1, 2),
                (12, "firing", 12, 12, None),
            ],
        ),
        # the cooldown outlives a pending that came to nothing
        (
            {"cooldown": "10m", "for_": "1m"},
            [(1, YES), (2, YES), (3, NO), (13, YES), (14, NO), (15, YES), (16, YES)],
            [
                (2, "firing", 1, 2, None),
                (3, "resolved", 1, 2, 3),
                (16, "firing", 15, 16, None),
            ],
        ),
        # a revision of the same window raises, lowers, and raises again: one episode
        (
            {},
            [(1, NO), (1, YES), (1, NO), (1, YES), (2, YES)],
            [
                (1, "firing", 1, 1, None),
                (1, "resolved", 1, 1, 1),
                (2, "firing", 2, 2, None),
            ],
        ),
        ({"for_": "5m"}, [(1, YES), (1, NO), (6, YES)], []),
        # an older window changes nothing
        ({}, [(5, YES), (4, NO)], [(5, "firing", 5, 5, None)]),
    ],
)
def test_episodes(config: Any, looks: Any, events: Any) -> None:
    assert run(rule_with(**config), [look(*one) for one in looks])[0] == events


def test_hysteresis_keeps_it_firing() -> None:
    looks = [look(1, YES), look(2, NO, clears=False), look(3, NO)]
    assert [event[:2] for event in run(rule_with(), looks)[0]] == [(1, "firing"), (3, "resolved")]


def test_worse_is_an_episode_of_its_own_and_milder_goes_on() -> None:
    looks = [look(1, YES, "info"), look(2, YES, "warning"), look(3, YES, "info"), look(4, NO)]
    events, _ = run(rule_with(), looks)
    assert events == [
        (1, "firing", 1, 1, None),
        (2, "resolved", 1, 1, 2),
        (2, "firing", 2, 2, None),
        (4, "resolved", 2, 2, 4),
    ]


def test_no_id_is_ever_used_twice() -> None:
    looks = [look(m // 3, m % 2 == 0, "info" if m % 5 else "error") for m in range(200)]
    events, _ = run(rule_with(), looks)
    ids = [(starts, status) for _, status, starts, *_ in events]
    assert len(ids) == len(set(ids))
    assert len(ids) > 20


def test_stale_input_tells_nobody_until_it_is_fresh() -> None:
    rule = rule_with()
    change = advance(rule, None, look(1, YES), stale=True)
    assert [(t.publish, t.notify) for t in change.turns] == [(True, False)]
    over = advance(rule, change.episode, look(2, NO), stale=True)
    assert [(t.status, t.notify) for t in over.turns] == [(Status.RESOLVED, False)]

    fresh = advance(rule, change.episode, look(2, YES), stale=False)
    assert [(t.status, t.publish, t.notify) for t in fresh.turns] == [("firing", False, True)]
    assert advance(rule, fresh.episode, look(3, YES), stale=False).turns == ()
    over = advance(rule, fresh.episode, look(4, NO), stale=True)
    assert [t.notify for t in over.turns] == [True]  # who was paged is told the end


def test_a_retired_rule_ends_its_alerts() -> None:
    rule = rule_with(for_="5m")
    pending = advance(rule, None, look(1, YES), stale=False).episode
    assert pending is not None
    assert retire(pending).episode is None
    firing = advance(rule, pending, look(6, YES), stale=False).episode
    assert firing is not None
    over = retire(firing)
    assert [turn.status for turn in over.turns] == ["resolved"]
    assert over.episode is not None
    assert over.episode.ends_at == 6 * MINUTE_MS


def missing(minute: float, holds: Any = True) -> Any:
    """A look by the clock: the figure is absent, which is an alert, or is well."""
    at_ms = int(minute * MINUTE_MS) | 1
    return dataclasses.replace(look(0, holds), at_ms=at_ms, no_data=True, readings=())


WELL = False


@pytest.mark.parametrize(
    ("config", "looks", "events"),
    [
        # it is told after `for`, and is over when the figure is back, good or bad
        ({}, [missing(3), missing(4), look(4, NO)], ["3 no_data", "4 resolved"]),
        ({}, [missing(3), look(4, YES)], ["3 no_data", "4 resolved", "4 firing"]),
        ({"for_": "2m"}, [missing(3), missing(4), missing(6)], ["6 no_data"]),
        ({"for_": "2m"}, [missing(3), look(4, NO), missing(7)], []),
        ({"for_": "2m"}, [missing(3), look(4, YES), look(6, YES)], ["6 firing"]),
        # a real trouble is not ended by what is missing, nor told again
        ({}, [look(1, YES), missing(4), missing(9), look(9, NO)], ["1 firing", "9 resolved"]),
        (
            {},
            [look(1, YES), missing(4, WELL), look(5, YES)],
            ["1 firing", "4 resolved", "5 firing"],
        ),
        # whether it would have come to one nobody can say: it is missing
        ({"for_": "3m"}, [look(1, YES), missing(4), missing(7)], ["7 no_data"]),
        # windows that come late are judged: the clock has not used their times
        ({}, [missing(9), look(2, NO), look(3, YES)], ["9 no_data", "2 resolved", "3 firing"]),
        (
            {},
            [look(1, YES), missing(9, WELL), look(2, YES)],
            ["1 firing", "9 resolved", "2 firing"],
        ),
        # the cooldown is not for what is missing, nor forgotten by it
        (
            {"cooldown": "5m"},
            [look(1, YES), look(2, NO), missing(8), look(9, YES)],
            ["1 firing", "2 resolved", "8 no_data", "9 resolved", "9 firing"],
        ),
        (
            {"cooldown": "20m"},
            [look(1, YES), look(2, NO), missing(8), look(9, YES)],
            ["1 firing", "2 resolved"],
        ),
    ],
)
def test_what_is_missing(config: Any, looks: Any, events: list[str]) -> None:
    found = run(rule_with(**config), looks)[0]
    assert [f"{minute} {status}" for minute, status, *_ in found] == events


def test_an_episode_does_not_begin_where_one_did_before_data_went_missing() -> None:
    looks = [look(5, YES), look(5, NO), missing(9), look(5, NO), look(5, YES), look(6, YES)]
    events, _ = run(rule_with(), looks)
    ids = [(starts, status) for _, status, starts, *_ in events]
    assert len(set(ids)) == len(ids)
    assert [status for _, status in ids] == [
        "firing",
        "resolved",
        "no_data",
        "resolved",
        "firing",
    ]
    assert ids[-1][0] == 6


def test_a_retired_rule_forgets_no_window_in_which_it_fired() -> None:
    rule = rule_with(for_="1m")
    _, over = run(rule, [look(1, YES), look(2, YES), look(3, NO), look(4, YES)])
    assert over is not None
    assert over.status is Status.PENDING
    left = retire(over).episode
    assert left is not None
    assert (left.status, left.barred_to) == (Status.RESOLVED, 3 * MINUTE_MS)
