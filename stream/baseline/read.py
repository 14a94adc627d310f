"""Read Parquet, CSV and JSONL files as tables."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
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
        For a file that is not there, of another ending, or that can't be read; where a line is to
        blame, naming it.
    """
    if path.is_dir():
        raise BaselineError(f"{path} is a directory: give a file")
    if not path.is_file():
        raise BaselineError(f"there is no file {path}: check the path")
    endings = [ending.lower() for ending in path.suffixes]
    form = next((ending for ending in reversed(endings) if ending in _READERS), None)
    if form is None:
        raise BaselineError(f"{path.name}: can't tell its form; use one of {', '.join(_READERS)}")
    if path.stat().st_size == 0:
        raise BaselineError(f"{path.name} is empty: give a file with rows")
    read, find_fault = _READERS[form]
    try:
        return read(path)
    except PermissionError as error:
        raise BaselineError(f"{path.name} may not be read: give this user leave to") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError, UnicodeDecodeError) as error:
        reason = find_fault(path) or re.split(r"\.\s|\n", str(error))[0].rstrip(". ")
        raise BaselineError(
            f"{path.name} can't be read as {form[1:]}: {reason}; correct it, or export it again"
        ) from error


def _read_parquet(path: Path) -> Any:
    with pa.parquet.ParquetFile(path) as file:
        return file.read()


def _read_csv(path: Path) -> Any:
    convert = pa.csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    return pa.csv.read_csv(path, convert_options=convert)


def _read_jsonl(path: Path) -> Any:
    return pa.json.read_json(path)


def _parquet_fault(_path: Path) -> str | None:
    return None


def _csv_fault(path: Path) -> str | None:
    """Say which line is to blame; Arrow does not count lines."""
    try:
        with _opened(path) as file:
            rows = csv.reader(file)
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    found = "1 value" if len(row) == 1 else f"{len(row)} values"
                    return f"line {rows.line_num} has {found}, but the header names {len(header)}"
    except (OSError, ValueError, csv.Error):
        return None
    return None


def _jsonl_fault(path: Path) -> str | None:
    """Say which line is to blame; Arrow counts rows within a block."""
    types: dict[str, tuple[str, int]] = {}
    try:
        for number, line in _lines(path):
            row = json.loads(line)
            if not isinstance(row, dict):
                return f"line {number} holds {_type(row)}, but each line is one object"
            for name, value in row.items():
                if value is None:
                    continue
                found, before = types.setdefault(name, (_type(value), number))
                if found != _type(value):
                    return (
                        f"column `{name}` holds {found} in line {before} and {_type(value)} in "
                        f"line {number}"
                    )
    except json.JSONDecodeError as error:
        return f"line {number} is no JSON ({error.msg} at character {error.pos + 1})"
    except (OSError, ValueError):
        return None
    return None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _opened(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(pa.input_stream(str(path)), encoding="utf-8-sig", newline="")


def _type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


_READERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], str | None]]] = {
    ".parquet": (_read_parquet, _parquet_fault),
    ".csv": (_read_csv, _csv_fault),
    ".jsonl": (_read_jsonl, _jsonl_fault),
    ".ndjson": (_read_jsonl, _jsonl_fault),
}
"""Reads a form, and says after a failure which line was to blame, if it can."""
