"""Event time, read by hand, against `datetime`."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Reason, Rejected
from schemas.timestamps import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, parse_timestamp_ms

# Hypothesis wants bounds without a zone, and adds one of its own.
FIRST = datetime(1974, 1, 1)  # noqa: DTZ001
LAST = datetime(5000, 1, 1)  # noqa: DTZ001
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))


@given(
    st.datetimes(min_value=FIRST, max_value=LAST, timezones=ZONES),
    st.sampled_from(["T", "t", " "]),
)
def test_agrees_with_datetime(when: datetime, separator: str) -> None:
    expected = (when - EPOCH) // timedelta(milliseconds=1)
    assert parse_timestamp_ms(when.isoformat(separator)) == expected


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-09-21T15:00:00Z", 1790002800000),
        ("2026-09-21t15:00:00z", 1790002800000),
        ("2026-09-21T15:00:00.1Z", 1790002800100),
        ("2026-09-21T15:00:00.0009Z", 1790002800000),
        ("2026-09-21T15:00:00.999999999999999Z", 1790002800999),
        ("2026-09-21T15:00:00-00:00", 1790002800000),
        ("2026-09-21T20:45:00+05:45", 1790002800000),
        ("2026-09-21T04:30:00-10:30", 1790002800000),
        ("2016-12-31T23:59:60Z", 1483228800000),
        ("2016-12-31T18:59:60-05:00", 1483228800000),
        ("2024-02-29T00:00:00Z", 1709164800000),
    ],
)
def test_rfc3339(text: str, expected_ms: int) -> None:
    assert parse_timestamp_ms(text) == expected_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1790002800000",
        "2026-09-21",
        "2026-09-21T15:00Z",
        "2026-09-21T15:00:00",
        "2026-09-21T15:00:00.Z",
        "2026-09-21T15:00:00,5Z",
        "2026-09-21T15:00:00+02",
        "2026-09-21T15:00:00+0200",
        "2026-09-21T15:00:00+24:00",
        "2026-09-21T15:00:00+02:60",
        "2026-09-21T15:00:00 UTC",
        "2026-09-21T15:00:00Z\n",
        " 2026-09-21T15:00:00Z",
        "2026-9-21T15:00:00Z",
        "+002026-09-21T15:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-00-21T15:00:00Z",
        "2025-02-29T15:00:00Z",
        "2026-09-21T24:00:00Z",
        "2026-09-21T15:60:00Z",
        "2026-09-21T15:00:61Z",
        "2026-09-21T15:00:60Z",
        "202\u0666-09-21T15:00:00Z",
        "x" * 100_000,
    ],
)
def test_bad_timestamp(text: str) -> None:
    rejected = parse_timestamp_ms(text)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.BAD_TIMESTAMP
    assert len(rejected.detail) < 200


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (TIMESTAMP_MS_MIN, TIMESTAMP_MS_MIN),
        (TIMESTAMP_MS_MAX, TIMESTAMP_MS_MAX),
        (1790002800000.9, 1790002800000),
        (TIMESTAMP_MS_MIN - 1, Reason.TIMESTAMP_IN_SECONDS),
        (TIMESTAMP_MS_MIN - 0.5, Reason.TIMESTAMP_IN_SECONDS),
        (0, Reason.TIMESTAMP_IN_SECONDS),
        (-1790002800000, Reason.TIMESTAMP_IN_SECONDS),
        ("1970-01-21T17:13:22Z", Reason.TIMESTAMP_IN_SECONDS),
        (TIMESTAMP_MS_MAX + 1, Reason.TIMESTAMP_NOT_MILLISECONDS),
        (TIMESTAMP_MS_MAX + 0.5, Reason.TIMESTAMP_NOT_MILLISECONDS),
        ("9999-12-31T23:59:59Z", Reason.TIMESTAMP_NOT_MILLISECONDS),
        (float("nan"), Reason.BAD_TIMESTAMP),
        (float("inf"), Reason.BAD_TIMESTAMP),
        (True, Reason.BAD_TYPE),
        (None, Reason.BAD_TYPE),
        ([1790002800000], Reason.BAD_TYPE),
    ],
)
def test_bounds_and_types(value: Any, outcome: object) -> None:
    found = parse_timestamp_ms(value)
    assert (found.reason if isinstance(found, Rejected) else found) == outcome


def test_numbers_too_long_to_print() -> None:
    for value, reason in (
        (10**5000, Reason.TIMESTAMP_NOT_MILLISECONDS),
        (-(10**5000), Reason.TIMESTAMP_IN_SECONDS),
    ):
        rejected = parse_timestamp_ms(value)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is reason
