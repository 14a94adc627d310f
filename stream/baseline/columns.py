"""Columns of a table as numbers, or as classes with their counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import Rejected
from schemas.names import canonical_class
from schemas.timestamps import parse_timestamp_ms
from stream.arrays import FloatArray
from stream.baseline.errors import BaselineError


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers.

    Attributes
    ----------
    values : (n,) ascending, finite
    missing : rows without one: null, NaN and infinities, as on the wire
    """

    values: FloatArray
    missing: int


@dataclass(frozen=True, slots=True)
class Classes:
    """A column of strings, booleans or of numbers that name classes.

    Attributes
    ----------
    counts : rows by class
    missing : rows without one
    boolean : whether the column holds booleans
    """

    counts: Mapping[str, int]
    missing: int
    boolean: bool = False


def as_table(data: Any) -> pa.Table:
    """Take a table as it is, or make one of a mapping of names to arrays of one length.

    Raises
    ------
    BaselineError
        For columns that hold values of several types, or are of several lengths.

    Examples
    --------
    >>> as_table({"age": np.array([31.0, np.nan]), "country": ["FR", None]}).num_rows
    2
    """
    if isinstance(data, pa.Table):
        return data
    arrays = {name: _as_array(name, values) for name, values in data.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"`{name}` {len(array)}" for name, array in arrays.items())
        raise BaselineError(f"columns differ in length ({lengths}): give one value a row")
    return pa.table(arrays)


def _as_array(name: str, values: Sequence[Any]) -> Any:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise BaselineError(
            f"column `{name}` holds values of several types: make it all numbers or all strings, "
            "or ignore it"
        ) from error


def read_column(table: pa.Table, name: str, *, as_classes: bool = False) -> Numbers | Classes:
    """Read one column.

    Parameters
    ----------
    table : n rows
    name : the column
    as_classes : whether numbers stand for classes

    Raises
    ------
    BaselineError
        For a column without any value, or of a type that is neither number, string nor boolean.
    """
    column = table[name].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if column.null_count == len(column):
        raise BaselineError(f"column `{name}` has no values: ignore it")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Classes(_counts(column), column.null_count)
    if pa.types.is_boolean(kind):
        counts = {canonical_class(key == "true"): n for key, n in _counts(column).items()}
        return Classes(counts, column.null_count, boolean=True)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise BaselineError(
            f"column `{name}` holds values of type {kind}, which is neither number, string nor "
            "boolean: give it a role or ignore it"
        )
    numbers = _numbers(name, column)
    if not as_classes:
        return numbers
    distinct, counted = np.unique(numbers.values, return_counts=True)
    names = map(canonical_class, distinct.tolist())
    return Classes(dict(zip(names, counted.tolist(), strict=True)), numbers.missing)


def _counts(column: Any) -> dict[str, int]:
    counted = pc.value_counts(column.drop_null().cast(pa.large_string()))
    values = counted.field("values").to_pylist()
    return dict(zip(values, counted.field("counts").to_pylist(), strict=True))


def _numbers(name: str, column: Any) -> Numbers:
    raw = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    finite = raw[np.isfinite(raw)]
    if len(finite) == 0:
        raise BaselineError(f"column `{name}` has no finite values: ignore it")
    # Adding 0 turns -0.0, which JSON does not tell apart, into 0.0.
    return Numbers(np.sort(finite) + 0.0, len(raw) - len(finite))


def time_range_ms(table: pa.Table, name: str) -> tuple[int, int] | None:
    """First and last event time, epoch ms, of the rows that have one; None where none has.

    Parameters
    ----------
    table : n rows
    name : a column of timestamps (without zone: UTC), of epoch milliseconds, or of strings in the
        wire's form

    Raises
    ------
    BaselineError
        When the column holds no times.
    """
    column = table[name].combine_chunks()
    if column.null_count == len(column):
        return None
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        column = column.cast(pa.timestamp("ms", tz=zone), safe=False).cast(pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        ends = pc.min_max(column).as_py()
        given = [ends["min"], ends["max"]]
    else:
        given = column.drop_null().to_pylist()
    times = []
    for value in given:
        time_ms = parse_timestamp_ms(value)
        if isinstance(time_ms, Rejected):
            raise BaselineError(f"column `{name}` is no event time: {time_ms.detail}")
        times.append(time_ms)
    return min(times), max(times)
