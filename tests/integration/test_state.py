"""The commit against a real Redis: once, whole, and only by the owner at the stored offset."""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
import pytest
import redis

from schemas.keys import live_key, models_key, versions_key, windows_key
from stream.embedded import EmbeddedStack
from stream.rollup.merge import decode_pane
from stream.sketches import bottom_k
from stream.state import codec
from stream.state.books import read_books
from stream.state.keys import PartitionId, VersionId
from stream.state.retention import MS_PER_DAY, forget_version, outdated_versions
from stream.state.store import (
    CommitRefusedError,
    PartitionCommit,
    StateStore,
    VersionCommit,
    Watermark,
    new_owner,
)
from stream.window.delta import IDS_MAX, PaneDelta, Rows
from stream.window.panes import HOUR_MS, MINUTE_MS, PaneId

FIRST, SECOND = PartitionId("id", 0), PartitionId("id", 1)
CREDIT = VersionId("credit", "1")
PANE = PaneId(MINUTE_MS, HOUR_MS + 3 * MINUTE_MS)


@pytest.fixture
def store(stack: EmbeddedStack, namespace: str) -> Iterator[StateStore]:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield StateStore(client, namespace)


def moved(partition: PartitionId, base: int, to: int) -> PartitionCommit:
    mark = Watermark(HOUR_MS, 5)
    books = {"consumed": to - base, "accepted": to - base}
    return PartitionCommit(partition, base, to, to, books, {CREDIT: mark})


def counted(events: int, pane: PaneId = PANE) -> VersionCommit:
    delta = PaneDelta()
    delta.add_traffic(np.zeros(events, dtype=np.bool_), np.full(events, 2.0), [])
    return VersionCommit(CREDIT, [(pane, delta.rows())], {FIRST: Watermark(HOUR_MS, 5)})


def count_in(store: StateStore, pane: PaneId = PANE) -> int:
    return decode_pane(store.client.hgetall(store.keys.pane(CREDIT, pane.member()))).count


def everything(store: StateStore) -> dict[bytes, Any]:
    keys = store.client.keys(f"{store.keys.clocks.removesuffix('clocks')}*")
    return {key: store.client.dump(key) for key in keys}


def claimed(store: StateStore, owner: str) -> None:
    for partition in (FIRST, SECOND):
        if store.claim(partition, owner).offset is None:
            store.start(partition, 10, 0)


def test_a_commit_whose_answer_was_lost_counts_once(store: StateStore) -> None:
    owner = new_owner()
    claimed(store, owner)
    work = [moved(FIRST, 10, 15), moved(SECOND, 10, 10)], [counted(5)]
    store.commit(owner, *work)
    before = everything(store)
    for _ in range(3):
        store.commit(owner, *work)
    assert everything(store) == before
    assert count_in(store) == 5
    store.commit(owner, [moved(FIRST, 15, 16), moved(SECOND, 10, 12)], [counted(3)])
    assert count_in(store) == 8
    books = read_books(store.client, store.keys.clocks.split(":")[0])
    assert [books[FIRST]["consumed"], books[SECOND]["accepted"]] == [6, 2]


@pytest.mark.parametrize(
    ("partitions", "why"),
    [
        ([moved(FIRST, 10, 15), moved(SECOND, 10, 12)], "another owner has the second one"),
        ([moved(FIRST, 8, 15)], "it starts before what is stored"),
        ([moved(FIRST, 12, 15)], "Redis lost the last commit"),
        ([moved(FIRST, 10, 15), moved(PartitionId("id", 7), 0, 1)], "nobody has claimed it"),
    ],
)
def test_a_commit_is_refused_as_a_whole(
    store: StateStore, partitions: list[PartitionCommit], why: str
) -> None:
    owner = new_owner()
    claimed(store, owner)
    store.claim(SECOND, new_owner())
    before = everything(store)
    with pytest.raises(CommitRefusedError):
        store.commit(owner, partitions, [counted(5)])
    assert everything(store) == before, why


def test_a_claim_shuts_the_owner_before_out_and_reads_what_it_left(store: StateStore) -> None:
    old, new = new_owner(), new_owner()
    claimed(store, old)
    store.commit(old, [moved(FIRST, 10, 15)], [counted(5)])
    claim = store.claim(FIRST, new)
    assert (claim.offset, claim.clock_ms) == (15, 15)
    assert claim.watermarks == {CREDIT: Watermark(HOUR_MS, 5)}
    with pytest.raises(CommitRefusedError):
        store.commit(old, [moved(FIRST, 15, 20)], [counted(5)])
    with pytest.raises(CommitRefusedError):
        store.commit(old, [moved(FIRST, 10, 15)], [counted(5)])
    store.commit(new, [moved(FIRST, 15, 20)], [counted(1)])
    assert count_in(store) == 6


