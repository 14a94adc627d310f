"""Files as Arrow batches, whatever their format."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

BATCH_ROWS = 16_384
FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Formats by the end of a file's name; CSV and JSON lines may be compressed (``.csv.gz``)."""

MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
"""What a data frame writes into CSV for a missing value; baselines read them alike."""

# A row has to fit into one block; rows of an event may be 1 MB.
_BLOCK_BYTES = 4 * 1024 * 1024


class FileError(Exception):
    """A file can't be read; the message says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of rows.

    Attributes
    ----------
    columns
        Their names, in order.
    rows
        How many rows there are.
    """

    path: Path
    columns: tuple[str, ...]
    rows: int
    _table: pa.Table | None
    _parquet: pa.parquet.ParquetFile | None

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read these columns, some thousand rows at a time."""
        try:
            if self._parquet is not None:
                yield from self._parquet.iter_batches(BATCH_ROWS, columns=columns)
            elif self._table is not None:
                yield from self._table.select(columns).to_batches(max_chunksize=BATCH_ROWS)
        except (OSError, pa.ArrowException) as error:
            raise FileError(
                f"{self.path} can't be read to its end: {_first_line(error)}"
            ) from error


def format_of(path: Path) -> str:
    """Return ``parquet``, ``csv`` or ``jsonl``.

    Raises
    ------
    FileError
        For a name that ends otherwise.
    """
    endings = [ending.lower() for ending in path.suffixes]
    found = next((FORMATS[ending] for ending in reversed(endings) if ending in FORMATS), None)
    if found is None:
        raise FileError(f"{path}: the name must end with one of {', '.join(FORMATS)}")
    return found


def open_table(path: Path, text_columns: Iterable[str] = ()) -> TableFile:
    """Open a file of rows. Parquet is read as it is sent; the others are read whole.

    Parameters
    ----------
    path
        Its name says what it is, see `FORMATS`.
    text_columns
        Columns of a CSV file that are text though they look like numbers: the id ``0042``.

    Raises
    ------
    FileError
        When it can't be read, or is not what its name says.
    """
    kind = format_of(path)
    try:
        if kind == "parquet":
            file = pa.parquet.ParquetFile(path)
            names = tuple(file.schema_arrow.names)
            return TableFile(path, names, file.metadata.num_rows, None, file)
        table = _read_csv(path, text_columns) if kind == "csv" else _read_jsonl(path)
    except OSError as error:
        why = error.strerror or _first_line(error)
        raise FileError(f"{path} can't be read ({why}): check the path") from error
    except pa.ArrowException as error:
        raise FileError(
            f"{path} is no {kind} file that can be read: {_first_line(error)}"
        ) from error
    return TableFile(path, tuple(table.column_names), table.num_rows, table, None)


def _read_csv(path: Path, text_columns: Iterable[str]) -> pa.Table:
    return pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
        convert_options=pa.csv.ConvertOptions(
            null_values=list(MISSING_TEXTS),
            strings_can_be_null=True,
            column_types=dict.fromkeys(text_columns, pa.string()),
        ),
    )


def _read_jsonl(path: Path) -> pa.Table:
    options = pa.json.ReadOptions(block_size=_BLOCK_BYTES)
    return pa.json.read_json(path, read_options=options)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
