"""The commit against a real Redis: once, whole, and only by the owner at the stored offset."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import redis

from stream.embedded import EmbeddedStack
from stream.rollup.merge import decode_pane
from stream.state.books import read_books
from stream.state.keys import PartitionId, VersionId
from stream.state.store import (
    CommitRefusedError,
    PartitionCommit,
    StateStore,
    VersionCommit,
    Watermark,
    new_owner,
)
from stream.window.delta import PaneDelta
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
