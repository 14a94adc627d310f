"""The time order of reference data: only what has one tells how it varies by itself."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.baselines import HOURS_OF_WEEK
from schemas.errors import Rejected
from schemas.timestamps import parse_timestamp_ms
from stream.arrays import FloatArray, IntArray
from stream.baseline.errors import BaselineError
from stream.stats.drift.budget import DAY_MS, HOUR_MS, decision_window_ms

_EPOCH_HOUR_OF_WEEK = 3 * 24
"""1970-01-01 was a Thursday; hours of the week are counted from Monday on."""
SEASONS_SPAN_MS = 14 * DAY_MS
"""Two of each hour of the week: of one, a season could not be told from a one-off."""


@dataclass(frozen=True)
class TimeOrder:
    """Event times of the rows of a sorted table.

    Attributes
    ----------
    times_ms : (n,) ascending, n >= 2, the last above the first; those of the first n rows. Rows
        behind them have no time
    """

    times_ms: IntArray

    @classmethod
    def of(cls, times_ms: IntArray | None) -> "TimeOrder | None":
        """Make one of ascending times; None where they give no order: of one moment, or none."""
        if times_ms is None or times_ms[0] == times_ms[-1]:
            return None
        return cls(times_ms)

    @property
    def rows(self) -> int:
        """Rows that have a time."""
        return len(self.times_ms)

    @cached_property
    def window_rows(self) -> float:
        """Mean number of rows in a decision window."""
        start_ms, end_ms = int(self.times_ms[0]), int(self.times_ms[-1])
        window_ms = decision_window_ms(self.rows, start_ms, end_ms)
        return (self.rows - 1) * window_ms / (end_ms - start_ms)

    @property
    def has_seasons(self) -> bool:
        """Whether it is long enough to tell the hours of the week apart."""
        return int(self.times_ms[-1] - self.times_ms[0]) >= SEASONS_SPAN_MS

    @cached_property
    def hours(self) -> IntArray:
        """Hour of the week of each row, UTC, 0 is Monday 00:00; shape (n,)."""
        return (self.times_ms // HOUR_MS + _EPOCH_HOUR_OF_WEEK) % HOURS_OF_WEEK


def in_time_order(table: pa.Table, name: str) -> tuple[pa.Table, IntArray | None]:
    """Sort a table by event time; rows of the same time stay in order, rows without one go last.

    Parameters
    ----------
    table : n rows
    name : a column of timestamps (without zone: UTC), of epoch milliseconds, or of strings in the
        wire's form

    Returns
    -------
    The table, and the times of its first rows: epoch ms, ascending; None where no row has one.

    Raises
    ------
    BaselineError
        When the column holds no times.

    Examples
    --------
    >>> table = pa.table({"timestamp": [1577923200000, None, 1577836800000], "x": [1, 2, 3]})
    >>> ordered, times_ms = in_time_order(table, "timestamp")
    >>> ordered["x"].to_pylist(), times_ms.tolist()
    ([3, 1, 2], [1577836800000, 1577923200000])
    """
    times = _times_ms(table, name)
    timed = int(np.count_nonzero(~np.isnan(times)))
    order = np.argsort(times, kind="stable")
    if np.any(np.diff(order) < 0):
        table = table.take(pa.array(order))
    return table, times[order[:timed]].astype(np.int64) if timed else None


def _times_ms(table: pa.Table, name: str) -> FloatArray:
    """Times, shape (n,), in milliseconds, which floats hold exactly; NaN where there is none."""
    column = table[name].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        column = column.cast(pa.timestamp("ms", tz=zone), safe=False).cast(pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        times = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        there = times[~np.isnan(times)]
        for end in (there.min(), there.max()) if len(there) else ():
            _parsed(name, int(end) if float(end).is_integer() else float(end))
        floored: FloatArray = np.floor(times)
        return floored
    given = column.to_pylist()
    return np.array([np.nan if value is None else _parsed(name, value) for value in given])


def _parsed(name: str, value: Any) -> int:
    time_ms = parse_timestamp_ms(value)
    if isinstance(time_ms, Rejected):
        raise BaselineError(
            f"column `{name}` is no event time ({time_ms.detail}): correct it, or map the role "
            "`timestamp` to another column"
        )
    return time_ms
