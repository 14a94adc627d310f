"""Event times of a batch: every spelling, judged alike whatever else is in the batch."""

from typing import Any

import numpy as np
import pytest

from schemas.errors import Reason
from schemas.timestamps import parse_timestamp_ms
from stream.ingest.columns import event_times
from stream.ingest.decode import DecodedEvent

NOW_MS = 1_789_984_800_000
SKEW_MS = 300_000


def times_of(*raw: Any) -> tuple[list[int], dict[int, Reason]]:
    events = [DecodedEvent(timestamp=value) for value in raw]
    found = event_times(events, np.full(len(raw), NOW_MS), SKEW_MS)
    return found.times_ms.tolist(), {i: r.reason for i, r in found.refused.items()}


def test_an_absent_time_is_that_of_the_record() -> None:
    assert times_of(None, NOW_MS - 5) == ([NOW_MS, NOW_MS - 5], {})


def test_fractions_are_cut_so_that_an_event_stays_in_its_minute() -> None:
    texts = ["2026-09-21T09:59:59.9999999Z", "2026-09-21T09:59:59.999999999+00:00"]
    assert times_of(*texts, NOW_MS - 0.5)[0] == [NOW_MS - 1] * 3


@pytest.mark.parametrize("neighbours", [(), (NOW_MS,), (None,), ("2026-09-21T10:00:00Z",)])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (str(NOW_MS), Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:00", Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:0٣Z", Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:60Z", Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:01.Z", Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:Z", Reason.BAD_TIMESTAMP),
        ("2026-09-21T10:00:5Z", Reason.BAD_TIMESTAMP),
        (NOW_MS // 1000, Reason.TIMESTAMP_IN_SECONDS),
        (-1, Reason.TIMESTAMP_IN_SECONDS),
        (NOW_MS * 1000, Reason.TIMESTAMP_NOT_MILLISECONDS),
        (10**30, Reason.TIMESTAMP_NOT_MILLISECONDS),
        (1e300, Reason.TIMESTAMP_NOT_MILLISECONDS),
        (NOW_MS + SKEW_MS + 1, Reason.TIMESTAMP_IN_FUTURE),
        ("2026-09-21T10:05:01Z", Reason.TIMESTAMP_IN_FUTURE),
    ],
)
def test_a_bad_time_is_refused_whatever_its_neighbours_are(
    given: Any, reason: Reason, neighbours: tuple[Any, ...]
) -> None:
    times, refused = times_of(*neighbours, given)
    assert refused == {len(neighbours): reason}
    assert times[: len(neighbours)] == [NOW_MS] * len(neighbours)


def test_times_in_a_minute_already_seen_are_read_as_the_first_was() -> None:
    texts = [
        f"2026-09-21T09:59:{second:02}{fraction}Z"
        for second in (0, 7, 59)
        for fraction in ("", ".5", ".25", ".125", ".0004", ".123456789")
    ]
    assert times_of(*texts, *texts)[0] == [parse_timestamp_ms(text) for text in texts] * 2
