"""Exact sums of floats: fixed-point integers, so that the result does not depend on the order.

A value x is held as ``round(x * 2**-e)``, where the exponent e comes from the baseline
(:func:`scale_exponent`) and stays as long as the baseline does. With the deviation at 2**20 units a
mean is good to a millionth of the deviation. Values beyond 2**50 units (2**30 deviations) saturate.
"""

import math

import numpy as np

from stream.arrays import FloatArray, IntArray

DEVIATION_BITS = 20
EXPONENT_MIN, EXPONENT_MAX = -1000, 1000
"""Between these both 2**e and 2**-e are floats."""
_CLIP = 2.0**50
_HALF_BITS = 25
_HALF_MASK = (1 << _HALF_BITS) - 1
ROWS_MAX = 4096
"""Values summed at once: 2**12 squares of 25-bit halves stay below 2**63."""


def scale_exponent(deviation: float) -> int:
    """Exponent e for a feature with this standard deviation; 0 deviation counts in 2**-20."""
    if not math.isfinite(deviation) or deviation <= 0:
        return -DEVIATION_BITS
    return max(math.frexp(deviation)[1] - DEVIATION_BITS, EXPONENT_MIN)


def quantise(values: FloatArray, scale: FloatArray) -> IntArray:
    """Fixed-point integers of ``values * scale``; NaN and infinities become 0."""
    with np.errstate(over="ignore"):  # what overflows saturates
        scaled = np.where(np.isfinite(values), values, 0.0) * scale
    return np.rint(np.clip(scaled, -_CLIP, _CLIP)).astype(np.int64)


def add_up(parts: IntArray) -> tuple[list[int], list[int]]:
    """Exact sums and sums of squares along the last axis of ``parts``, shape ``(k, n)``.

    Notes
    -----
    A part is split as ``a * 2**25 + b`` with ``0 <= b < 2**25``, so that no product or sum leaves
    64 bits for up to :data:`ROWS_MAX` values at once.
    """
    sums = [0] * parts.shape[0]
    squares = [0] * parts.shape[0]
    for first in range(0, parts.shape[1], ROWS_MAX):
        block = parts[:, first : first + ROWS_MAX]
        high, low = block >> _HALF_BITS, block & _HALF_MASK
        rows = zip(
            high.sum(axis=1).tolist(),
            low.sum(axis=1).tolist(),
            np.einsum("ij,ij->i", high, high).tolist(),
            np.einsum("ij,ij->i", high, low).tolist(),
            np.einsum("ij,ij->i", low, low).tolist(),
            strict=True,
        )
        for i, (sum_high, sum_low, high_high, high_low, low_low) in enumerate(rows):
            sums[i] += (sum_high << _HALF_BITS) + sum_low
            squares[i] += (high_high << 2 * _HALF_BITS) + (high_low << _HALF_BITS + 1) + low_low
    return sums, squares