def test_emptied_state_refuses_everybody(store: StateStore) -> None:
    owner = new_owner()
    claimed(store, owner)
    store.client.delete(*everything(store))
    with pytest.raises(CommitRefusedError):
        store.commit(owner, [moved(FIRST, 10, 15)], [counted(5)])
    with pytest.raises(CommitRefusedError):
        store.commit(owner, [moved(FIRST, 10, 10)], [])
    assert everything(store) == {}


def test_a_row_that_cannot_be_added_stops_the_whole_commit(store: StateStore) -> None:
    owner = new_owner()
    claimed(store, owner)
    store.client.hset(store.keys.pane(CREDIT, PANE.member()), "latency", b"?")
    before = everything(store)
    other = counted(2, PaneId(MINUTE_MS, 0))
    with pytest.raises(redis.ResponseError, match="different kinds"):
        store.commit(owner, [moved(FIRST, 10, 15)], [other, counted(5)])
    assert everything(store) == before


def test_panes_roll_up_once(store: StateStore) -> None:
    owner = new_owner()
    claimed(store, owner)
    sibling = PaneId(MINUTE_MS, PANE.start_ms + MINUTE_MS)
    store.commit(owner, [moved(FIRST, 10, 15)], [counted(5)])
    store.commit(owner, [moved(FIRST, 15, 17)], [counted(2, sibling)])
    parent = PANE.parent()
    assert parent is not None
    assert store.roll(CREDIT, [PANE, sibling]) == 2
    assert store.roll(CREDIT, [PANE, sibling]) == 0, "a retry whose answer was lost"
    assert count_in(store, parent) == 7
    index = store.client.zrange(store.keys.panes(CREDIT), 0, -1)
    assert index == [parent.member().encode()]
    store.commit(owner, [moved(FIRST, 17, 18)], [counted(1)])
    assert store.roll(CREDIT, [PANE]) == 1, "a late event's pane joins as well"
    assert count_in(store, parent) == 8


def test_numbers_of_changes_do_not_come_back_when_redis_lost_some(store: StateStore) -> None:
    owner = new_owner()
    claimed(store, owner)
    seen = []
    for base in range(10, 14):
        done = store.commit(owner, [moved(FIRST, base, base + 1)], [counted(1)])
        seen.append(done.sequences[CREDIT])
    assert seen == sorted(set(seen))
    store.client.delete(*everything(store))
    claimed(store, owner)
    done = store.commit(owner, [moved(FIRST, 10, 11)], [counted(1)])
    assert done.sequences[CREDIT] > seen[-1]


PARTS = 3
"""Commits into one pane; every row is longer than what Lua takes at once."""


def merged_by_redis(store: StateStore, parts: list[Rows]) -> dict[str, bytes]:
    owner = new_owner()
    claimed(store, owner)
    for number, rows in enumerate(parts):
        change = VersionCommit(CREDIT, [(PANE, rows)], {FIRST: Watermark(HOUR_MS, 5)})
        store.commit(owner, [moved(FIRST, 10 + number, 11 + number)], [change])
    stored = store.client.hgetall(store.keys.pane(CREDIT, PANE.member()))
    return {name.decode(): row for name, row in stored.items()}


def random_rows(rng: np.random.Generator) -> tuple[list[Rows], Rows]:
    """Rows of several commits, and what Python makes of them."""
    integers = rng.integers(-(2**51), 2**51, (PARTS, 2_145)).astype(np.float64)
    heights = rng.integers(0, 54, (PARTS, 2_048)).astype(np.uint8)
    hashes = rng.integers(0, 3_000, (PARTS, 700)).astype(np.uint32)
    few = [part[: rng.integers(1, 90)] for part in hashes]
    counts = rng.integers(0, 2 ** int(rng.integers(3, 36)), (PARTS, 1_794))
    counts[:, : rng.integers(0, 1_700)] = 0
    counts[rng.random(counts.shape) < rng.random()] = 0
    sums = [[int(x) * 2**60 for x in rng.integers(-(2**60), 2**60, 92)] for _ in range(PARTS)]
    samples = [bottom_k.bottom_k([part], IDS_MAX) for part in hashes]
    small = [bottom_k.bottom_k([part], IDS_MAX) for part in few]
    parts: list[Rows] = [
        [
            ("moments", codec.encode_integers(integers[i])),
            ("distinct", codec.encode_registers(heights[i])),
            ("ids", codec.encode_bottom_k(samples[i])),
            ("few", codec.encode_bottom_k(small[i])),
            ("latency", codec.encode_counts(counts[i])),
            ("sums", codec.encode_sums(sums[i])),
        ]
        for i in range(PARTS)
    ]
    together: Rows = [
        ("moments", codec.encode_integers(integers.sum(axis=0))),
        ("distinct", codec.encode_registers(heights.max(axis=0))),
        ("ids", codec.encode_bottom_k(reduce(bottom_k.merge, samples))),
        ("few", codec.encode_bottom_k(reduce(bottom_k.merge, small))),
        ("latency", codec.encode_counts(counts.sum(axis=0))),
        ("sums", codec.encode_sums([sum(column) for column in zip(*sums, strict=True)])),
    ]
    return parts, together


