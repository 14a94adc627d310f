"""A poll into the delta: what is booked where, and that batches make no difference."""

import json
from typing import Any

import numpy as np
import pytest

from stream.ingest.decode import Decoder
from stream.ingest.progress import Progress
from stream.ingest.step import Clocks, Delta, add_records
from stream.state.keys import PartitionId, VersionId
from stream.window import delta as deltas
from stream.window.panes import MINUTE_MS, PaneId
from stream.window.plan import PlanBook

NOW_MS = 1_789_984_800_000
CLOCKS = Clocks(disorder_ms=5_000, allowed_lateness_ms=60_000, future_skew_ms_max=300_000)
CREDIT = VersionId("credit", "1")


class Message:
    """As much of a Kafka message as a step looks at."""

    def __init__(self, value: bytes | None, offset: int, partition: int = 0) -> None:
        self._value, self._offset, self._partition = value, offset, partition

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Any:
        return None

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 2, NOW_MS + self._offset

    def key(self) -> bytes | None:
        return None


def event(time_ms: int, **more: Any) -> bytes:
    fields = {"model_name": "credit", "model_version": 1, "timestamp": time_ms, "prediction": 1}
    return json.dumps(fields | more).encode()


def stepped(batches: list[list[Message]]) -> tuple[Delta, dict[int, Progress]]:
    progress = {
        n: Progress("ml.predictions", PartitionId("id", n), 0, 0, 0, {})
        for n in {m.partition() for batch in batches for m in batch}
    }
    delta = Delta()
    decoder = Decoder({}, event_bytes_max=10_000, features_max=100, models_max=10)
    for batch in batches:
        add_records(delta, batch, progress, decoder, PlanBook(), CLOCKS)  # type: ignore[arg-type]
    return delta, progress


def counted(delta: Delta) -> dict[PaneId, list[int]]:
    return {pane: d.core.tolist() for pane, d in delta.panes.get(CREDIT, {}).items()}


def test_every_event_is_in_one_book() -> None:
    values = [
        event(NOW_MS),
        None,
        b"{",
        b"[]",
        b"[" + event(NOW_MS) + b", 7, " + event(NOW_MS, prediction=None, error="timeout") + b"]",
        event(NOW_MS, model_version="a b"),
        event(NOW_MS, model_version=None, prediction=None),
        event(NOW_MS - 65_001),
        event(NOW_MS - 65_000),
    ]
    delta, progress = stepped([[Message(v, i) for i, v in enumerate(values)]])
    books = progress[0].books
    assert books == {"consumed": 11, "accepted": 4, "late": 1, "rejected": 4, "empty": 2}
    assert progress[0].next == len(values)
    assert sorted((r.record.offset() or 0, r.index) for r in delta.refused) == [
        (2, -1), (4, 1), (5, -1), (6, -1), (7, -1)
    ]  # fmt: skip
    minute = NOW_MS - NOW_MS % MINUTE_MS
    assert sum(np.array(list(counted(delta).values()))).tolist()[:2] == [4, 1]
    assert counted(delta)[PaneId(MINUTE_MS, minute)][deltas.COUNT] == 3


def test_a_bad_event_moves_no_watermark() -> None:
    future = NOW_MS + 200_000
    bad = [
        event(future, model_version="a b"),
        event(future, prediction=None),
        event(future, latency_ms=-1),
        event(future + 200_000),
    ]
    _, progress = stepped([[Message(v, i) for i, v in enumerate([*bad, event(NOW_MS)])]])
    assert progress[0].watermarks[CREDIT].event_ms == NOW_MS
    assert progress[0].books["rejected"] == 4


@pytest.mark.parametrize("seed", range(5))
def test_what_is_late_does_not_depend_on_how_records_are_batched(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = NOW_MS - rng.integers(0, 200_000, 200)
    partitions = rng.integers(0, 3, 200)
    messages = [Message(event(int(times[i])), i, int(partitions[i])) for i in range(len(times))]
    cuts = np.sort(rng.integers(0, 200, 9)).tolist()
    batches = [messages[a:b] for a, b in zip([0, *cuts], [*cuts, 200], strict=True) if b > a]
    whole, at_once = stepped([messages])
    parts, in_parts = stepped(batches)
    one_by_one, singly = stepped([[m] for m in messages])
    assert counted(whole) == counted(parts) == counted(one_by_one)
    offsets = [{r.record.offset() for r in d.refused} for d in (whole, parts, one_by_one)]
    assert offsets[0] == offsets[1] == offsets[2]
    assert len(offsets[0]) > 10
    for number, progress in at_once.items():
        assert progress.books == in_parts[number].books == singly[number].books
        assert progress.watermarks == in_parts[number].watermarks == singly[number].watermarks
        assert progress.next == in_parts[number].next == singly[number].next


def test_records_that_come_twice_in_a_poll_are_taken_once() -> None:
    progress = Progress("ml.predictions", PartitionId("id", 0), 5, 5, 0, {})
    assert [progress.take(offset) for offset in (4, 5, 6, 5, 6, 7, 9)] == [
        False, True, True, False, False, True, True
    ]  # fmt: skip
