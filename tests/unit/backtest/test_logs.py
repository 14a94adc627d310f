"""Files and topics as logs."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import KafkaError, TopicPartition

from stream.backtest import topic
from stream.backtest.files import LinesLog, TableLog
from stream.backtest.log import BATCH_RECORDS, LogError
from stream.backtest.topic import TopicLog
from stream.emit.roles import MappingError, layout_of
from stream.emit.tables import open_table
from stream.settings import load_settings

NOW = 1_790_002_800_000


def read(log: Any) -> list[Any]:
    return [record for batch in log.batches(lambda _: None) for record in batch]


@pytest.mark.parametrize("name", ["log.jsonl", "log.ndjson", "log.jsonl.gz"])
def test_lines_are_records_with_their_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = b'{"a": 1}\r\n\n  \n{"a": 2}\n[]'
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    log = LinesLog(str(path), NOW)
    records = read(log)
    assert [r.value() for r in records] == [b'{"a": 1}', b'{"a": 2}', b"[]"]
    assert [log.place(r) for r in records] == ["line 1", "line 4", "line 5"]
    assert {(r.partition(), r.timestamp()[1], r.headers()) for r in records} == {(0, NOW, None)}
    assert log.size == (None if name.endswith("gz") else len(data))


def test_a_long_file_is_read_in_batches_and_progress_reaches_its_size(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"a": 1}\n' * (2 * BATCH_RECORDS + 1))
    log = LinesLog(str(path), NOW)
    told: list[int] = []
    sizes = [len(batch) for batch in log.batches(told.append)]
    assert sizes == [BATCH_RECORDS, BATCH_RECORDS, 1]
    assert sum(told) == log.size


def test_standard_input(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n{"a": 2}\n')))
    assert len(read(LinesLog("-", NOW))) == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [("rows.csv", "--model"), ("log.txt", ".jsonl"), ("missing.jsonl", "check the path")],
)
def test_what_is_no_file_of_events(tmp_path: Path, name: str, says: str) -> None:
    if "missing" not in name:
        (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(LogError, match=says):
        LinesLog(str(tmp_path / name), NOW)


def table_log(path: Path, **columns: Any) -> TableLog:
    pq.write_table(pa.table(columns), path)
    table = open_table(path)
    return TableLog(table, layout_of(table.columns, {}), "credit", "3", lambda _: None, NOW)


def test_rows_are_events_with_their_place(tmp_path: Path) -> None:
    log = table_log(tmp_path / "rows.parquet", timestamp=[NOW, NOW], prediction=[1, 0], age=[3, 4])
    records = read(log)
    assert [log.place(r) for r in records] == ["row 1", "row 2"]
    assert b'"model_name":"credit"' in records[0].value()
    assert log.size == 2


def test_rows_need_an_event_time_and_columns_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="--map timestamp=COLUMN"):
        table_log(tmp_path / "rows.parquet", prediction=[1])
    odd = table_log(tmp_path / "rows.parquet", timestamp=[1.0], prediction=[1])
    with pytest.raises(LogError, match=r"rows\.parquet: column 'timestamp'"):
        read(odd)


class Message:
    def __init__(self, partition: int, offset: int, append_ms: int = 0, error: Any = None) -> None:
        self._values = (partition, offset, append_ms, error)

    def partition(self) -> int:
        return self._values[0]

    def offset(self) -> int:
        return self._values[1]

    def timestamp(self) -> tuple[int, int]:
        return (2, self._values[2])

    def error(self) -> Any:
        return self._values[3]


class Broker:
    """A consumer of a topic; ``logs`` are append times by partition."""

    def __init__(self, logs: dict[int, list[int]], turn: list[int]) -> None:
        self.logs, self.turn = logs, turn
        self.paused: set[int] = set()
        self.at: dict[int, int] = {}
        self.pauses = 0
        self.closed = False

    def list_topics(self, name: str, timeout: float) -> Any:
        partitions = dict.fromkeys(self.logs)
        found = type("Found", (), {"partitions": partitions})()
        return type("Listed", (), {"topics": {name: found}})()

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, len(self.logs[place.partition])

    def offsets_for_times(self, wanted: Any, timeout: float) -> list[TopicPartition]:
        out = []
        for place in wanted:
            times = self.logs[place.partition]
            later = [k for k, time_ms in enumerate(times) if time_ms >= place.offset]
            out.append(TopicPartition(place.topic, place.partition, later[0] if later else -1))
        return out

    def assign(self, places: list[TopicPartition]) -> None:
        self.at = {place.partition: place.offset for place in places}

    def pause(self, places: list[TopicPartition]) -> None:
        self.pauses += self.at[places[0].partition] < len(self.logs[places[0].partition])
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def consume(self, _count: int, _timeout: float) -> Iterator[Message]:
        """Two records of one partition, then of the next one."""
        self.turn.append(self.turn.pop(0))
        partition = self.turn[0]
        if partition in self.paused:
            return
        for _ in range(2):
            offset = self.at[partition]
            if offset == len(self.logs[partition]):
                yield Message(partition, offset, error=KafkaError(KafkaError._PARTITION_EOF))
                return
            self.at[partition] += 1
            yield Message(partition, offset, self.logs[partition][offset])

    def close(self) -> None:
        self.closed = True


LOGS = {0: [10, 20, 30, 40, 50, 60], 1: [5, 45], 2: [], 3: [12, 12, 55]}


def topic_log(monkeypatch: Any, turn: Any, *bounds: Any) -> tuple[TopicLog, Broker]:
    broker = Broker(LOGS, list(turn))
    monkeypatch.setattr(topic, "make_follower", lambda _: broker)
    return TopicLog(load_settings(environment={}), "ml.predictions", *bounds), broker


@pytest.mark.parametrize("turn", [(0, 1, 2, 3), (3, 0, 1, 2), (2, 3, 1, 0)])
@pytest.mark.parametrize("ahead", [1, 1_000])
def test_partitions_are_read_in_the_order_of_append_time(
    monkeypatch: Any, turn: Any, ahead: int
) -> None:
    monkeypatch.setattr(topic, "AHEAD_RECORDS_MAX", ahead)
    log, broker = topic_log(monkeypatch, turn, None, NOW)
    records = read(log)
    times = [r.timestamp()[1] for r in records]
    assert times == sorted(time_ms for times in LOGS.values() for time_ms in times)
    assert [r.offset() for r in records if r.partition() == 0] == list(range(6))
    assert (log.size, list(log.partitions)) == (11, [0, 1, 2, 3])
    assert log.place(records[0]) == "partition 1, offset 0"
    assert (broker.pauses > 0) == (ahead == 1)
    assert broker.closed


def test_only_what_was_appended_between_two_times(monkeypatch: Any) -> None:
    log, _ = topic_log(monkeypatch, (0, 1, 2, 3), 12, 45)
    assert [r.timestamp()[1] for r in read(log)] == [12, 12, 20, 30, 40, 45]
    assert log.seen_from_ms == 12
