"""Read Parquet, CSV and JSONL files as tables."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from stream.baseline.errors import BaselineError

_MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
"""Texts in CSV that stand for no value, in columns of strings too: what data frames write."""


def read_table(path: Path) -> pa.Table:
    """Read a file; its ending says how: ``.parquet``, ``.csv``, ``.jsonl`` or ``.ndjson``.

    CSV and JSONL may be compressed (``.csv.gz``, ``.csv.zst`` and the like).

    Raises
    ------
    BaselineError
        For a file that is not there, of another ending, or that can't be read.
    """
    if not path.is_file():
        raise BaselineError(f"there is no file {path}")
    endings = [ending.lower() for ending in path.suffixes]
    form = next((ending for ending in reversed(endings) if ending in _READERS), None)
    if form is None:
        raise BaselineError(f"{path.name}: can't tell its form; use one of {', '.join(_READERS)}")
    try:
        return _READERS[form](path)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(". ")
        raise BaselineError(f"{path.name} can't be read as {form[1:]}: {reason}") from error


def _read_parquet(path: Path) -> Any:
    with pa.parquet.ParquetFile(path) as file:
        return file.read()


def _read_csv(path: Path) -> Any:
    convert = pa.csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    return pa.csv.read_csv(path, convert_options=convert)


def _read_jsonl(path: Path) -> Any:
    return pa.json.read_json(path)


_READERS = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}
