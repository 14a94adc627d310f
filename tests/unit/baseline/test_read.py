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
        ("a.xlsx", b"", "use one of .parquet, .csv"),
        ("a.parquet", b"no parquet", "can't be read as parquet"),
        ("a.jsonl", b'{"x": 1}\n{"x": "a"}\n', "can't be read as jsonl"),
        ("a.csv", b"x,y\n1\n", "can't be read as csv"),
        ("a.csv", b"", "can't be read as csv"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Any, name: Any, content: Any, said: Any) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BaselineError, match=said) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Any) -> None:
    with pytest.raises(BaselineError, match="there is no file"):
        read_table(tmp_path / "none.csv")
