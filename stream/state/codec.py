"""Pane rows as bytes: the Python side of ``scripts/rows.lua``.

A pane is a Redis hash of *rows*. The first byte of a row says what it holds and so how two merge:

======  =============================================================================
``S``   counts, sparse: u16 number of cells, then (u16 cell, u32 count) pairs
``T``   the same with u64 counts
``C``   counts, dense: u16 number of cells, u16 first cell with a count, then a u16 for each cell
        from that one to the last with a count
``D``   the same with u32 counts
``W``   the same with u64 counts
``L``   sums: for each value a signed 128-bit integer, two's complement
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
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stream.arrays import ByteArray, FloatArray, IntArray
from stream.sketches.bottom_k import BottomK

LAYOUT_VERSION = 3
CELLS_MAX = 65535
"""Cells of one row: a cell's number is a u16."""

_U32_MAX = 2**32 - 1
_DENSE: dict[bytes, np.dtype[Any]] = {
    b"C": np.dtype("<u2"),
    b"D": np.dtype("<u4"),
    b"W": np.dtype("<u8"),
}
"""Narrow ones first."""
_DENSE_HEAD_BYTES = 5
_SUM_BYTES = 16
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
    """Encode non-negative counts, shape ``(cells,)``, as an ``S T C D`` or ``W`` row."""
    hits = np.flatnonzero(counts)
    return encode_hits(len(counts), hits, counts[hits])


def encode_hits(cells: int, hits: npt.NDArray[np.intp], counts: IntArray) -> bytes:
    """Encode the counts of the cells ``hits`` (ascending) of a row of ``cells`` cells."""
    if cells > CELLS_MAX:
        raise ValueError(f"a row holds at most {CELLS_MAX} cells, not {cells}")
    head = cells.to_bytes(2, "little")
    if len(hits) == 0:
        return b"S" + head
    largest = int(counts.max())
    wide = largest > _U32_MAX
    sparse = np.empty(len(hits), dtype=_SPARSE_WIDE if wide else _SPARSE)
    tag = next(tag for tag, kind in _DENSE.items() if largest < 1 << 8 * kind.itemsize)
    first, span = int(hits[0]), int(hits[-1] - hits[0]) + 1
    if 2 + span * _DENSE[tag].itemsize <= sparse.nbytes:
        dense = np.zeros(span, dtype=_DENSE[tag])
        dense[hits - first] = counts
        return tag + head + first.to_bytes(2, "little") + dense.tobytes()
    sparse["cell"] = hits
    sparse["count"] = counts
    return (b"T" if wide else b"S") + head + sparse.tobytes()


def decode_counts(row: bytes) -> IntArray:
    """Decode a counts row to an int64 array of shape ``(cells,)``."""
    tag = row[:1]
    cells = int.from_bytes(row[1:3], "little")
    out = np.zeros(cells, dtype=np.int64)
    if tag in _DENSE:
        first = int.from_bytes(row[3:_DENSE_HEAD_BYTES], "little")
        dense = np.frombuffer(row, dtype=_DENSE[tag], offset=_DENSE_HEAD_BYTES)
        out[first : first + len(dense)] = dense
        return out
    if tag not in (b"S", b"T"):
        raise ValueError(f"row of kind {tag!r} where counts were expected")
    sparse = np.frombuffer(row, dtype=_SPARSE if tag == b"S" else _SPARSE_WIDE, offset=3)
    out[sparse["cell"]] = sparse["count"]
    return out


def encode_sums(sums: Sequence[int]) -> bytes:
    """Encode exact integers of less than 2**127 in size as an ``L`` row."""
    return b"L" + b"".join(x.to_bytes(_SUM_BYTES, "little", signed=True) for x in sums)


def decode_sums(row: bytes) -> list[int]:
    """Decode an ``L`` row to Python integers."""
    if row[:1] != b"L":
        raise ValueError(f"row of kind {row[:1]!r} where sums were expected")
    return [
        int.from_bytes(row[at : at + _SUM_BYTES], "little", signed=True)
        for at in range(1, len(row), _SUM_BYTES)
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
