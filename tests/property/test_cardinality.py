"""HyperLogLog registers: the same in any order, and within the stated error."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sketches.cardinality import REGISTERS, distinct, registers_of

VALUES = st.lists(st.text(max_size=6), max_size=40)


@given(st.lists(VALUES, min_size=1, max_size=4), st.randoms())
def test_registers_of_parts_merge_to_those_of_the_whole(
    parts: list[list[str]], random: Any
) -> None:
    whole = [value for part in parts for value in part]
    random.shuffle(whole)
    merged = np.max([registers_of(part) for part in parts], axis=0)
    assert merged.tolist() == registers_of(whole).tolist()
    assert registers_of(whole + whole).tolist() == merged.tolist()


@given(VALUES)
def test_a_few_values_are_told_nearly_exactly(values: list[str]) -> None:
    # Five collisions more than expected of forty values in 2,048 places: once in 20,000 times.
    assert abs(distinct(registers_of(values)) - len(set(values))) < 5


@pytest.mark.parametrize("number", [300, 2_048, 5_000, 5_500, 20_000, 60_000])
def test_the_error_is_the_stated_one(number: int) -> None:
    errors = []
    for run in range(12):
        registers = registers_of(f"{run}/{i}" for i in range(number))
        errors.append(distinct(registers) / number - 1)
    assert max(map(abs, errors)) < 3.5 * 1.04 / REGISTERS**0.5
    assert abs(float(np.mean(errors))) < 4 * 1.04 / REGISTERS**0.5 / len(errors) ** 0.5


def test_registers_hold_the_position_of_the_first_set_bit() -> None:
    registers = registers_of(str(i) for i in range(200_000))
    assert registers.dtype == np.uint8
    assert registers.shape == (REGISTERS,)
    assert 1 <= registers.min() < registers.max() <= 64 - 11 + 1
    # A hundred values a register: the expected height is about log2(100) + 1.
    assert 7 < float(registers.mean()) < 9


def test_any_text_has_a_place() -> None:
    assert registers_of(["\ud800", "", "\0", "ünï"]).sum() > 0
    assert distinct(registers_of([])) == 0.0
