from typing import Any

import pytest

from stream.alerting.checks import Look, Usual, check_lag, check_traffic
from stream.alerting.rules import NO_TRAFFIC, PIPELINE_LAG, Rule, compile_rules

NOW = 1_790_002_800_000
MINUTE_MS = 60_000


def rule_of(name: str) -> Rule:
    return next(rule for rule in compile_rules([]) if rule.name == name)


def looking(behind_ms: int = 0, silent_ms: int = 0) -> Look:
    clocks = {"t:0": NOW - behind_ms, "t:1": NOW, "t:2": 0}
    return Look(NOW, clocks, {"credit": NOW - silent_ms})


@pytest.mark.parametrize(
    ("silent_min", "gap_min", "gaps", "behind_min", "holds"),
    [
        (9, 0.1, 9, 0, False),  # at least ten minutes
        (11, 0.1, 9, 0, True),
        (11, 5, 9, 0, False),  # ten times the usual gap
        (51, 5, 9, 0, True),
        (51, 5, 2, 0, None),  # nothing is usual yet
        (51, 5, 9, 6, None),  # what was sent meanwhile is not read yet
    ],
)
def test_silence(
    silent_min: int, gap_min: float, gaps: int, behind_min: int, holds: bool | None
) -> None:
    usual = Usual(NOW - silent_min * MINUTE_MS, gap_min * MINUTE_MS, gaps)
    seen = check_traffic(
        rule_of(NO_TRAFFIC), looking(behind_ms=behind_min * MINUTE_MS), "credit", usual
    )
    assert (None if seen is None else seen.holds) is holds


def test_silence_in_words() -> None:
    seen = check_traffic(
        rule_of(NO_TRAFFIC), looking(), "credit", Usual(NOW - 25 * MINUTE_MS, 3_000.0, 9)
    )
    assert seen is not None
    assert seen.summary == "credit has sent no event for 25 min (usually one every 3 s or sooner)"
    assert seen.labels == {"model_name": "credit"}


def test_what_is_usual_follows_the_traffic_but_not_its_outages() -> None:
    usual = Usual(NOW)
    for second in range(10, 60, 10):
        usual = usual.seen(NOW + second * 1000)
    assert (usual.gap_ms, usual.gaps) == (10_000, 5)
    assert usual.seen(usual.newest_ms) == usual
    after = usual.seen(NOW + 86_400_000, count_gap=False)
    assert (after.gap_ms, after.newest_ms) == (10_000, NOW + 86_400_000)


@pytest.mark.parametrize(("behind_min", "holds"), [(0, False), (5, False), (6, True)])
def test_lag(behind_min: int, holds: bool) -> None:
    seen = check_lag(rule_of(PIPELINE_LAG), looking(behind_ms=behind_min * MINUTE_MS), "ml")
    assert seen is not None
    assert seen.holds is holds
    assert seen.labels == {"namespace": "ml"}
    assert bool(seen.cause) is holds


def test_without_workers_nothing_is_told() -> None:
    nothing: Any = Look(NOW, {}, {})
    assert check_lag(rule_of(PIPELINE_LAG), nothing, "ml") is None
    assert check_traffic(rule_of(NO_TRAFFIC), nothing, "credit", Usual(NOW, 1.0, 9)) is None
