"""Exact sums: the same integers whatever the batching, and the same as Python's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.sketches import sums

UNITS = st.integers(-(2**50), 2**50)


@given(st.lists(UNITS, min_size=1, max_size=60), st.integers(0, 60))
def test_sums_are_pythons_own(parts: list[int], cut: int) -> None:
    total, squares = sums.add_up(np.array([parts], dtype=np.int64))
    assert total == [sum(parts)]
    assert squares == [sum(part * part for part in parts)]
    first = sums.add_up(np.array([parts[:cut]], dtype=np.int64))
    rest = sums.add_up(np.array([parts[cut:]], dtype=np.int64))
    assert [first[0][0] + rest[0][0]] == total
    assert [first[1][0] + rest[1][0]] == squares


def test_the_largest_values_of_a_full_block_do_not_overflow() -> None:
    for unit in (2**50, -(2**50)):
        parts = np.full((1, sums.ROWS_MAX + 1), unit, dtype=np.int64)
        total, squares = sums.add_up(parts)
        assert total == [unit * (sums.ROWS_MAX + 1)]
        assert squares == [unit * unit * (sums.ROWS_MAX + 1)]


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20),
    st.floats(1e-9, 1e9),
)
def test_any_float_becomes_an_integer_in_bounds(values: list[float], deviation: float) -> None:
    scale = np.array([[2.0 ** -sums.scale_exponent(deviation)]])
    parts = sums.quantise(np.array([values]), scale)
    assert parts.dtype == np.int64
    assert int(np.abs(parts).max()) <= 2**50
    for value, part in zip(values, parts[0].tolist(), strict=True):
        if not np.isfinite(value):
            assert part == 0
