"""What a worker counted since its last commit, by pane: the *delta* that the commit adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.arrays import BoolArray, ByteArray, FloatArray, IntArray
from stream.sketches import latency, sums
from stream.sketches.bottom_k import HashArray, bottom_k
from stream.sketches.grid import NumericGrid
from stream.state import codec
from stream.window.custom import CustomDelta, custom_rows
from stream.window.layout import GridLayout

CORE_CELLS = 3
COUNT, ERRORS, IDENTIFIED = range(CORE_CELLS)
"""Cells of the row ``core``: accepted events, those of requests that failed, and those that carry a
request id."""
NUMBER, STRING, BOOLEAN, ARRAY, NULL = "nsbax"
"""Kinds of values. The row ``kinds`` counts, for a model without a baseline, how often a feature
was what, under the name ``<kind><feature>``."""
KINDS_MAX = 4096
ERROR_TYPES_MAX = 64
GAINED_MAX = 64
GAINED_EVERY = 16
"""Every sixteenth event, by hash of its request id, is searched for features that are new."""
TAG_VALUES_MAX = 64
IDS_MAX = 256
"""Requests in the sample that tells how many come twice; see :mod:`stream.sketches.bottom_k`."""
EVENTS = ""
"""Name under which a row of violations counts the events that were looked at."""
SUM, SQUARES, BELOW, ABOVE = range(4)
"""Sums of a numeric column: of values, of squares, and of what lies below and above the range."""
UNSEEN_NAMES_MAX = 32
EXTREMES_NONE = -np.inf

Rows = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class GridValues:
    """Values of n events, as they are counted on a grid.

    Attributes
    ----------
    matrix : (numeric columns, n); NaN missing, infinite mismatched
    cells : by row, the cell of each event, shape ``(n,)``
    unseen : by row, values the baseline does not have, and how often each came
    registers : by row, of the distinct values
    estimates : sums of calibrated probabilities, by id of the calibration
    """

    matrix: FloatArray
    cells: dict[int, IntArray]
    unseen: dict[int, dict[str, int]] = field(default_factory=dict)
    registers: dict[int, ByteArray] = field(default_factory=dict)
    estimates: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(slots=True)
class GridDelta:
    """Counts on one grid in one pane."""

    layout: GridLayout
    events: int = 0
    counts: IntArray = field(init=False)
    sums: list[list[int]] = field(init=False)
    maxima: FloatArray = field(init=False)
    moments: FloatArray | None = field(init=False)
    unseen: dict[int, dict[str, int]] = field(default_factory=dict)
    registers: dict[int, ByteArray] = field(default_factory=dict)
    estimates: dict[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = len(self.layout.numeric)
        self.counts = np.zeros(int(self.layout.row_offsets[-1]), dtype=np.int64)
        self.sums = [[0] * columns for _ in range(self.layout.per_column_sums)]
        self.maxima = np.full(2 * columns, EXTREMES_NONE)
        moments = self.layout.moments
        self.moments = None if moments is None else np.zeros(moments.cells)

    def add(self, values: GridValues) -> None:
        """Count the values of n events."""
        self.events += values.matrix.shape[1]
        if self.layout.numeric:
            self._add_numeric(values.matrix)
        offsets = self.layout.row_offsets
        for row, cells in values.cells.items():
            first, last = offsets[row], offsets[row + 1]
            self.counts[first:last] += np.bincount(cells, minlength=int(last - first))
        for row, names in values.unseen.items():
            add_names(self.unseen.setdefault(row, {}), names)
        for row, registers in values.registers.items():
            held = self.registers.get(row)
            self.registers[row] = registers if held is None else np.maximum(held, registers)
        for name, summed in values.estimates.items():
            self.estimates[name] = self.estimates.get(name, 0.0) + summed

    def _add_numeric(self, matrix: FloatArray) -> None:
        """Count the values of all numeric columns, shape ``(columns, n)``; NaN missing."""
        layout = self.layout
        ordered = np.sort(matrix, axis=1)
        for k, column in enumerate(layout.numeric):
            first = layout.row_offsets[column.row]
            counts = column.grid.count_sorted(ordered[k])
            self.counts[first : first + len(counts)] += counts
            values = ordered.shape[1] - int(counts[-1]) - int(counts[-2])
            if values:
                low, high = ordered[k, 0], ordered[k, values - 1]
                self.maxima[2 * k] = max(self.maxima[2 * k], -low)
                self.maxima[2 * k + 1] = max(self.maxima[2 * k + 1], high)
                if layout.beyond_sums and (low < column.grid.low or high > column.grid.high):
                    self._add_beyond(k, column.grid, ordered[k, :values])
        quantised = sums.quantise(matrix, layout.scales)
        for into, added in zip(self.sums, sums.add_up(quantised), strict=False):
            into[:] = [a + b for a, b in zip(into, added, strict=True)]
        if self.moments is not None and layout.moments is not None:
            self.moments += layout.moments.of(matrix)

    def _add_beyond(self, k: int, grid: NumericGrid, ordered: FloatArray) -> None:
        """Add up by how much values lie below and above the baseline's range."""
        below = ordered[: np.searchsorted(ordered, grid.low, side="left")]
        above = ordered[np.searchsorted(ordered, grid.high, side="right") :]
        scale = self.layout.scales[k]
        low, high = sums.quantise(np.array([grid.low, grid.high]), scale).tolist()
        self.sums[BELOW][k] += low * len(below) - sum(sums.quantise(below, scale).tolist())
        self.sums[ABOVE][k] += sum(sums.quantise(above, scale).tolist()) - high * len(above)

    def rows(self) -> Rows:
        """Rows of this grid in the pane."""
        layout = self.layout
        prefix = f"g:{layout.id}:"
        out: Rows = [(prefix + "n", codec.encode_counts(np.array([self.events])))]
        offsets = layout.row_offsets
        hits = np.flatnonzero(self.counts)
        values = self.counts[hits]
        bounds = np.searchsorted(hits, offsets)
        for row, cells in enumerate(layout.row_cells):
            i, j = bounds[row], bounds[row + 1]
            encoded = codec.encode_hits(cells, hits[i:j] - offsets[row], values[i:j])
            out.append((f"{prefix}{row}", encoded))
        if layout.numeric:
            flat = [value for column in self.sums for value in column]
            out.append((prefix + "sums", codec.encode_sums(flat)))
            out.append((prefix + "extremes", codec.encode_maxima(self.maxima)))
        if self.moments is not None:
            out.append((prefix + "moments", codec.encode_integers(self.moments)))
        for row, names in self.unseen.items():
            out.append((f"{prefix}unseen:{row}", _names_row(names, UNSEEN_NAMES_MAX)))
        for row, registers in self.registers.items():
            out.append((f"{prefix}distinct:{row}", codec.encode_registers(registers)))
        for name, summed in self.estimates.items():
            out.append((f"{prefix}estimates:{name}", codec.encode_integers(summed)))
        return out


