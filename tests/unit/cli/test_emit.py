"""Files to events: types, times, missing values, pace."""

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.baseline.read import read_table
from stream.emit.columns import ColumnError, event_times, json_values, texts
from stream.emit.events import prediction_events
from stream.emit.lines import Lines, key_of_label, line_chunks
from stream.emit.pace import Pace
from stream.emit.record import Record
from stream.emit.roles import MappingError, id_columns, layout_of, parse_map
from stream.emit.tables import FileError, open_table

EPOCH_MS = 1_790_002_800_000


def events_of(path: Any, mapping: Any = (), ignored: Any = (), notes: Any = None) -> Any:
    named = parse_map(mapping)
    table = open_table(path, id_columns(named))
    layout = layout_of(table.columns, named, ignored)
    batches = prediction_events(
        table, layout, "m", "1", [].append if notes is None else notes.append
    )
    return [(record, orjson.loads(record.value)) for batch in batches for record in batch]


def parquet(tmp_path: Path, **columns: Any) -> Any:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        id=["a", "b"],
        timestamp=pa.array([EPOCH_MS, None], pa.timestamp("ms", "UTC")),
        y=[1, 0],
        p=[0.5, math.nan],
        label=[None, 1],
        age=pa.array([31, None], pa.int64()),
        country=pa.array(["FR", None]).dictionary_encode(),
        score=np.array([1.5, math.nan], np.float32),
        flag=[True, None],
    )
    (first, one), (second, two) = events_of(path, ["prediction=y", "probability=p"])
    assert first.key == b"a"
    assert first.event_ms == EPOCH_MS
    assert one == {
        "model_name": "m",
        "model_version": "1",
        "request_id": "a",
        "timestamp": EPOCH_MS,
        "prediction": 1,
        "probability": 0.5,
        "features": {"age": 31, "country": "FR", "score": 1.5, "flag": True},
    }
    assert second.event_ms is None
    assert two["features"] == {"age": None, "country": None, "score": None, "flag": None}
    assert two["probability"] is None
    assert two["label"] == 1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([2**53 + 1, 2**63 - 1]), [2**53 + 1, 2**63 - 1]),
        (pa.array([7, None], pa.int16()), [7, None]),
        (pa.array([Decimal("1.50")]), [1.5]),
        (pa.array([date(2026, 9, 21)]), ["2026-09-21"]),
        (pa.array([datetime(2026, 9, 21, 12)]), ["2026-09-21T12:00:00"]),  # noqa: DTZ001
        (pa.array([[1.0, 2.0], None]), [[1.0, 2.0], None]),
        (pa.array([["a", "b"]]), [["a", "b"]]),
        (pa.array([None, None]), [None, None]),
    ],
)
def test_values_are_what_json_has(column: Any, values: Any) -> None:
    assert json_values("c", column) == values


@pytest.mark.parametrize(
    "column", [pa.array([{"a": 1}]), pa.array([b"x"]), pa.array([1], pa.time32("s"))]
)
def test_what_json_has_not_is_refused_with_a_way_out(column: Any) -> None:
    with pytest.raises(ColumnError, match="--ignore c"):
        json_values("c", column)


@pytest.mark.parametrize(
    ("column", "assumed"),
    [
        (pa.array(["2026-09-21T15:00:00Z"]), False),
        (pa.array(["2026-09-21T17:00:00+02:00"]), False),
        (pa.array(["2026-09-21 15:00:00"]), True),
        (pa.array([EPOCH_MS]), False),
        (pa.array([EPOCH_MS + 0.7]), False),
        (pa.array([EPOCH_MS * 1000], pa.timestamp("us", "Europe/Paris")), False),
        (pa.array([EPOCH_MS], pa.timestamp("ms")), True),
    ],
)
def test_times_in_any_form_are_epoch_ms(column: Any, assumed: Any) -> None:
    assert event_times("t", column) == ([EPOCH_MS], assumed)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([EPOCH_MS // 1000]), "before 1973 when read as milliseconds"),
        (pa.array([EPOCH_MS * 1000]), "after the year 5138"),
        (pa.array(["yesterday"]), "'yesterday' that is not all RFC 3339"),
        (pa.array([True]), "is no time"),
    ],
)
def test_what_is_no_event_time_is_refused(column: Any, words: str) -> None:
    with pytest.raises(ColumnError, match=words):
        event_times("t", column)


def test_an_assumed_zone_is_said_once(tmp_path: Path) -> None:
    notes: list[str] = []
    times = pa.array([EPOCH_MS] * 40_000, pa.timestamp("ms"))
    path = parquet(tmp_path, timestamp=times, prediction=[1] * 40_000)
    assert len(events_of(path, notes=notes)) == 40_000
    assert notes == ["the times in column timestamp have no zone and were taken as UTC"]


def test_ids_are_text_and_keep_their_digits(tmp_path: Path) -> None:
    assert texts("id", pa.array([1, 2**60])) == ["1", str(2**60)]
    assert texts("id", pa.array([1.0, None])) == ["1", None]
    with pytest.raises(ColumnError, match="is no id"):
        texts("id", pa.array([1.5]))
    path = tmp_path / "rows.csv"
    path.write_text("id,prediction\n0042,1\n")
    assert events_of(path)[0][1]["request_id"] == "0042"


