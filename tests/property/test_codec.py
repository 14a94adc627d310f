"""Rows: what is written is read, and Redis merges as Python does, in any order."""

from collections.abc import Iterator
from functools import reduce
from importlib import resources
from typing import Any

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.embedded import EmbeddedStack
from stream.state import codec
from stream.state.codec import NameCounts

CELLS = 60
BOUND = 5
THREE = np.ones(3, dtype=np.int64)
COUNTS = st.lists(
    st.one_of(st.just(0), st.integers(0, 9), st.integers(0, 2**17), st.integers(0, 2**40)),
    min_size=CELLS,
    max_size=CELLS,
).map(lambda counts: np.array(counts, dtype=np.int64))
NARROW = st.lists(st.integers(0, 2**16), min_size=CELLS, max_size=CELLS).map(
    lambda counts: np.array(counts, dtype=np.int64)
)
SPARSE = st.dictionaries(st.integers(0, CELLS - 1), st.integers(1, 2**40), max_size=4).map(
    lambda hits: np.array([hits.get(i, 0) for i in range(CELLS)], dtype=np.int64)
)
SUMS = st.lists(st.integers(-(2**120), 2**120), min_size=3, max_size=3)
MAXIMA = st.lists(
    st.one_of(st.just(-np.inf), st.floats(allow_nan=False)), min_size=4, max_size=4
).map(np.array)
NAMES = st.dictionaries(st.text(max_size=4), st.integers(1, 2**40), min_size=1, max_size=8).map(
    lambda names: codec.bound_names(names, BOUND)
)
# The stack lives as long as the run; Hypothesis reads its table of characters at the first draw.
SHARED = settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def merge_rows(stack: EmbeddedStack) -> Iterator[Any]:
    """Merge rows one by one, as the scripts do."""
    rows = resources.files("stream.state") / "scripts" / "rows.lua"
    merge = """
    local row, problem = ARGV[1], nil
    for i = 2, #ARGV do
      row, problem = merge(row, ARGV[i])
      if not row then return redis.error_reply(problem) end
    end
    return row
    """
    with redis.Redis.from_url(stack.redis_url) as client:
        script = client.register_script(rows.read_text("utf-8") + merge)
        yield lambda parts: script(args=parts)


@given(st.one_of(COUNTS, NARROW, SPARSE))
def test_counts_are_read_as_written(counts: Any) -> None:
    assert codec.decode_counts(codec.encode_counts(counts)).tolist() == counts.tolist()


@given(SUMS)
def test_sums_are_read_as_written(sums: list[int]) -> None:
    assert codec.decode_sums(codec.encode_sums(sums)) == sums


@given(MAXIMA)
def test_maxima_are_read_as_written(maxima: Any) -> None:
    # A negative zero is written as zero.
    assert codec.decode_maxima(codec.encode_maxima(maxima)).tobytes() == (maxima + 0.0).tobytes()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(NAMES)
def test_names_are_read_as_written(names: NameCounts) -> None:
    assert codec.decode_names(codec.encode_names(names)) == names


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(NAMES, min_size=2, max_size=5), st.randoms())
def test_bounded_names_merge_in_any_order(parts: list[NameCounts], random: Any) -> None:
    shuffled = random.sample(parts, len(parts))
    first, second = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    halves = [reduce(codec.merge_names, half) for half in (second, first) if half]
    whole = reduce(codec.merge_names, parts)
    assert whole == reduce(codec.merge_names, shuffled) == reduce(codec.merge_names, halves)


@SHARED
@given(
    parts=st.lists(st.one_of(COUNTS, NARROW, SPARSE), min_size=1, max_size=4), random=st.randoms()
)
def test_redis_adds_counts_and_writes_the_same_bytes(
    merge_rows: Any, parts: list[Any], random: Any
) -> None:
    rows = [codec.encode_counts(part) for part in random.sample(parts, len(parts))]
    assert merge_rows(rows) == codec.encode_counts(np.sum(parts, axis=0))


@SHARED
@given(parts=st.lists(SUMS, min_size=1, max_size=4), random=st.randoms())
def test_redis_adds_sums_with_carry(merge_rows: Any, parts: list[list[int]], random: Any) -> None:
    rows = [codec.encode_sums(part) for part in random.sample(parts, len(parts))]
    total = [sum(values) for values in zip(*parts, strict=True)]
    assert merge_rows(rows) == codec.encode_sums(total)


@SHARED
@given(parts=st.lists(MAXIMA, min_size=1, max_size=4), random=st.randoms())
def test_redis_keeps_the_larger(merge_rows: Any, parts: list[Any], random: Any) -> None:
    rows = [codec.encode_maxima(part) for part in random.sample(parts, len(parts))]
    assert codec.decode_maxima(merge_rows(rows)).tolist() == np.max(parts, axis=0).tolist()


@SHARED
@given(parts=st.lists(NAMES, min_size=1, max_size=4), random=st.randoms())
def test_redis_keeps_the_same_names(merge_rows: Any, parts: list[NameCounts], random: Any) -> None:
    rows = [codec.encode_names(part) for part in random.sample(parts, len(parts))]
    assert codec.decode_names(merge_rows(rows)) == reduce(codec.merge_names, parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (codec.encode_counts(THREE), codec.encode_counts(np.append(THREE, 1))),
        (codec.encode_sums([1]), codec.encode_sums([1, 2])),
        (codec.encode_sums([1]), codec.encode_maxima(np.ones(4))),
        (codec.encode_sums([1]), b"?"),
    ],
)
def test_redis_refuses_rows_that_do_not_fit(merge_rows: Any, one: bytes, other: bytes) -> None:
    with pytest.raises(redis.ResponseError, match="rows"):
        merge_rows([one, other])
