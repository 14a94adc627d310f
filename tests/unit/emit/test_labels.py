"""Rows of a file as label events."""

import math
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.events import LabelEvent
from stream.cli.main import main
from stream.emit.columns import ColumnError
from stream.emit.labels import are_events, label_events, label_layout
from stream.emit.roles import MappingError, id_columns, parse_figures, parse_map
from stream.emit.tables import open_table

EPOCH_MS = 1_790_002_800_000


def parquet(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def labels_of(
    path: Path,
    mapping: Any = (),
    figures: Any = (),
    model: str | None = None,
    version: str | None = None,
    notes: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Events of a file; all of them are label events of the contract, keyed by their request."""
    named = parse_map(mapping, ("id", "label", "timestamp"))
    table = open_table(path, id_columns(named))
    layout = label_layout(table.columns, named, parse_figures(figures))
    said = (notes if notes is not None else []).append
    out = []
    for batch in label_events(table, layout, model, version, said):
        for record in batch:
            event = msgspec.json.decode(record.value, type=LabelEvent)
            assert str(event.request_id).encode() == record.key
            assert event.timestamp == record.event_ms
            out.append(orjson.loads(record.value))
    return out


def test_a_row_becomes_a_label_without_a_time_where_there_is_none(tmp_path: Path) -> None:
    path = parquet(tmp_path, id=["a", "b"], clf_target=[0, 1])
    assert labels_of(path, ["label=clf_target"]) == [
        {"request_id": "a", "label": 0},
        {"request_id": "b", "label": 1},
    ]


def test_labels_may_be_restricted_and_have_times(tmp_path: Path) -> None:
    when = pa.array([EPOCH_MS, None], pa.timestamp("ms", "UTC"))
    path = parquet(tmp_path, request_id=[1, 2], label=["yes", "no"], timestamp=when, other=[0, 0])
    of = {"model_name": "credit", "model_version": "3"}
    assert labels_of(path, model="credit", version="3") == [
        {**of, "request_id": "1", "label": "yes", "timestamp": EPOCH_MS},
        {**of, "request_id": "2", "label": "no"},
    ]


def test_figures_are_sent_with_a_label_or_without(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        id=["a", "b", "c"],
        label=[1.0, math.nan, None],
        stars=[5, None, 4],
        clicked=[True, None, False],
        price=[Decimal("1.50"), None, None],
    )
    both = ("rating=stars", "clicked=clicked", "price=price")
    notes: list[str] = []
    assert labels_of(path, figures=both, notes=notes) == [
        {"request_id": "a", "label": 1.0, "metrics": {"rating": 5, "clicked": 1, "price": 1.5}},
        {"request_id": "c", "metrics": {"rating": 4, "clicked": 0}},
    ]
    assert notes == ["1 of 3 rows left out: no id, or no label"]


def test_a_column_can_be_the_label_and_a_figure(tmp_path: Path) -> None:
    path = parquet(tmp_path, id=["a"], stars=[5])
    assert labels_of(path, ["label=stars"], ["rating=stars"]) == [
        {"request_id": "a", "label": 5, "metrics": {"rating": 5}}
    ]
    # By its name alone a column of figures is no label.
    path = parquet(tmp_path, id=["a"], label=[5])
    assert labels_of(path, figures=["rating=label"]) == [
        {"request_id": "a", "metrics": {"rating": 5}}
    ]


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (pa.array([["a", "b"], []]), [["a", "b"], []]),
        (pa.array([[3, 1], None]), [[3, 1]]),
        (pa.array([{"a": 3.0, "b": None}, None]), [{"a": 3.0}]),
        (
            pa.array([[("a", 1.0)], [("b", 0.5), ("c", None)]], pa.map_(pa.string(), pa.float64())),
            [{"a": 1.0}, {"b": 0.5}],
        ),
        (pa.array(["good", None]).dictionary_encode(), ["good"]),
        (pa.array([True, False]), [True, False]),
    ],
)
def test_labels_of_any_task_pass_through(tmp_path: Path, column: Any, labels: Any) -> None:
    path = parquet(tmp_path, id=["x", "y"], label=column)
    assert [event["label"] for event in labels_of(path)] == labels


def test_rankings_come_from_json_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"id": "x", "label": {"a": 2}}\n{"id": "y", "label": {"b": 1}}\n{"id": "z"}\n')
    assert [event["label"] for event in labels_of(path)] == [{"a": 2}, {"b": 1}]


def test_rows_that_say_nothing_are_left_out_and_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    path = parquet(tmp_path, id=["a", None, "c", ""], label=[1.0, 0.0, math.nan, 1.0])
    assert labels_of(path, model="m", notes=notes) == [
        {"model_name": "m", "request_id": "a", "label": 1.0}
    ]
    assert notes == ["3 of 4 rows left out: no id, or no label"]


def test_ids_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("request_id,label\n0042,1\n")
    assert labels_of(path) == [{"request_id": "0042", "label": 1}]


@pytest.mark.parametrize(
    ("columns", "mapping", "figures", "why"),
    [
        (
            ("id", "clf_target", "extra"),
            (),
            (),
            r"label=COLUMN \(clf_target, extra\), or .*--metric",
        ),
        (("id",), (), (), r"label=COLUMN \(there is no other column\)"),
        (("key", "label"), (), (), r"no column is the id: name it with --map id=COLUMN \(key\)"),
        (("id", "y"), ("label=z",), (), "there is no column 'z'"),
        (("id", "stars"), (), ("rating=star",), "'star': did you mean 'stars'"),
        (("id", "y"), ("prediction=y",), (), "the roles are id, label, timestamp"),
        (("id", "y"), (), ("y",), "is no NAME=COLUMN, such as rating=stars"),
        (("id", "y"), (), ("a=y", "a=id"), "--metric gives a twice"),
    ],
)
def test_what_cannot_be_mapped_says_what_would_do(
    tmp_path: Path, columns: Any, mapping: Any, figures: Any, why: str
) -> None:
    path = parquet(tmp_path, **{name: ["1"] for name in columns})
    with pytest.raises(MappingError, match=why):
        labels_of(path, mapping, figures)


@pytest.mark.parametrize(
    ("column", "why"),
    [(pa.array([b"x"]), "is no label"), (pa.array([1], pa.time32("s")), "is no label")],
)
def test_a_column_that_is_no_label_is_refused(tmp_path: Path, column: Any, why: str) -> None:
    with pytest.raises(ColumnError, match=why):
        labels_of(parquet(tmp_path, id=["a"], label=column))


def test_a_figure_is_a_number(tmp_path: Path) -> None:
    path = parquet(tmp_path, id=["a"], stars=["five"])
    with pytest.raises(ColumnError, match=r"'stars' holds string, which is no number"):
        labels_of(path, figures=["rating=stars"])


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        (b'{"request_id": "a", "label": 1}', True),
        (b'{"request_id": "a", "metrics": {"x": 1}}', True),
        (b'[{"request_id": "a", "label": 1}]', True),
        (b'{"request_id": "a", "y": 1}', False),
        (b'{"id": "a", "label": 1}', False),
        (b"7", False),
        (b"{", False),
    ],
)
def test_label_events_are_told_from_rows(line: bytes, yes: bool) -> None:
    assert are_events(line) is yes


@pytest.mark.parametrize(
    ("file", "options", "why"),
    [
        ("-", ("--model", "credit"), "leave --model, --version, --map and --metric out"),
        ("-", ("--speed", "10"), "--speed needs rows"),
        ("truth.jsonl", ("--speed", "10"), "--speed needs rows"),
        ("truth.parquet", (), "label=COLUMN (clf_target)"),
        ("truth.parquet", ("--map", "label=clf_target", "--speed", "9"), "--map timestamp=COLUMN"),
        ("truth.parquet", ("--map", "label=clf_target", "-m", "a/b"), "model 'a/b': use 1 to 128"),
        ("truth.parquet", ("--map", "label=clf_target"), "no Kafka is configured"),
        ("truth.jsonl", (), "no Kafka is configured"),
        ("truth.jsonl", ("--rate", "1", "--speed", "1"), "--rate and --speed exclude each other"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    options: tuple[str, ...],
    why: str,
) -> None:
    parquet(tmp_path, id=["a"], clf_target=[1])
    (tmp_path / "truth.jsonl").write_text('\n{"request_id": "a", "label": 1}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", "/nonexistent")
    monkeypatch.setattr(sys, "argv", ["streamgauge", "emit-labels", file, *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("file", "content"), [("none.jsonl", None), ("cut.jsonl.gz", b"\x1f\x8b\x08")]
)
def test_a_file_of_lines_that_cannot_be_read_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: bytes | None,
) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", "/nonexistent")
    monkeypatch.setattr(sys, "argv", ["streamgauge", "emit-labels", str(tmp_path / file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert f"{file} can't be read" in " ".join(capsys.readouterr().err.split())
