"""Embeddings as numbers: length, distance from the reference's centre, and projections.

Exact: components are counted in units of a power of two, fixed by the baseline, as integers of at
most 20 bits; then every sum of up to 4,096 products stays below 2**53, where floats are exact. So a
vector has the same descriptors on every machine, with every numpy, in a batch of any size. What a
component loses is at most half a unit, 2**-19 of the reference's largest.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream.arrays import FloatArray
from stream.sketches.grid import MISMATCH

PROJECTIONS = 4
"""Directions looked along; a shift of the mean by any vector shows in each by chance."""
EMBEDDING_DESCRIPTORS = (
    "cosine_distance",
    "norm",
    *(f"projection_{k}" for k in range(PROJECTIONS)),
)
DIMENSIONS_MAX = 4096
"""Two 20-bit integers multiply to 40 bits, and 2**12 of those add up to 52."""
_COMPONENT_MAX = 2.0**20
_LARGEST_BITS = 18
"""The reference's largest component has 18 bits: four times as much fits before it is cut."""
_EXPONENT_MIN = -900
"""Smaller ones, which no embedding has, would need factors beyond the floats."""
_BLOCK_COMPONENTS = 2**18
"""Components converted at once: 2 MiB, which stay in a processor's cache."""
_NORM_BITS = 12
"""Norms are rounded to 12 bits: unit vectors differ from 1 by how their sender rounds, which is no
drift. Others vary by 1 % at least, forty times as much."""
_COSINE_STEP = 2.0**-16
"""Cosine distances are rounded to this, for the same reason: equal vectors are 0 apart."""


def component_exponent(largest: float) -> int:
    """Exponent e of the unit 2**e that components are counted in.

    Parameters
    ----------
    largest : the reference's largest component, by size; above 0

    Examples
    --------
    >>> component_exponent(0.2)
    -20
    """
    return max(math.frexp(largest)[1], _EXPONENT_MIN) - _LARGEST_BITS


