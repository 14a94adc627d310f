"""What a worker counted since its last commit, by pane: the *delta* that the commit adds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.arrays import BoolArray, FloatArray, IntArray
from stream.sketches import latency, sums
from stream.state import codec
from stream.window.plan import CountingPlan

CORE_CELLS = 2
COUNT, ERRORS = range(CORE_CELLS)
"""Cells of the row ``core``: accepted events, and those of requests that failed."""
NUMBER, STRING, BOOLEAN, ARRAY, NULL = "nsbax"
"""Kinds of values. The row ``kinds`` counts, for a model without a baseline, how often a feature
was what, under the name ``<kind><feature>``."""
KINDS_MAX = 4096
ERROR_TYPES_MAX = 64
UNSEEN_NAMES_MAX = 32
EXTREMES_NONE = -np.inf

Rows = list[tuple[str, bytes]]


@dataclass(slots=True)
class GridDelta:
    """Counts on one grid in one pane."""

    plan: CountingPlan
    events: int = 0
    counts: IntArray = field(init=False)
    sums: list[int] = field(init=False)
    squares: list[int] = field(init=False)
    maxima: FloatArray = field(init=False)
    unseen: dict[int, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = len(self.plan.numeric)
        self.counts = np.zeros(int(self.plan.row_offsets[-1]), dtype=np.int64)
        self.sums = [0] * columns
        self.squares = [0] * columns
        self.maxima = np.full(2 * columns, EXTREMES_NONE)

    def add_numeric(self, matrix: FloatArray) -> None:
        """Count the values of all numeric columns, shape ``(columns, n)``; NaN missing."""
        offsets = self.plan.row_offsets
        ordered = np.sort(matrix, axis=1)
        for k, column in enumerate(self.plan.numeric):
            first = offsets[column.row]
            counts = column.grid.count_sorted(ordered[k])
            self.counts[first : first + len(counts)] += counts
            values = ordered.shape[1] - int(counts[-1]) - int(counts[-2])
            if values:
                self.maxima[2 * k] = max(self.maxima[2 * k], -ordered[k, 0])
                self.maxima[2 * k + 1] = max(self.maxima[2 * k + 1], ordered[k, values - 1])
        added = sums.add_up(sums.quantise(matrix, self.plan.scales))
        self.sums = [a + b for a, b in zip(self.sums, added[0], strict=True)]
        self.squares = [a + b for a, b in zip(self.squares, added[1], strict=True)]

    def add_cells(self, row: int, cells: IntArray) -> None:
        """Count the cells of one categorical column."""
        first, last = self.plan.row_offsets[row], self.plan.row_offsets[row + 1]
        self.counts[first:last] += np.bincount(cells, minlength=int(last - first))

    def add_unseen(self, row: int, names: dict[str, int]) -> None:
        """Count values the baseline does not have, by value."""
        into = self.unseen.setdefault(row, {})
        for name, count in names.items():
            into[name] = into.get(name, 0) + count

    def rows(self) -> Rows:
        """Rows of this grid in the pane."""
        prefix = f"g:{self.plan.grid_id}:"
        out: Rows = [(prefix + "n", codec.encode_counts(np.array([self.events])))]
        offsets = self.plan.row_offsets
        hits = np.flatnonzero(self.counts)
        values = self.counts[hits]
        bounds = np.searchsorted(hits, offsets)
        for row, cells in enumerate(self.plan.row_cells):
            i, j = bounds[row], bounds[row + 1]
            encoded = codec.encode_hits(cells, hits[i:j] - offsets[row], values[i:j])
            out.append((f"{prefix}{row}", encoded))
        if self.plan.numeric:
            out.append((prefix + "sums", codec.encode_sums([*self.sums, *self.squares])))
            out.append((prefix + "extremes", codec.encode_maxima(self.maxima)))
        for row, names in self.unseen.items():
            bounded = codec.bound_names(names, UNSEEN_NAMES_MAX)
            out.append((f"{prefix}unseen:{row}", codec.encode_names(bounded)))
        return out


@dataclass(slots=True)
class PaneDelta:
    """What was counted in one pane."""

    core: IntArray = field(default_factory=lambda: np.zeros(CORE_CELLS, dtype=np.int64))
    latencies: IntArray | None = None
    latency_ns: int = 0
    latency_max_ms: float = EXTREMES_NONE
    errors: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    grids: dict[str, GridDelta] = field(default_factory=dict)

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

    def grid(self, plan: CountingPlan) -> GridDelta:
        """Counts on this plan's grid."""
        found = self.grids.get(plan.grid_id)
        if found is None:
            found = self.grids[plan.grid_id] = GridDelta(plan)
        return found

    def rows(self) -> Rows:
        """Rows of the pane, in a fixed order."""
        out: Rows = [("core", codec.encode_counts(self.core))]
        if self.latencies is not None:
            out.append(("latency", codec.encode_counts(self.latencies)))
            out.append(("latency_sum", codec.encode_sums([self.latency_ns])))
            out.append(("latency_max", codec.encode_maxima(np.array([self.latency_max_ms]))))
        if self.errors:
            bounded = codec.bound_names(self.errors, ERROR_TYPES_MAX)
            out.append(("errors", codec.encode_names(bounded)))
        if self.kinds:
            out.append(("kinds", codec.encode_names(codec.bound_names(self.kinds, KINDS_MAX))))
        for grid in self.grids.values():
            out += grid.rows()
        return out
