"""Histogram of any finite numbers: base-2 exponential cells, quantiles within 1.1 %.

Guarantee: a quantile is off by at most ``2**(1/64) - 1`` = 1.09 % of its true value, for values of
either sign with 2**-32 <= abs(x) < 2**64. Smaller ones count as zero, larger ones in the outermost
cell. Memory: 6,145 counts, kept sparse. Cell bounds are those of OpenTelemetry's exponential
histogram and Prometheus' native histogram at scale 5 [1]_.

Cells ascend by value. With m and e such that abs(x) = m 2**e and 1/2 <= m < 1, the step of a value
is ``k = floor(32 log2(abs(x))) = 32 (e - 1) + floor(32 log2(2 m))``; split so, powers of two are in
the cell they begin. ``k`` is at most 2047, and then

=====================  ==========  =========================================
value                  cell        holds
=====================  ==========  =========================================
x > 0, k >= -1024      4097 + k    2**(k/32) <= x < 2**((k+1)/32)
x = 0, or k < -1024    3072        -2**-32 < x < 2**-32
x < 0, k >= -1024      2047 - k    -2**((k+1)/32) < x <= -2**(k/32)
=====================  ==========  =========================================

In the Lua 5.1 of Redis::

    local m, e = math.frexp(math.abs(x))
    local k = math.min(32 * (e - 1) + math.floor(32 * math.log(2 * m) / math.log(2)), 2047)
    local cell = x == 0 and 3072 or k < -1024 and 3072 or x > 0 and 4097 + k or 2047 - k

A value that is next to a cell's bound among the doubles may be counted on either side of it.

References
----------
.. [1] OpenTelemetry metrics data model, "ExponentialHistogram".
"""

import math
from collections.abc import Mapping

import numpy as np

from stream.arrays import FloatArray, IntArray

STEPS = 32
"""Cells for each power of two: half a cell is 1.09 %."""
POWER_MIN, POWER_MAX = -32, 64
"""From a quarter of a billionth to the largest 64-bit integer, in any currency or unit."""
STEP_MIN, STEP_MAX = POWER_MIN * STEPS, POWER_MAX * STEPS - 1
SIDE = STEP_MAX - STEP_MIN + 1
"""Cells of one sign."""
ZERO = SIDE
CELLS = 2 * SIDE + 1
BLOCK_CELLS = 512
"""Cells of one row of a pane. The values of a figure reach few blocks, and Redis adds up a row of
512 cells in 40 µs where all 6,145 take 300."""
BLOCKS = -(-CELLS // BLOCK_CELLS)


def cells_of(values: FloatArray) -> IntArray:
    """Cells of finite values, shape ``(n,)``.

    Examples
    --------
    >>> (cells_of(np.array([-1.0, 0.0, 1.0, 2.0, 1e-12])) - ZERO).tolist()
    [-1025, 0, 1025, 1057, 0]
    """
    mantissas, exponents = np.frexp(np.abs(values))
    present = mantissas > 0
    fine = np.floor(STEPS * np.log2(2 * mantissas, where=present, out=np.zeros(len(values))))
    steps = STEPS * (exponents.astype(np.int64) - 1) + fine.astype(np.int64)
    distance = np.where(present, np.clip(steps, STEP_MIN - 1, STEP_MAX) - STEP_MIN + 1, 0)
    cells: IntArray = np.where(values < 0, ZERO - distance, ZERO + distance)
    return cells


def count(values: FloatArray) -> IntArray:
    """Count finite values, shape ``(n,)``, into ``(CELLS,)`` cells."""
    return np.bincount(cells_of(values), minlength=CELLS).astype(np.int64)


def quantile(counts: IntArray, q: float) -> float | None:
    """Quantile ``q``: the middle (in logarithms) of the cell that holds it.

    Parameters
    ----------
    counts : (CELLS,) counts
    q : between 0 and 1

    Returns
    -------
    The quantile, or None when nothing was counted.

    Examples
    --------
    >>> counts = count(np.array([-5.0, 10.0, 1000.0]))
    >>> abs(quantile(counts, 0.5) / 10 - 1) < 0.011
    True
    """
    total = int(counts.sum())
    if total == 0:
        return None
    rank = max(1, int(np.ceil(q * total)))
    return middle(int(np.searchsorted(np.cumsum(counts), rank, side="left")))


def extremes(counts: IntArray) -> tuple[float, float]:
    """Smallest and largest value, of ``(CELLS,)`` counts that are not all zero, within 1.1 %."""
    hits = np.flatnonzero(counts)
    return middle(int(hits[0])), middle(int(hits[-1]))


def middle(cell: int) -> float:
    """Value that a cell stands for."""
    distance = abs(cell - ZERO)
    if distance == 0:
        return 0.0
    value = math.exp2((STEP_MIN + distance - 0.5) / STEPS)
    return value if cell > ZERO else -value


def split(counts: IntArray) -> dict[int, IntArray]:
    """Cut ``(CELLS,)`` counts into blocks, by number; empty ones are left out."""
    cut = range(0, CELLS, BLOCK_CELLS)
    blocks = {first // BLOCK_CELLS: counts[first : first + BLOCK_CELLS] for first in cut}
    return {number: block for number, block in blocks.items() if block.any()}


def joined(blocks: Mapping[int, IntArray]) -> IntArray:
    """Put blocks together to ``(CELLS,)`` counts."""
    counts = np.zeros(CELLS, dtype=np.int64)
    for number, block in blocks.items():
        first = number * BLOCK_CELLS
        counts[first : first + BLOCK_CELLS] = block
    return counts


def block_cells(number: int) -> int:
    """How many cells block ``number`` has."""
    return min(BLOCK_CELLS, CELLS - number * BLOCK_CELLS)
