"""Pane rows as bytes: the Python side of ``scripts/rows.lua``.

A pane is a Redis hash of *rows*. The first byte of a row says what it holds and so how two merge:

======  =============================================================================
``S``   counts, sparse: u16 number of cells, then (u16 cell, u32 count) pairs
``T``   the same with u64 counts
``D``   counts, dense: u16 number of cells, then a u32 for each cell
``W``   the same with u64 counts
``L``   sums: for each value a signed 128-bit integer in four i64 limbs of 32 bits
``M``   maxima: doubles (a minimum is stored as the maximum of the negated values)
``N``   names: MessagePack ``[bound, other, {name: count}]``
``A``   integers below 2**53 as doubles: added
``B``   bottom-k: u16 bound, then (u32 hash, u32 count) pairs by hash: the ``bound`` smallest stay
``H``   registers of a HyperLogLog, one byte each: the larger one stays
======  =============================================================================

All numbers are little-endian. Both sides write the shorter of sparse and dense, so that equal
content has equal bytes. The layout's version is :data:`LAYOUT_VERSION`; it is stored with each
model version.

A row carries no checksum of its own: the counts of a grid add up to the number of events counted on
it, and :mod:`stream.rollup.merge` refuses a pane in which they do not.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from stream.arrays import ByteArray, FloatArray, IntArray
from stream.sketches.bottom_k import BottomK

LAYOUT_VERSION = 2
CELLS_MAX = 65535
"""Cells of one row: a cell's number is a u16."""

_U32_MAX = 2**32 - 1
_LIMB_BITS = 32
_LIMB_MASK = 2**_LIMB_BITS - 1
_LIMBS = 4
_SPARSE = np.dtype([("cell", "<u2"), ("count", "<u4")])
_SPARSE_WIDE = np.dtype([("cell", "<u2"), ("count", "<u8")])
_HASHED = np.dtype([("hash", "<u4"), ("count", "<u4")])


class NameCounts(msgspec.Struct, array_like=True, frozen=True):
    """Counts by name: of the ``bound`` names with the smallest SHA-1, the rest in ``other``."""

    bound: int
    other: int
    names: dict[str, int]


_names_decoder = msgspec.msgpack.Decoder(NameCounts)


def encode_counts(counts: IntArray) -> bytes:
    """Encode non-negative counts, shape ``(cells,)``, as an ``S``, ``T``, ``D`` or ``W`` row."""
    hits = np.flatnonzero(counts)
    return encode_hits(len(counts), hits, counts[hits])


def encode_hits(cells: int, hits: npt.NDArray[np.intp], counts: IntArray) -> bytes:
    """Encode the counts of the cells ``hits`` (ascending) of a row of ``cells`` cells."""
    if cells > CELLS_MAX:
        raise ValueError(f"a row holds at most {CELLS_MAX} cells, not {cells}")
    head = cells.to_bytes(2, "little")
    wide = len(counts) > 0 and int(counts.max()) > _U32_MAX
    if len(hits) * 6 >= cells * 4:
        dense = np.zeros(cells, dtype="<u8" if wide else "<u4")
        dense[hits] = counts
        return (b"W" if wide else b"D") + head + dense.tobytes()
    sparse = np.empty(len(hits), dtype=_SPARSE_WIDE if wide else _SPARSE)
    sparse["cell"] = hits
    sparse["count"] = counts
    return (b"T" if wide else b"S") + head + sparse.tobytes()


def decode_counts(row: bytes) -> IntArray:
    """Decode a counts row to an int64 array of shape ``(cells,)``."""
    tag = row[:1]
    cells = int.from_bytes(row[1:3], "little")
    if tag == b"D":
        return np.frombuffer(row, dtype="<u4", offset=3).astype(np.int64)
    if tag == b"W":
        return np.frombuffer(row, dtype="<u8", offset=3).astype(np.int64)
    if tag not in (b"S", b"T"):
        raise ValueError(f"row of kind {tag!r} where counts were expected")
    out = np.zeros(cells, dtype=np.int64)
    sparse = np.frombuffer(row, dtype=_SPARSE if tag == b"S" else _SPARSE_WIDE, offset=3)
    out[sparse["cell"]] = sparse["count"]
    return out


def encode_sums(sums: Sequence[int]) -> bytes:
    """Encode exact integers of less than 2**127 in size as an ``L`` row."""
    limbs = np.empty((len(sums), _LIMBS), dtype="<i8")
    for i, value in enumerate(sums):
        limbs[i, 0] = value & _LIMB_MASK
        limbs[i, 1] = (value >> _LIMB_BITS) & _LIMB_MASK
        limbs[i, 2] = (value >> 2 * _LIMB_BITS) & _LIMB_MASK
        limbs[i, 3] = value >> 3 * _LIMB_BITS
    return b"L" + limbs.tobytes()


