"""Figures that users send along: counted, as rows of a pane, and added up.

Of each figure a pane has these rows, beside those that :mod:`stream.window.delta` lists:

====================  =========================================================================
``m:<name>:<band>``   exact sums (:mod:`stream.sketches.exact_sums`): four 128-bit integers
``mh:<name>:<block>`` counts by magnitude (:mod:`stream.sketches.magnitudes`), 512 cells a row
``mx:<name>``         maxima: of the negated values, and of the values
====================  =========================================================================

Of a pane's names the `NAMES_MAX` with the smallest SHA-1 are kept, as in the rows of names of
:mod:`stream.state.codec`: which ones does not depend on the order of events or of merging.
"""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.sketches import magnitudes, sums
from stream.sketches.exact_sums import (
    BAND_BITS,
    BAND_MAX,
    BAND_MIN,
    PARTS,
    ExactSums,
    unit_exponent,
)
from stream.state import codec

NAMES_MAX = 64
NAME_CHARACTERS_MAX = 128
"""Names become fields of Redis: a figure with a longer one, or with none, is not counted."""
FIGURES_LOOKED_AT = 256
"""Of one event: with four times as many as are kept, a hostile one can't keep a worker busy."""
VALUE_LIMIT = 2.0 ** (BAND_BITS * BAND_MAX + BAND_BITS)
"""Values from here on (6e293) are not counted: squares of larger ones do not fit into sums."""
SUMS, MAGNITUDES, EXTREMES = "m", "mh", "mx"
"""Markers of the rows."""

T = TypeVar("T")


@dataclass(slots=True)
class CustomCounts:
    """What is counted of one figure.

    Attributes
    ----------
    sums : of the values
    blocks : their counts by magnitude, in blocks of `magnitudes.BLOCK_CELLS`; empty ones left out
    low, high : the smallest and the largest value; infinite where they are not known
    """

    sums: ExactSums = field(default_factory=ExactSums)
    blocks: dict[int, IntArray] = field(default_factory=dict)
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: FloatArray) -> "CustomCounts":
        """Count values, shape ``(n,)``, all below `VALUE_LIMIT` in size."""
        if len(values) == 0:
            return cls()
        return cls(
            _exact_sums(values),
            magnitudes.split(magnitudes.count(values)),
            float(values.min()),
            float(values.max()),
        )

    @property
    def magnitudes(self) -> IntArray:
        """All counts by magnitude, shape ``(magnitudes.CELLS,)``."""
        return magnitudes.joined(self.blocks)

    def merge(self, other: "CustomCounts") -> None:
        """Add what was counted elsewhere."""
        self.sums.merge(other.sums)
        for number, block in other.blocks.items():
            held = self.blocks.get(number)
            self.blocks[number] = block if held is None else held + block
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)


def _exact_sums(values: FloatArray) -> ExactSums:
    """Sum values, shape ``(n,)``: the same as `ExactSums.of`, by columns."""
    exponents = np.frexp(values)[1].astype(np.int64) - 1
    bands = np.clip(exponents // BAND_BITS, BAND_MIN, BAND_MAX)
    bands[values == 0] = BAND_MIN
    out = ExactSums()
    for band in np.unique(bands).tolist():
        inside = values[bands == band]
        units = np.rint(np.ldexp(inside, -unit_exponent(band))).astype(np.int64)
        (total, absolute), (squares, _) = sums.add_up(np.stack([units, np.abs(units)]))
        out.bands[band] = [len(units), total, absolute, squares]
    return out


@dataclass(slots=True)
class CustomDelta:
    """Values of figures since the last commit, by name; NaN where one was null."""

    values: dict[str, "array[float]"] = field(default_factory=dict)

    def add(self, sent: Sequence[Mapping[str, float | None]]) -> None:
        """Take the figures of events, an object an event; null is the same as its absence."""
        names = list(sent[0])
        if len(names) <= FIGURES_LOOKED_AT and list(chain.from_iterable(sent)) == names * len(sent):
            flat = chain.from_iterable(figures.values() for figures in sent)
            columns = np.array(list(flat), dtype=np.float64).reshape(len(sent), len(names)).T
            for name, column in zip(names, columns, strict=True):
                self._of(name).frombytes(column.tobytes())
        else:  # events have different figures
            for figures in sent:
                for name, value in islice(figures.items(), FIGURES_LOOKED_AT):
                    if value is not None:
                        self._of(name).append(value)
        self.values = keep_names(self.values)

    def _of(self, name: str) -> "array[float]":
        found = self.values.get(name)
        if found is None:
            found = array("d")
            if 0 < len(name) <= NAME_CHARACTERS_MAX:
                self.values[name] = found
        return found

    def counts(self) -> dict[str, CustomCounts]:
        """Count the values; what is no finite number or too large for a sum is left out."""
        found = {}
        for name, held in self.values.items():
            values = np.frombuffer(held, dtype=np.float64)
            values = values[np.abs(values) < VALUE_LIMIT]
            if len(values):
                found[name] = CustomCounts.of(values)
        return found


def keep_names(found: dict[str, T]) -> dict[str, T]:
    """Keep the `NAMES_MAX` names with the smallest hashes."""
    if len(found) <= NAMES_MAX:
        return found
    return {name: found[name] for name in sorted(found, key=codec.name_hash)[:NAMES_MAX]}


def custom_rows(found: Mapping[str, CustomCounts]) -> list[tuple[str, bytes]]:
    """Rows of a pane, in a fixed order."""
    out = []
    for name in sorted(found):
        one = found[name]
        for band in sorted(one.sums.bands):
            out.append((f"{SUMS}:{name}:{band}", codec.encode_sums(one.sums.bands[band])))
        for number in sorted(one.blocks):
            row = codec.encode_counts(one.blocks[number])
            out.append((f"{MAGNITUDES}:{name}:{number}", row))
        extremes = np.array([-one.low, one.high])
        out.append((f"{EXTREMES}:{name}", codec.encode_maxima(extremes)))
    return out


def decode_custom_row(into: dict[str, CustomCounts], marker: str, rest: str, row: bytes) -> None:
    """Read one row of a pane, ``<marker>:<rest>``, into the counts of its figure.

    Raises
    ------
    ValueError
        When the row is not one that `custom_rows` writes.
    """
    name, _, number = (rest, "", "0") if marker == EXTREMES else rest.rpartition(":")
    one = into.setdefault(name, CustomCounts())
    if marker == EXTREMES:
        negated_low, one.high = codec.decode_maxima(row).tolist()
        one.low = 0.0 - negated_low
        return
    if marker == SUMS:
        parts = codec.decode_sums(row)
        _require(len(parts) == PARTS and BAND_MIN <= int(number) <= BAND_MAX, marker, rest)
        one.sums.bands[int(number)] = parts
        return
    block = codec.decode_counts(row)
    sound = 0 <= int(number) < magnitudes.BLOCKS
    _require(sound and len(block) == magnitudes.block_cells(int(number)), marker, rest)
    one.blocks[int(number)] = block


def _require(sound: bool, marker: str, rest: str) -> None:
    if not sound:
        raise ValueError(f"row '{marker}:{rest}' is not as a worker writes it: the pane is damaged")


def merge_custom(parts: Iterable[Mapping[str, CustomCounts]]) -> dict[str, CustomCounts]:
    """Add up the figures of panes; the result does not depend on their order."""
    out: dict[str, CustomCounts] = {}
    for part in parts:
        for name, one in part.items():
            out.setdefault(name, CustomCounts()).merge(one)
    return keep_names(out)
