"""Columns of a table: numbers, classes, vectors or sets, a row each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.names import canonical_class
from stream.arrays import FloatArray, IntArray
from stream.baseline.errors import BaselineError
from stream.descriptors.embedding import DIMENSIONS_MAX

DIMENSIONS_MIN = 2


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Attributes
    ----------
    ordered : (rows,) as in the table; NaN where there is none: null, NaN and infinities, as on the
        wire
    """

    ordered: FloatArray

    @cached_property
    def values(self) -> FloatArray:
        """The numbers, ascending."""
        return np.sort(self.ordered[~np.isnan(self.ordered)])

    @property
    def missing(self) -> int:
        """Rows without one."""
        return len(self.ordered) - len(self.values)


@dataclass(frozen=True)
class Classes:
    """A column of strings, booleans or of numbers that name classes.

    Attributes
    ----------
    names : the classes, each once
    codes : (rows,) place of each row's among them; -1 where it has none
    boolean : whether the column holds booleans
    """

    names: tuple[str, ...]
    codes: IntArray
    boolean: bool = False

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows by class."""
        counted = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        return dict(zip(self.names, counted.tolist(), strict=True))

    @property
    def missing(self) -> int:
        """Rows without one."""
        return int(np.count_nonzero(self.codes < 0))


@dataclass(frozen=True)
class Vectors:
    """A column of arrays of numbers, all of one length d.

    Attributes
    ----------
    matrix : (n, d) the vectors, in the type they were stored in
    places : (n,) their rows; the others have none, or one with a number missing
    rows : of the table
    """

    matrix: npt.NDArray[np.floating[Any]]
    places: IntArray
    rows: int


@dataclass(frozen=True)
class Sets:
    """A column of arrays of strings; None where there is none."""

    values: Sequence[list[str] | None]


Column = Numbers | Classes | Vectors | Sets


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


def _as_array(name: str, values: Any) -> Any:
    try:
        flat = getattr(values, "ndim", 1) == 1
        return pa.array(values if flat else list(values), from_pandas=True)
    except OverflowError as error:
        raise BaselineError(
            f"column `{name}` holds whole numbers of more than 64 bits: make them strings, or "
            "ignore it"
        ) from error
    except (ValueError, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise BaselineError(
            f"column `{name}` holds values of several types: make it all numbers or all strings, "
            "or ignore it"
        ) from error


def is_readable(kind: Any) -> bool:
    """Whether a feature can be made of an Arrow type: nulls, scalars and arrays of them."""
    if pa.types.is_dictionary(kind):
        return is_readable(kind.value_type)
    if _is_list(kind):
        return _is_number(kind.value_type) or _is_string(kind.value_type)
    return bool(
        _is_number(kind) or _is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    )


def read_column(table: pa.Table, name: str) -> Column | None:
    """Read one column of a readable type.

    Returns
    -------
    The column, or None where it has no value at all.

    Raises
    ------
    BaselineError
        For vectors that are of several lengths, or too short or too long.

    Examples
    --------
    >>> read_column(as_table({"x": ["b", "a", None, "b"]}), "x").counts
    {'b': 2, 'a': 1}
    """
    column = table[name].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if column.null_count == len(column):
        return None
    if _is_string(kind):
        return _strings(column)
    if pa.types.is_boolean(kind):
        return Classes(("0", "1"), _codes(column.cast(pa.int64())), boolean=True)
    if _is_list(kind):
        return _sets(column) if _is_string(kind.value_type) else _vectors(name, column)
    raw = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    # Adding 0 turns -0.0, which JSON does not tell apart, into 0.0.
    numbers = Numbers(np.where(np.isfinite(raw), raw, np.nan) + 0.0)
    return numbers if len(numbers.values) else None


def as_classes(numbers: Numbers) -> Classes:
    """Take each number for the name of a class.

    Examples
    --------
    >>> as_classes(Numbers(np.array([2.0, np.nan, 1.0, 2.0]))).counts
    {'1': 1, '2': 2}
    """
    there = ~np.isnan(numbers.ordered)
    distinct, places = np.unique(numbers.ordered[there], return_inverse=True)
    codes = np.full(len(numbers.ordered), -1, dtype=np.int64)
    codes[there] = places
    return Classes(tuple(map(canonical_class, distinct.tolist())), codes)


def _is_number(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_string(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _codes(column: Any) -> IntArray:
    codes: IntArray = pc.fill_null(column, -1).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return codes


def _strings(column: Any) -> Classes:
    encoded = column.cast(pa.large_string()).dictionary_encode()
    return Classes(tuple(encoded.dictionary.to_pylist()), _codes(encoded.indices))


def _sets(column: Any) -> Sets:
    values = column.to_pylist()
    if any(value is not None and None in value for value in values):
        values = [v and [item for item in v if item is not None] for v in values]
    return Sets(values)


def _vectors(name: str, column: Any) -> Vectors | None:
    lengths = sorted(pc.unique(pc.list_value_length(column).drop_null()).to_pylist())
    if len(lengths) > 1:
        raise BaselineError(
            f"column `{name}` holds arrays of {lengths[0]} and of {lengths[-1]} numbers, but "
            "embeddings are of one length: correct it or ignore it"
        )
    dimensions = lengths[0]
    if not DIMENSIONS_MIN <= dimensions <= DIMENSIONS_MAX:
        raise BaselineError(
            f"column `{name}` holds arrays of {dimensions} numbers, but embeddings have "
            f"{DIMENSIONS_MIN} to {DIMENSIONS_MAX}: correct it or ignore it"
        )
    flat = column.flatten()
    if not pa.types.is_floating(flat.type):
        flat = flat.cast(pa.float64(), safe=False)
    matrix = flat.to_numpy(zero_copy_only=False).reshape(-1, dimensions)
    places = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    whole = np.isfinite(matrix).all(axis=1)
    if not whole.any():
        return None
    if not whole.all():
        matrix, places = matrix[whole], places[whole]
    return Vectors(matrix, places, len(column))
