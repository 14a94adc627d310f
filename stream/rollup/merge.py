"""Panes decoded and added up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.sketches import latency
from stream.state import codec
from stream.state.codec import NameCounts
from stream.window import delta


@dataclass(slots=True)
class GridCounts:
    """Counts on one grid: ``rows[i]`` are the cells of row i of its plan."""

    events: int = 0
    rows: dict[int, IntArray] = field(default_factory=dict)
    sums: list[int] = field(default_factory=list)
    maxima: FloatArray | None = None
    unseen: dict[int, NameCounts] = field(default_factory=dict)


@dataclass(slots=True)
class PaneCounts:
    """Everything counted in one pane, or in several."""

    core: IntArray = field(default_factory=lambda: np.zeros(delta.CORE_CELLS, dtype=np.int64))
    latencies: IntArray = field(default_factory=lambda: np.zeros(latency.CELLS, dtype=np.int64))
    latency_ns: int = 0
    latency_max_ms: float = -np.inf
    errors: NameCounts = field(default_factory=lambda: NameCounts(delta.ERROR_TYPES_MAX, 0, {}))
    kinds: NameCounts = field(default_factory=lambda: NameCounts(delta.KINDS_MAX, 0, {}))
    grids: dict[str, GridCounts] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Accepted events."""
        return int(self.core[delta.COUNT])

    @property
    def error_count(self) -> int:
        """Events of requests that failed."""
        return int(self.core[delta.ERRORS])


def decode_pane(rows: Mapping[bytes, bytes]) -> PaneCounts:
    """Read a pane's hash.

    Raises
    ------
    ValueError
        When a row is of the wrong kind, or the cells of a grid do not add up to its events.
    """
    out = PaneCounts()
    for raw_name, row in rows.items():
        name = raw_name.decode()
        match name:
            case "core":
                out.core = codec.decode_counts(row)
            case "latency":
                out.latencies = codec.decode_counts(row)
            case "latency_sum":
                out.latency_ns = codec.decode_sums(row)[0]
            case "latency_max":
                out.latency_max_ms = float(codec.decode_maxima(row)[0])
            case "errors":
                out.errors = codec.decode_names(row)
            case "kinds":
                out.kinds = codec.decode_names(row)
            case _:
                _decode_grid_row(out.grids, name, row)
    for grid_id, grid in out.grids.items():
        for number, cells in grid.rows.items():
            if int(cells.sum()) != grid.events:
                raise ValueError(
                    f"row {number} of grid {grid_id} holds {int(cells.sum())} values "
                    f"of {grid.events} events: the pane is damaged"
                )
    return out


def _decode_grid_row(grids: dict[str, GridCounts], name: str, row: bytes) -> None:
    marker, grid_id, what = name.split(":", 2)
    if marker != "g":
        raise ValueError(f"unknown row {name!r}: it was written by a later version")
    grid = grids.setdefault(grid_id, GridCounts())
    if what == "n":
        grid.events = int(codec.decode_counts(row)[0])
    elif what == "sums":
        grid.sums = codec.decode_sums(row)
    elif what == "extremes":
        grid.maxima = codec.decode_maxima(row)
    elif what.startswith("unseen:"):
        grid.unseen[int(what.removeprefix("unseen:"))] = codec.decode_names(row)
    else:
        grid.rows[int(what)] = codec.decode_counts(row)


def merge_panes(panes: Iterable[PaneCounts]) -> PaneCounts:
    """Add panes up; the result does not depend on their order."""
    out = PaneCounts()
    for pane in panes:
        out.core = out.core + pane.core
        out.latencies = out.latencies + pane.latencies
        out.latency_ns += pane.latency_ns
        out.latency_max_ms = max(out.latency_max_ms, pane.latency_max_ms)
        out.errors = codec.merge_names(out.errors, pane.errors)
        out.kinds = codec.merge_names(out.kinds, pane.kinds)
        for grid_id, grid in pane.grids.items():
            _add_grid(out.grids.setdefault(grid_id, GridCounts()), grid)
    return out


def _add_grid(into: GridCounts, grid: GridCounts) -> None:
    into.events += grid.events
    for row, cells in grid.rows.items():
        into.rows[row] = into.rows[row] + cells if row in into.rows else cells
    if grid.sums:
        into.sums = (
            [a + b for a, b in zip(into.sums, grid.sums, strict=True)] if into.sums else grid.sums
        )
    if grid.maxima is not None:
        into.maxima = grid.maxima if into.maxima is None else np.maximum(into.maxima, grid.maxima)
    for row, names in grid.unseen.items():
        held = into.unseen.get(row)
        into.unseen[row] = names if held is None else codec.merge_names(held, names)
