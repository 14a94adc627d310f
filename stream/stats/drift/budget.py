"""The false-alarm budget, and the window that decides."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
MONTH_MS = 30 * DAY_MS
ROWS_MIN = 200
"""Rows that a decision window should hold: half a standard deviation is found in 98 % of them."""


def alpha(false_alarms_per_month: float, window_ms: int) -> float:
    """Chance of any false alarm that one decision window may take.

    Parameters
    ----------
    false_alarms_per_month : the budget of a model version, for 30 days
    window_ms : length of the decision window; windows follow each other without overlap

    Returns
    -------
    At most 1.

    Examples
    --------
    >>> round(alpha(1, HOUR_MS), 6), round(alpha(1, DAY_MS), 6)
    (0.001389, 0.033333)
    """
    return min(1.0, false_alarms_per_month * window_ms / MONTH_MS)


def decision_window_ms(rows: int, start_ms: int | None, end_ms: int | None) -> int:
    """Choose the decision window `auto`, by the baseline's own rate.

    Parameters
    ----------
    rows : of the baseline
    start_ms, end_ms : event times of its first and last row; None without time order

    Returns
    -------
    1h where that gives 200 rows, else 1d where that does, else 7d; without time order 1d.

    Examples
    --------
    >>> decision_window_ms(5832, 0, 5831 * HOUR_MS) == WEEK_MS
    True
    >>> decision_window_ms(5832, None, None) == DAY_MS
    True
    """
    if start_ms is None or end_ms is None or end_ms <= start_ms:
        return DAY_MS
    rows_per_ms = (rows - 1) / (end_ms - start_ms)
    for window_ms in (HOUR_MS, DAY_MS):
        if rows_per_ms * window_ms >= ROWS_MIN:
            return window_ms
    return WEEK_MS
