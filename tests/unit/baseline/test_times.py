import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stream.baseline.errors import BaselineError
from stream.baseline.times import SEASONS_SPAN_MS, TimeOrder, in_time_order

HOUR_MS = 3_600_000
START_MS = 1_577_836_800_000  # 2020-01-01, a Wednesday


def test_rows_of_one_time_stay_in_order_and_those_without_go_last() -> None:
    times = [START_MS + 5, None, START_MS, START_MS + 5, START_MS]
    table, times_ms = in_time_order(pa.table({"t": times, "x": list("abcde")}), "t")
    assert table["x"].to_pylist() == [*"cead", "b"]
    assert times_ms is not None
    assert times_ms.tolist() == [START_MS, START_MS, START_MS + 5, START_MS + 5]


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01T01:00:00Z", "2020-01-01T01:00:00+01:00"],
        pa.array([START_MS + HOUR_MS + 0.9, START_MS, float("nan")], pa.float64()),
        pa.array([dt.datetime(2020, 1, 1, 1), dt.datetime(2020, 1, 1)]),  # noqa: DTZ001
        pa.array(["2020-01-01T01:00:00Z", "2020-01-01T00:00:00Z"]).dictionary_encode(),
    ],
)
def test_times_of_any_form(times: Any) -> None:
    _, times_ms = in_time_order(pa.table({"t": times}), "t")
    assert times_ms is not None
    assert times_ms.tolist() == [START_MS, START_MS + HOUR_MS]


@pytest.mark.parametrize("times", [[None, None], pa.array([None, None], pa.int64())])
def test_no_times(times: Any) -> None:
    table, times_ms = in_time_order(pa.table({"t": times, "x": [1, 2]}), "t")
    assert table["x"].to_pylist() == [1, 2]
    assert times_ms is None
    assert TimeOrder.of(None) is None


def test_rows_of_one_moment_have_no_order() -> None:
    assert TimeOrder.of(np.array([START_MS, START_MS])) is None
    assert TimeOrder.of(np.array([START_MS, START_MS + 1])) is not None


@pytest.mark.parametrize("wrong", [12, 10**17])
def test_one_wrong_number_among_many(wrong: int) -> None:
    with pytest.raises(BaselineError, match=f"`t` is no event time .*{wrong}"):
        in_time_order(pa.table({"t": [START_MS, wrong, START_MS + 1]}), "t")


def test_hours_of_the_week_start_on_monday() -> None:
    monday_ms = START_MS + 5 * 24 * HOUR_MS
    order = TimeOrder(np.array([START_MS, monday_ms - 1, monday_ms, monday_ms + HOUR_MS]))
    assert order.hours.tolist() == [48, 167, 0, 1]
    assert dt.datetime.fromtimestamp(monday_ms / 1000, dt.UTC).weekday() == 0


def test_rows_of_a_decision_window() -> None:
    # 300 rows an hour are decided on by the hour, 20 by the day.
    assert TimeOrder(START_MS + np.arange(3000) * 12_000).window_rows == pytest.approx(300)
    assert TimeOrder(START_MS + np.arange(3000) * 180_000).window_rows == pytest.approx(480)


def test_seasons_need_two_weeks() -> None:
    assert TimeOrder(np.array([0, SEASONS_SPAN_MS])).has_seasons
    assert not TimeOrder(np.array([0, SEASONS_SPAN_MS - 1])).has_seasons
