"""``changes.lua`` changes rows of label panes as Python would, however large they are."""

from typing import Any

import numpy as np
import pytest
import redis

from stream.arrays import IntArray
from stream.state.codec import decode_counts, decode_sums, encode_counts
from stream.state.packed import packed
from stream.state.store import script

COUNTS = """
local plan, changes = cmsgpack.unpack(ARGV[1]), {}
for i, cell in ipairs(plan.cells) do changes[cell] = plan.amounts[i] end
return {changed_counts(ARGV[2] ~= '' and ARGV[2] or nil, plan.n, changes)}
"""
SUMS = """
return {changed_sums(ARGV[2] ~= '' and ARGV[2] or nil, cmsgpack.unpack(ARGV[1]))}
"""
LIMB, SQUARE_LIMB = 2**32, 2**25
LARGEST = (1, 900, 40_000, 2**20, 2**40)
"""Amounts that need counts of 2, 4 and 8 bytes, or will after some changes."""


class Rows:
    """Calls the functions of ``changes.lua`` in Redis."""

    def __init__(self, client: Any) -> None:
        self._counts = client.register_script(script("changes.lua") + COUNTS)
        self._sums = client.register_script(script("changes.lua") + SUMS)

    def counts(self, row: bytes, n: int, changes: dict[int, int]) -> list[Any]:
        plan = {"n": n, "cells": list(changes), "amounts": list(changes.values())}
        return list(self._counts(args=[packed(plan), row]))

    def sums(self, row: bytes, limbs: list[int]) -> list[Any]:
        return list(self._sums(args=[packed(limbs), row]))


@pytest.fixture
def rows(stack: Any) -> Any:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield Rows(client)


def draw_changes(counts: IntArray, largest: int, rng: np.random.Generator) -> dict[int, int]:
    """A few cells or many, near each other or not; what is there may be taken away again."""
    n = len(counts)
    low = int(rng.integers(0, n))
    high = n if rng.random() < 0.5 else min(n, low + 8)
    size = int(rng.choice([1, 3, 30, n]))
    out = {}
    for cell in rng.integers(low, high, size).tolist():
        amount = largest if rng.random() < 0.1 else 1
        gone = counts[cell] if rng.random() < 0.5 else min(1, counts[cell])
        out[cell] = -int(gone) if rng.random() < 0.3 else amount
    return out


@pytest.mark.parametrize("n", [64, 1030, 2052])
def test_counts_are_exact_whatever_form_their_row_has(rows: Rows, n: int) -> None:
    rng = np.random.default_rng(n)
    seen = set()
    for largest in 3 * LARGEST:
        row, counts = b"", np.zeros(n, dtype=np.int64)
        for _ in range(30):
            changes = draw_changes(counts, largest, rng)
            [row] = rows.counts(row, n, changes)
            for cell, amount in changes.items():
                counts[cell] += amount
            assert np.array_equal(decode_counts(row), counts)
            seen.add(row[:1])
    assert seen == {b"S", b"T", b"C", b"D", b"W"}


@pytest.mark.parametrize(
    ("others", "before", "after"),
    [(1000, 2**16 - 1, b"D"), (1000, 2**32 - 1, b"W"), (10, 2**32 - 1, b"T")],
)
def test_a_count_that_outgrows_its_bytes_widens_its_row(
    rows: Rows, others: int, before: int, after: bytes
) -> None:
    counts = np.zeros(1000, dtype=np.int64)
    counts[:: 1000 // others] = 7
    counts[500] = before
    [row] = rows.counts(encode_counts(counts), 1000, {500: 1})
    counts[500] += 1
    assert row[:1] == after
    assert np.array_equal(decode_counts(row), counts)


def test_a_sparse_row_grows_until_a_dense_one_is_smaller_and_shrinks_again(rows: Rows) -> None:
    row, counts, sparse = b"", np.zeros(1000, dtype=np.int64), b""
    for cell in np.random.default_rng(3).permutation(1000).tolist():
        [row] = rows.counts(row, 1000, {cell: 1})
        counts[cell] = 1
        assert len(row) <= len(encode_counts(counts))
        if sparse and row[:1] == b"C":
            break
        sparse = row
    assert row[:1] == b"C"
    assert sparse[:1] == b"S"
    middle = int(np.flatnonzero(decode_counts(sparse))[100])
    [smaller] = rows.counts(sparse, 1000, {middle: -1})
    assert len(smaller) < len(sparse)


def test_a_row_of_another_number_of_cells_is_refused(rows: Rows) -> None:
    row = encode_counts(np.ones(1000, dtype=np.int64))
    assert rows.counts(row, 999, {1: 1}) == []


def test_sums_are_carried_through_128_bits(rows: Rows) -> None:
    rng = np.random.default_rng(2)
    row, expected = b"", [0, 0, 0, 0]
    for _ in range(200):
        limbs = [int(x) for x in rng.integers(-(2**45), 2**45, 9)]
        [row] = rows.sums(row, limbs)
        count, low, high, absolute_low, absolute_high, *squares = limbs
        more = [
            count,
            low + high * LIMB,
            absolute_low + absolute_high * LIMB,
            sum(limb * SQUARE_LIMB**i for i, limb in enumerate(squares)),
        ]
        expected = [a + b for a, b in zip(expected, more, strict=True)]
        assert decode_sums(row) == [(x + 2**127) % 2**128 - 2**127 for x in expected]
