"""Latency histogram: base-2 exponential buckets, quantiles within 1.1 %.

Guarantee: a quantile is off by at most ``2**(1/64) - 1`` = 1.09 % of its true value, for latencies
between 2**-20 ms (1 ns) and 2**36 ms (2 years); outside, values count in the outermost bucket.
Memory: 1,794 counts, kept sparse. Bucket bounds are those of OpenTelemetry's exponential histogram
and Prometheus' native histogram at scale 5 [1]_.

References
----------
.. [1] OpenTelemetry metrics data model, "ExponentialHistogram".
"""

import numpy as np

from stream.arrays import FloatArray, IntArray

SCALE = 5
"""32 buckets for each power of two: half a bucket is 1.09 %."""
_LOWEST_POWER, _HIGHEST_POWER = -20, 36
BOUNDS_MS: FloatArray = np.exp2(
    np.arange(_LOWEST_POWER * 2**SCALE, _HIGHEST_POWER * 2**SCALE + 1) / 2**SCALE
)
"""Upper bounds of the buckets: bucket 0 is [0, lowest], bucket i is (bound i-1, bound i]."""
CELLS = len(BOUNDS_MS) + 1
NS_PER_MS = 1_000_000
_CLIP_MS = float(BOUNDS_MS[-1])


def count(latencies_ms: FloatArray) -> IntArray:
    """Count latencies, shape ``(n,)``, in ms, without NaN, into ``(CELLS,)`` buckets."""
    cells = np.searchsorted(BOUNDS_MS, latencies_ms, side="left")
    return np.bincount(cells, minlength=CELLS).astype(np.int64)


def sum_ns(latencies_ms: FloatArray) -> int:
    """Exact sum of latencies, each rounded to a nanosecond."""
    parts = np.rint(np.minimum(latencies_ms, _CLIP_MS) * NS_PER_MS).astype(np.int64)
    low = int((parts & 0xFFFFFFFF).sum())
    return (int((parts >> 32).sum()) << 32) + low


def quantile(counts: IntArray, q: float, max_ms: float | None = None) -> float | None:
    """Quantile ``q`` in ms: the middle (in logarithms) of the bucket that holds it.

    Parameters
    ----------
    counts : (CELLS,) counts
    q : between 0 and 1
    max_ms : the exact maximum; no quantile is reported above it

    Returns
    -------
    The quantile, or None when nothing was counted.

    Examples
    --------
    >>> counts = count(np.array([10.0, 20.0, 1000.0]))
    >>> abs(quantile(counts, 0.5) / 20.0 - 1) < 0.011
    True
    """
    total = int(counts.sum())
    if total == 0:
        return None
    rank = max(1, int(np.ceil(q * total)))
    cell = int(np.searchsorted(np.cumsum(counts), rank, side="left"))
    if cell == 0:
        value = float(BOUNDS_MS[0])
    elif cell == len(BOUNDS_MS):
        value = _CLIP_MS
    else:
        value = float(np.sqrt(BOUNDS_MS[cell - 1] * BOUNDS_MS[cell]))
    return value if max_ms is None else min(value, max_ms)