@pytest.mark.parametrize("mapped", [(), ("id=request_id",), ("request_id=request_id",)])
def test_a_request_id_is_an_id_by_its_name(tmp_path: Path, mapped: Any) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("request_id,prediction\n0042,1\n")
    assert events_of(path, mapped)[0][1]["request_id"] == "0042"


def test_a_label_of_a_row_is_part_of_its_event(tmp_path: Path) -> None:
    path = parquet(tmp_path, prediction=[["a"], ["b"]], label=[{"a": 2.0, "b": None}, None])
    (_, one), (_, two) = events_of(path)
    assert one["label"] == {"a": 2.0}
    assert "label" not in two


def test_csv_misses_the_same_values_as_a_baseline_does(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("prediction,n,s\n1,NA,\n1,1,None\n1,,x\n")
    seen = [event["features"] for _, event in events_of(path)]
    table = read_table(path)
    assert [row["n"] for row in seen] == table["n"].to_pylist()
    assert [row["s"] for row in seen] == table["s"].to_pylist() == [None, None, "x"]


def test_json_lines_are_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prediction": true, "a": 1}\n{"prediction": false}\n')
    assert [event["prediction"] for _, event in events_of(path)] == [True, False]


def test_a_file_without_a_prediction_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="--map prediction=COLUMN"):
        events_of(parquet(tmp_path, y=[1]))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("rows.xlsx", b"", r"must end with one of \.parquet"),
        ("none.csv", None, "can't be read"),
        ("rows.parquet", b"not it", "is no parquet file"),
        ("rows.jsonl", b"{", "is no jsonl file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, data: Any, words: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(FileError, match=words):
        open_table(tmp_path / name)


# -- lines -----------------------------------------------------------------------------------------


def test_lines_go_through_unchanged_and_are_keyed_by_their_id() -> None:
    lines = [b'{"request_id": "a", "x": NaN}', b' {"request_id":7}\r', b"", b"[]", b"{}"]
    seen = Lines()
    (records,) = seen.records([lines])
    assert [r.value for r in records] == [
        b'{"request_id": "a", "x": NaN}',
        b'{"request_id":7}',
        b"[]",
        b"{}",
    ]
    assert [r.key for r in records] == [None, b"7", None, None]
    assert seen.odd == 2
    assert seen.first_odd is not None
    assert seen.first_odd.startswith("line 1: JSON is malformed")


def test_lines_of_labels_are_checked_and_go_through_all_the_same() -> None:
    lines = [
        b'{"request_id": "a", "label": 1}',
        b"",
        b'{"request_id": "b"}',
        b'{"request_id": 7, "metrics": {"rating": 4}, "timestamp": "2026-09-21T10:00:00Z"}',
        b'{"request_id": "c", "label": 1, "timestamp": "2026-09-21"}',
    ]
    seen = Lines(key_of_label)
    (records,) = seen.records([lines])
    assert [(r.key, r.value) for r in records] == [
        (b"a", lines[0]),
        (None, lines[2]),
        (b"7", lines[3]),
        (None, lines[4]),
    ]
    assert seen.odd == 2
    assert seen.first_odd == "line 3: missing `label` or `metrics`"


def test_lines_are_handed_out_as_they_arrive() -> None:
    arriving = iter([b"one\ntw", b"o\n", b"three", b""])
    assert list(line_chunks(lambda _size: next(arriving))) == [[b"one"], [b"two"], [b"three"]]


# -- pace ------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> Any:
        return self.now

    def wait(self, seconds: Any) -> None:
        assert seconds > 0
        self.now += seconds


def sent_at(pace: Any, clock: Any, records: Any) -> Any:
    """When each record was handed out, in seconds from the start."""
    return [
        (round(clock() - 100.0, 2), record.value)
        for chunk in pace.chunks([records])
        for record in chunk
    ]


def test_a_rate_spaces_records_evenly() -> None:
    clock = Clock()
    records = [Record(None, None, str(i).encode()) for i in range(4)]
    sent = sent_at(Pace(rate=2, clock=clock, wait=clock.wait), clock, records)
    assert [at for at, _ in sent] == [0.0, 0.5, 1.0, 1.5]


def test_a_high_rate_sends_chunks_but_never_ahead_of_time() -> None:
    clock = Clock()
    records = [Record(None, None, b"") for _ in range(1_000)]
    sent = sent_at(Pace(rate=1_000, clock=clock, wait=clock.wait), clock, records)
    assert all(place / 1_000 - at <= 0.031 for place, (at, _) in enumerate(sent))
    assert abs(sent[-1][0] - 1.0) < 0.05


def test_a_speed_follows_event_time() -> None:
    clock = Clock()
    records = [Record(EPOCH_MS + ms, None, b"") for ms in (0, 60_000, 30_000, 120_000)]
    sent = sent_at(Pace(speed=60, clock=clock, wait=clock.wait), clock, records)
    assert [at for at, _ in sent] == [0.0, 1.0, 1.0, 2.0]


def test_without_pace_nothing_waits() -> None:
    def wait(_seconds: Any) -> None:
        raise AssertionError

    chunks = list(Pace(wait=wait).chunks([[Record(None, None, b"")] * 5_000]))
    assert sum(map(len, chunks)) == 5_000
