"""Rows as bytes; their laws are in tests/property/test_codec.py."""

import numpy as np
import pytest

from stream.state import codec
from stream.state.codec import NameCounts


def test_few_hits_are_sparse_and_many_are_dense_from_the_first_to_the_last() -> None:
    few, many = np.zeros(100, dtype=np.int64), np.zeros(100, dtype=np.int64)
    few[[7, 90]] = 3
    many[9:99] = 1
    three = b"\x03\x00\x00\x00"
    assert codec.encode_counts(few) == b"S\x64\x00" + b"\x07\x00" + three + b"\x5a\x00" + three
    assert codec.encode_counts(many) == b"C\x64\x00" + b"\x09\x00" + b"\x01\x00" * 90
    assert codec.encode_counts(np.zeros(100, dtype=np.int64)) == b"S\x64\x00"


@pytest.mark.parametrize(
    ("largest", "far", "tag"),
    [
        (2**16 - 1, 1, b"C"),
        (2**16, 1, b"D"),
        (2**32 - 1, 1, b"D"),
        (2**32, 1, b"W"),
        (2**32 - 1, 9, b"S"),
        (2**32, 9, b"T"),
    ],
)
def test_a_row_is_as_wide_as_its_largest_count_needs(largest: int, far: int, tag: bytes) -> None:
    counts = np.zeros(10, dtype=np.int64)
    counts[[0, far]] = largest
    row = codec.encode_counts(counts)
    assert row[:1] == tag
    assert codec.decode_counts(row).tolist() == counts.tolist()


def test_a_row_has_at_most_as_many_cells_as_its_numbers_reach() -> None:
    most = np.zeros(codec.CELLS_MAX, dtype=np.int64)
    most[-1] = 1
    assert codec.decode_counts(codec.encode_counts(most))[-1] == 1
    with pytest.raises(ValueError, match="at most 65535 cells"):
        codec.encode_counts(np.zeros(codec.CELLS_MAX + 1, dtype=np.int64))


@pytest.mark.parametrize(
    "decode", [codec.decode_counts, codec.decode_sums, codec.decode_maxima, codec.decode_names]
)
def test_a_row_of_another_kind_is_refused(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(ValueError, match="row of kind"):
        decode(b"?\x00\x00")


def test_names_beyond_the_bound_are_others() -> None:
    bounded = codec.bound_names({name: 1 for name in "abcdefgh"}, 3, other=2)
    assert len(bounded.names) == 3
    assert bounded.other == 7
    assert codec.bound_names(bounded.names, 3, bounded.other) == bounded


def test_a_name_that_drops_out_takes_its_count_along() -> None:
    merged = codec.merge_names(NameCounts(1, 0, {"a": 5}), NameCounts(1, 1, {"b": 7}))
    assert sum(merged.names.values()) + merged.other == 13
    assert len(merged.names) == 1
