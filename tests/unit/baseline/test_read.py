import gzip
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from stream.baseline.errors import BaselineError
from stream.baseline.read import read_table

ROWS = [{"x": 1.5, "s": "a"}, {"x": None, "s": None}, {"x": 3.0, "s": "b"}]


def test_the_same_rows_from_every_form(tmp_path: Any) -> None:
    pa.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x,s\n1.5,a\n,\n3,b\n")
    (tmp_path / "a.jsonl").write_text('{"x": 1.5, "s": "a"}\n{}\n{"x": 3.0, "s": "b"}\n')
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,s\n1.5,a\nNA,NA\n3.0,b\n"))
    for name in ("a.parquet", "a.csv", "a.jsonl", "a.csv.gz"):
        assert read_table(tmp_path / name).to_pylist() == ROWS, name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", b"x", "use one of .parquet, .csv"),
        ("a.parquet", b"no parquet", "can't be read as parquet"),
        ("a.csv", b"\xff\xfe\x00", "can't be read as csv"),
        ("a.csv.gz", b"not compressed", "can't be read as csv"),
        ("a.csv", b"x,y\n1,2\n\n3\n", "line 4 has 1 value, but the header names 2"),
        ("a.csv", b'x,y\n"1\n",2\n3,4,5\n', "line 4 has 3 values, but the header names 2"),
        ("a.csv.gz", gzip.compress(b"x,y\n1\n", mtime=0), "line 2 has 1 value"),
        ("a.jsonl", b'{"x": 1}\n\n{"x": 2\n', "line 3 is no JSON"),
        ("a.jsonl", b"[1, 2]\n", "line 1 holds an array, but each line is one object"),
        ("a.jsonl", b'{"x": 1}\n5\n', "line 2 holds a number"),
        (
            "a.ndjson",
            b'{"x": 1}\n{"x": null}\n{"x": "a"}\n',
            "number in line 1 and a string in line 3",
        ),
        ("a.jsonl", b'{"x": 1, "x": 2}\n', "can't be read as jsonl.*twice"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.jsonl", b"", "a.jsonl is empty"),
        ("a.parquet", b"", "a.parquet is empty"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Any, name: Any, content: Any, said: Any) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BaselineError, match=said) as caught:
        read_table(tmp_path / name)
    said = str(caught.value)
    assert said.startswith(name)
    assert "\n" not in said
    assert ". " not in said


def test_a_file_that_may_not_be_read(tmp_path: Any, monkeypatch: Any) -> None:
    def refuse(_path: Any, **_options: Any) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr(pa.csv, "read_csv", refuse)
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(BaselineError, match=r"a\.csv may not be read"):
        read_table(tmp_path / "a.csv")


def test_a_directory(tmp_path: Any) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(BaselineError, match="is a directory: give a file"):
        read_table(tmp_path / "a.csv")


def test_a_file_that_is_not_there(tmp_path: Any) -> None:
    with pytest.raises(BaselineError, match="there is no file"):
        read_table(tmp_path / "none.csv")
