"""Watermarks: how far event time is known to have come, per model version and partition.

The watermark is the largest event time seen, less the disorder allowance, advanced record by
record: whether an event is too late depends on the records before it in its partition and on
nothing else, so a replay decides alike, however the records are batched.
"""

import numpy as np

from stream.arrays import BoolArray, IntArray

NEVER_MS = -1
"""Largest event time of a partition that has not carried the model version yet."""


def running_max(times_ms: IntArray, before_ms: int) -> IntArray:
    """Largest event time *before* each record: shape ``(n,)``, starting from ``before_ms``."""
    seen = np.empty_like(times_ms)
    seen[0] = before_ms
    np.maximum(np.maximum.accumulate(times_ms)[:-1], before_ms, out=seen[1:])
    return seen


def too_late(times_ms: IntArray, before_ms: int, slack_ms: int) -> BoolArray:
    """Which of one partition's records are later than ``slack_ms`` behind the largest time before.

    Parameters
    ----------
    times_ms : (n,) event times in the order of the log
    before_ms : largest event time before them, or :data:`NEVER_MS`
    slack_ms : disorder allowance plus allowed lateness
    """
    return times_ms < running_max(times_ms, before_ms) - slack_ms
