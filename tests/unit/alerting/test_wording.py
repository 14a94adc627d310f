"""A rule's own words, and what is filled in."""

from typing import Any

import pytest

from schemas.alerts import Severity, Status
from schemas.conditions import parse_condition
from stream.alerting.evaluate import Observation, Reading
from stream.alerting.transitions import Episode, Turn
from stream.alerting.wording import summary

LABELS = {"model_name": "credit", "window": "5m"}


def said(own: str, **changes: Any) -> str:
    reading = Reading("error_rate", 0.123, parse_condition("> 2 * baseline"), 0.02, 0.01)
    fields: dict[str, Any] = {"readings": (reading,), "sample_count": 1_200} | changes
    seen = Observation(
        rule="mine",
        labels=LABELS,
        at_ms=1_790_002_800_000,
        holds=True,
        clears=False,
        severity=Severity.ERROR,
        **fields,
    )
    episode = Episode(
        status=Status.FIRING, severity=Severity.ERROR, at=seen.at_ms, starts_at=seen.at_ms
    )
    return summary(seen, Turn(Status.FIRING, episode), own, None).partition(", since")[0]


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("{model_name}: {value}, not {threshold}", "credit: 12.3 %, not 2 %"),
        ("{baseline_value} before, on {sample_count}", "1 % before, on 1,200"),
        ("{rule} is {severity} over {window}", "mine is error over 5m"),
        ("{segment} {value.__class__} {} {0}", "{segment} {value.__class__} {} {0}"),
    ],
)
def test_names_in_braces_are_filled_in_and_others_stay(own: str, words: str) -> None:
    assert said(own) == words


def test_where_the_figure_is_absent_that_is_what_is_said() -> None:
    words = "no error_rate of credit over 5m for 12 min"
    assert said("rate {value}", readings=(), no_data=True, summary=words) == words