def directions(dimensions: int) -> FloatArray:
    """Signs of the projections, ±1.

    Returns
    -------
    (dimensions, 4) of the bits of SHAKE-256 over ``projection_0`` and so on, the highest bit of
    each byte first; a bit of 1 is +1. So they are the same everywhere, and for ever.

    Examples
    --------
    >>> directions(4)[:, 0].tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    columns = []
    for k in range(PROJECTIONS):
        digest = hashlib.shake_256(f"projection_{k}".encode()).digest((dimensions + 7) // 8)
        bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:dimensions]
        columns.append(2.0 * bits - 1.0)
    return np.stack(columns, axis=1)


def as_components(vectors: FloatArray, exponent: int) -> FloatArray:
    """Integers, as floats, of vectors of shape ``(n, d)`` in units of ``2**exponent``."""
    with np.errstate(over="ignore"):  # what overflows is cut
        scaled = vectors * 2.0**-exponent
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -_COMPONENT_MAX, _COMPONENT_MAX, out=scaled)


@dataclass(frozen=True, slots=True)
class Frame:
    """What vectors are measured by.

    Attributes
    ----------
    dimensions : length d of the vectors
    exponent : of the unit of components
    axes : (d, 5) the centre in units, then the signs of the projections
    centre_squared : squared length of the centre, in units
    """

    dimensions: int
    exponent: int
    axes: FloatArray
    centre_squared: float

    @classmethod
    def of(cls, centre: Sequence[float], exponent: int) -> "Frame":
        """Make the frame of a centre, shape ``(d,)``, in the vectors' own unit."""
        units = as_components(np.array([centre]), exponent)[0]
        axes = np.column_stack([units, directions(len(units))])
        return cls(len(units), exponent, axes, float(units @ units))

    @property
    def block(self) -> int:
        """How many vectors to convert at once."""
        return max(1, _BLOCK_COMPONENTS // self.dimensions)

    def describe(self, vectors: FloatArray, rows: int | None = None) -> FloatArray:
        """Describe vectors.

        Parameters
        ----------
        vectors : (n, d)
        rows : where the vectors are the reference's own: how many of them the centre is the mean
            of. Each is then compared with the mean of the others, as a new vector would be; of
            500 vectors around 0, each lies a standard deviation nearer to a mean it is part of.

        Returns
        -------
        (6, n) in the order of `EMBEDDING_DESCRIPTORS`: 1 - cosine of the angle with the centre;
        Euclidean length; x·s ÷ √d for each direction s. NaN for a vector with a component that is
        no finite number; the distance also where vector or centre is 0.
        """
        units = as_components(vectors, self.exponent)
        # An infinity would be cut to a component, as a large number is.
        absent = ~np.isfinite(vectors).all(axis=1)
        units[absent] = 0.0
        along: FloatArray = (units @ self.axes).T
        squared: FloatArray = np.einsum("ij,ij->i", units, units)
        unit = 2.0**self.exponent
        out = np.empty((len(EMBEDDING_DESCRIPTORS), len(vectors)))
        out[0] = self._distances(along[0], squared, rows)
        out[1] = _rounded(np.sqrt(squared), _NORM_BITS) * unit
        out[2:] = along[1:] * (unit / math.sqrt(self.dimensions))
        out[:, absent] = np.nan
        return out

    def _distances(self, along: FloatArray, squared: FloatArray, rows: int | None) -> FloatArray:
        centre_squared = np.full(len(along), self.centre_squared)
        if rows is not None:
            others = max(1, rows - 1)
            centre_squared = (
                rows * rows * centre_squared - 2.0 * rows * along + squared
            ) / others**2
            along = (rows * along - squared) / others
        lengths = np.sqrt(squared * np.maximum(centre_squared, 0.0))
        cosines = np.divide(along, lengths, out=np.full(len(along), np.nan), where=lengths > 0)
        distances: FloatArray = 1.0 - np.clip(cosines, -1.0, 1.0)
        return np.rint(distances / _COSINE_STEP) * _COSINE_STEP


def describe_embeddings(values: Sequence[Any], frame: Frame) -> FloatArray:
    """Describe embeddings.

    Parameters
    ----------
    values : n JSON values
    frame : what they are measured by

    Returns
    -------
    (6, n) as `Frame.describe`. NaN where the value is missing, and for an array with a null, NaN or
    infinity in it: a vector that is not known in full is not known. Infinite for what is no array
    of d numbers; ``true`` counts as 1, as everywhere on the wire.

    Examples
    --------
    >>> frame = Frame.of([1.0, 0.0], component_exponent(1.0))
    >>> describe_embeddings([[3.0, 4.0], None, [1.0]], frame)[:2].round(2).T.tolist()
    [[0.4, 5.0], [nan, nan], [inf, inf]]
    """
    out = np.full((len(EMBEDDING_DESCRIPTORS), len(values)), np.nan)
    for first in range(0, len(values), frame.block):
        part = out[:, first : first + frame.block]
        vectors, places, mismatched = _vectors(
            values[first : first + frame.block], frame.dimensions
        )
        part[:, mismatched] = MISMATCH
        part[:, places] = frame.describe(vectors)
    return out


def _vectors(values: Sequence[Any], dimensions: int) -> tuple[FloatArray, list[int], list[int]]:
    """Vectors of the right length, their places, and the places of values of another type."""
    packer = struct.Struct(f"{dimensions}d")
    size, pack_into = packer.size, packer.pack_into
    buffer = bytearray(size * len(values))
    places: list[int] = []
    mismatched: list[int] = []
    offset = 0
    for i, value in enumerate(values):
        if value is None:
            continue
        if value.__class__ is not list or len(value) != dimensions:
            mismatched.append(i)
            continue
        try:
            pack_into(buffer, offset, *value)
        except (struct.error, OverflowError):
            numbers = _with_gaps(value)
            if numbers is None:
                mismatched.append(i)
                continue
            pack_into(buffer, offset, *numbers)
        places.append(i)
        offset += size
    vectors = np.frombuffer(buffer, dtype=np.float64, count=offset // 8)
    return vectors.reshape(-1, dimensions), places, mismatched


def _with_gaps(value: list[Any]) -> list[float] | None:
    """Numbers of an array with NaN for nulls and for integers that no float holds."""
    out = []
    for component in value:
        if component is None:
            out.append(math.nan)
        elif isinstance(component, int | float):
            try:
                out.append(float(component))
            except OverflowError:
                out.append(math.nan)
        else:
            return None
    return out


def _rounded(values: FloatArray, bits: int) -> FloatArray:
    """Round to so many binary digits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.rint(mantissa * 2.0**bits), exponent - bits), dtype=np.float64)