def decode_sums(row: bytes) -> list[int]:
    """Decode an ``L`` row to Python integers."""
    if row[:1] != b"L":
        raise ValueError(f"row of kind {row[:1]!r} where sums were expected")
    limbs = np.frombuffer(row, dtype="<i8", offset=1).reshape(-1, _LIMBS).tolist()
    return [
        a + (b << _LIMB_BITS) + (c << 2 * _LIMB_BITS) + (d << 3 * _LIMB_BITS)
        for a, b, c, d in limbs
    ]


def encode_maxima(values: FloatArray) -> bytes:
    """Encode doubles, shape ``(n,)``, as an ``M`` row; ``-inf`` where nothing was seen.

    A negative zero is written as zero: which of the two a maximum keeps depends on the order.
    """
    return b"M" + (np.asarray(values, dtype="<f8") + 0.0).tobytes()


def decode_maxima(row: bytes) -> FloatArray:
    """Decode an ``M`` row to a float64 array."""
    if row[:1] != b"M":
        raise ValueError(f"row of kind {row[:1]!r} where maxima were expected")
    return np.frombuffer(row, dtype="<f8", offset=1).astype(np.float64)


def bound_names(counts: Mapping[str, int], bound: int, other: int = 0) -> NameCounts:
    """Keep the ``bound`` names with the smallest SHA-1 and count the rest as ``other``.

    Which names stay does not depend on the order in which parts are merged: a name that belongs to
    the smallest of the whole belongs to the smallest of every part.
    """
    if len(counts) <= bound:
        return NameCounts(bound, other, dict(counts))
    order = sorted(counts, key=name_hash)
    rest = sum(counts[name] for name in order[bound:])
    return NameCounts(bound, other + rest, {name: counts[name] for name in order[:bound]})


def name_hash(name: str) -> str:
    """Hash by which names are kept where not all can be."""
    # Redis' Lua has no other hash; it orders names here and protects nothing.
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def merge_names(a: NameCounts, b: NameCounts) -> NameCounts:
    """Add two bounded counts; the result is the same in any order."""
    names = dict(a.names)
    for name, count in b.names.items():
        names[name] = names.get(name, 0) + count
    return bound_names(names, a.bound, a.other + b.other)


def encode_names(names: NameCounts) -> bytes:
    """Encode bounded counts by name as an ``N`` row."""
    return b"N" + msgspec.msgpack.encode(names)


def decode_names(row: bytes) -> NameCounts:
    """Decode an ``N`` row."""
    if row[:1] != b"N":
        raise ValueError(f"row of kind {row[:1]!r} where names were expected")
    return _names_decoder.decode(row[1:])


def encode_integers(values: FloatArray) -> bytes:
    """Encode doubles that hold integers below 2**53, shape ``(n,)``, as an ``A`` row."""
    return b"A" + np.asarray(values, dtype="<f8").tobytes()


def decode_integers(row: bytes) -> FloatArray:
    """Decode an ``A`` row to a float64 array of integers."""
    if row[:1] != b"A":
        raise ValueError(f"row of kind {row[:1]!r} where integers were expected")
    return np.frombuffer(row, dtype="<f8", offset=1).astype(np.float64)


def encode_bottom_k(sample: BottomK) -> bytes:
    """Encode a bottom-k sample as a ``B`` row."""
    pairs = np.empty(len(sample.hashes), dtype=_HASHED)
    pairs["hash"] = sample.hashes
    pairs["count"] = np.minimum(sample.counts, _U32_MAX)
    return b"B" + sample.bound.to_bytes(2, "little") + pairs.tobytes()


def decode_bottom_k(row: bytes) -> BottomK:
    """Decode a ``B`` row."""
    if row[:1] != b"B":
        raise ValueError(f"row of kind {row[:1]!r} where a bottom-k sample was expected")
    pairs = np.frombuffer(row, dtype=_HASHED, offset=3)
    bound = int.from_bytes(row[1:3], "little")
    return BottomK(bound, pairs["hash"].astype(np.uint32), pairs["count"].astype(np.int64))


def encode_registers(registers: ByteArray) -> bytes:
    """Encode the registers of a HyperLogLog, shape ``(m,)``, as an ``H`` row."""
    return b"H" + registers.tobytes()


def decode_registers(row: bytes) -> ByteArray:
    """Decode an ``H`` row to a uint8 array."""
    if row[:1] != b"H":
        raise ValueError(f"row of kind {row[:1]!r} where registers were expected")
    return np.frombuffer(row, dtype=np.uint8, offset=1)
