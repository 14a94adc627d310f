"""Bottom-k samples: the same from any parts in any order, exact below k, good beyond."""

from collections import Counter
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sketches.bottom_k import BottomK, HashArray, bottom_k, merge

BOUND = 6
ITEMS = st.lists(st.integers(0, 12), max_size=30)
PARTS = st.lists(ITEMS, min_size=1, max_size=5)


def hashes(items: list[int]) -> HashArray:
    return np.array(items, dtype=np.uint32)


def content(sample: BottomK) -> dict[int, int]:
    return dict(zip(sample.hashes.tolist(), sample.counts.tolist(), strict=True))


@given(ITEMS)
def test_the_smallest_stay_with_their_exact_counts(items: list[int]) -> None:
    came = Counter(items)
    sample = bottom_k([hashes(items)], BOUND)
    assert content(sample) == {item: came[item] for item in sorted(came)[:BOUND]}
    assert sample.hashes.tolist() == sorted(content(sample))


@given(PARTS, st.randoms())
def test_parts_merge_to_the_sample_of_the_whole(parts: list[list[int]], random: Any) -> None:
    whole = bottom_k([hashes(part) for part in parts], BOUND)
    samples = [bottom_k([hashes(part)], BOUND) for part in parts]
    random.shuffle(samples)
    middle = random.randint(0, len(samples))
    for merged in (
        reduce(merge, samples),
        reduce(
            merge, [reduce(merge, half) for half in (samples[middle:], samples[:middle]) if half]
        ),
    ):
        assert merged.bound == BOUND
        assert content(merged) == content(whole)


@given(st.lists(st.integers(0, BOUND - 1), min_size=1, max_size=40))
def test_the_repeated_share_is_exact_while_all_requests_fit(items: list[int]) -> None:
    share = bottom_k([hashes(items)], BOUND).repeated_share
    assert share == pytest.approx(1 - len(set(items)) / len(items))


def test_nothing_has_no_share() -> None:
    empty = bottom_k([], BOUND)
    assert empty.repeated_share is None
    assert merge(empty, empty).repeated_share is None


def test_the_estimate_beyond_has_the_standard_error_it_states() -> None:
    rng = np.random.default_rng(1)
    requests, repeated, k = 20_000, 0.05, 256
    errors = []
    for _ in range(60):
        distinct = rng.integers(0, 2**32, requests, dtype=np.uint32)
        again = rng.choice(distinct, int(requests * repeated / (1 - repeated)), replace=False)
        share = bottom_k([distinct, again], k).repeated_share
        assert share is not None
        errors.append(share - repeated)
    stated = (repeated * (1 - repeated) / k) ** 0.5
    assert abs(float(np.mean(errors))) < 4 * stated / len(errors) ** 0.5
    assert float(np.std(errors)) < 1.3 * stated