def add_names(into: dict[str, int], names: Mapping[str, int]) -> None:
    """Add counts by name."""
    for name, count in names.items():
        into[name] = into.get(name, 0) + count


def _names_row(names: Mapping[str, int], bound: int) -> bytes:
    return codec.encode_names(codec.bound_names(names, bound))


@dataclass(slots=True)
class PaneDelta:
    """What was counted in one pane, or in one segment of it.

    Attributes
    ----------
    ids : hashes of request ids, of events that carry one
    violations : by id of the constraints: events that were looked at under the empty name, and how
        many values broke each constraint
    gained : features the baseline does not have, in every `GAINED_EVERY`-th event
    tags : how often each value of a tag that makes segments came, by tag
    custom : figures that were sent along; those of segments are not counted
    """

    core: IntArray = field(default_factory=lambda: np.zeros(CORE_CELLS, dtype=np.int64))
    latencies: IntArray | None = None
    latency_ns: int = 0
    latency_max_ms: float = EXTREMES_NONE
    errors: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    ids: list[HashArray] = field(default_factory=list)
    violations: dict[str, dict[str, int]] = field(default_factory=dict)
    gained: dict[str, int] = field(default_factory=dict)
    tags: dict[str, dict[str, int]] = field(default_factory=dict)
    custom: CustomDelta = field(default_factory=CustomDelta)
    grids: dict[str, GridDelta] = field(default_factory=dict)
    segments: dict[str, "PaneDelta"] = field(default_factory=dict)

    def add_traffic(
        self, failed: BoolArray, latencies_ms: FloatArray, types: Sequence[str]
    ) -> None:
        """Count events: which failed, how long each took (NaN unknown), and the errors' types."""
        self.core[COUNT] += len(failed)
        self.core[ERRORS] += int(failed.sum())
        for name in types:
            self.errors[name] = self.errors.get(name, 0) + 1
        known = latencies_ms[~np.isnan(latencies_ms)]
        if len(known):
            counted = latency.count(known)
            self.latencies = counted if self.latencies is None else self.latencies + counted
            self.latency_ns += latency.sum_ns(known)
            self.latency_max_ms = max(self.latency_max_ms, float(known.max()))

    def add_ids(self, hashes: HashArray) -> None:
        """Sample the requests of events that carry an id, of these hashes."""
        if len(hashes):
            self.core[IDENTIFIED] += len(hashes)
            self.ids.append(hashes)

    def grid(self, layout: GridLayout) -> GridDelta:
        """Counts on this grid."""
        found = self.grids.get(layout.id)
        if found is None:
            found = self.grids[layout.id] = GridDelta(layout)
        return found

    def rows(self) -> Rows:
        """Rows of the pane, in a fixed order."""
        out: Rows = [("core", codec.encode_counts(self.core))]
        if self.latencies is not None:
            out.append(("latency", codec.encode_counts(self.latencies)))
            out.append(("latency_sum", codec.encode_sums([self.latency_ns])))
            out.append(("latency_max", codec.encode_maxima(np.array([self.latency_max_ms]))))
        if self.ids:
            out.append(("ids", codec.encode_bottom_k(bottom_k(self.ids, IDS_MAX))))
        named = {"errors": (self.errors, ERROR_TYPES_MAX), "kinds": (self.kinds, KINDS_MAX)}
        named["gained"] = (self.gained, GAINED_MAX)
        named |= {f"c:{name}": (found, KINDS_MAX) for name, found in self.violations.items()}
        named |= {f"t:{tag}": (found, TAG_VALUES_MAX) for tag, found in self.tags.items()}
        for name, (found, most) in named.items():
            if found:
                out.append((name, _names_row(found, most)))
        out += custom_rows(self.custom.counts())
        for grid in self.grids.values():
            out += grid.rows()
        for segment, part in self.segments.items():
            out += [(f"s:{segment}|{name}", row) for name, row in part.rows()]
        return out