@pytest.mark.parametrize("seed", range(8))
def test_redis_merges_long_rows_as_python_does(store: StateStore, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, together = random_rows(rng)
    found = merged_by_redis(store, parts)
    for name, row in together:
        assert found[name] == row, name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (codec.encode_integers(np.ones(3)), codec.encode_integers(np.ones(4))),
        (codec.encode_integers(np.ones(3)), codec.encode_maxima(np.ones(3))),
        (
            codec.encode_registers(np.ones(8, dtype=np.uint8)),
            codec.encode_registers(np.ones(16, dtype=np.uint8)),
        ),
        (
            codec.encode_bottom_k(bottom_k.bottom_k([], 4)),
            codec.encode_bottom_k(bottom_k.bottom_k([], 8)),
        ),
    ],
)
def test_rows_that_do_not_fit_stop_the_commit(store: StateStore, one: bytes, other: bytes) -> None:
    merged_by_redis(store, [[("x", one)]])
    before = everything(store)
    owner = new_owner()
    store.claim(FIRST, owner)
    store.client.hset(store.keys.partition(FIRST), "offset", 20)
    change = VersionCommit(CREDIT, [(PANE, [("x", other)])], {FIRST: Watermark(HOUR_MS, 5)})
    with pytest.raises(redis.ResponseError, match=r"STREAMGAUGE commit: .* \(.*:pane:.* x\)"):
        store.commit(owner, [moved(FIRST, 20, 21)], [change])
    pane = store.keys.pane(CREDIT, PANE.member()).encode()
    assert everything(store)[pane] == before[pane]


def test_what_is_older_than_its_retention_is_forgotten(store: StateStore, namespace: str) -> None:
    claimed(store, "a")
    store.commit("a", [moved(FIRST, 10, 13)], [counted(3)])
    store.client.sadd(models_key(namespace), CREDIT.model)
    store.client.sadd(versions_key(namespace, CREDIT.model), CREDIT.version)
    store.client.sadd(windows_key(namespace, CREDIT.model), "1h")
    store.client.hset(live_key(namespace, *CREDIT, "1h"), "count", 3)
    last_ms = 5  # append time of the last record

    def outdated(now_ms: int) -> list[VersionId]:
        return outdated_versions(store.client, namespace, lambda _: 2, now_ms)

    assert outdated(last_ms + 2 * MS_PER_DAY) == []
    assert outdated(last_ms + 2 * MS_PER_DAY + 1) == [CREDIT]
    assert count_in(store) == 3
    assert forget_version(store.client, namespace, CREDIT)
    left = {key.decode() for key in store.client.keys(f"{namespace}:*")}
    assert left == {store.keys.clocks, *map(store.keys.partition, (FIRST, SECOND))}
    store.commit("a", [moved(FIRST, 13, 15)], [counted(2)])
    assert count_in(store) == 2


def test_a_version_that_is_counted_meanwhile_is_kept(
    store: StateStore, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(store, "a")
    store.commit("a", [moved(FIRST, 10, 13)], [counted(3)])
    with redis.Redis.from_pool(store.client.connection_pool) as other:
        pipeline = other.pipeline

        def racing(*args: Any, **kwargs: Any) -> Any:
            pipe = pipeline(*args, **kwargs)
            multi = pipe.multi

            def late() -> None:
                store.commit("a", [moved(FIRST, 13, 15)], [counted(2)])
                multi()

            monkeypatch.setattr(pipe, "multi", late)
            return pipe

        monkeypatch.setattr(other, "pipeline", racing)
        assert not forget_version(other, namespace, CREDIT)
    assert count_in(store) == 5
