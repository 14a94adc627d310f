"""Panes decoded and added up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from stream.arrays import ByteArray, FloatArray, IntArray
from stream.sketches import bottom_k, latency
from stream.sketches.bottom_k import BottomK
from stream.state import codec
from stream.state.codec import NameCounts
from stream.window import custom, delta
from stream.window.custom import CustomCounts

_SEGMENT = "s:"
K = TypeVar("K")


@dataclass(slots=True)
class GridCounts:
    """Counts on one grid: ``rows[i]`` are the cells of row i of its layout."""

    events: int = 0
    rows: dict[int, IntArray] = field(default_factory=dict)
    sums: list[int] = field(default_factory=list)
    maxima: FloatArray | None = None
    moments: FloatArray | None = None
    unseen: dict[int, NameCounts] = field(default_factory=dict)
    registers: dict[int, ByteArray] = field(default_factory=dict)
    estimates: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(slots=True)
class PaneCounts:
    """Everything counted in one pane, or in several."""

    core: IntArray = field(default_factory=lambda: np.zeros(delta.CORE_CELLS, dtype=np.int64))
    latencies: IntArray = field(default_factory=lambda: np.zeros(latency.CELLS, dtype=np.int64))
    latency_ns: int = 0
    latency_max_ms: float = -np.inf
    errors: NameCounts = field(default_factory=lambda: NameCounts(delta.ERROR_TYPES_MAX, 0, {}))
    kinds: NameCounts = field(default_factory=lambda: NameCounts(delta.KINDS_MAX, 0, {}))
    ids: BottomK | None = None
    gained: NameCounts = field(default_factory=lambda: NameCounts(delta.GAINED_MAX, 0, {}))
    violations: dict[str, NameCounts] = field(default_factory=dict)
    tags: dict[str, NameCounts] = field(default_factory=dict)
    custom: dict[str, CustomCounts] = field(default_factory=dict)
    grids: dict[str, GridCounts] = field(default_factory=dict)
    segments: dict[str, "PaneCounts"] = field(default_factory=dict)

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
    whole: dict[str, bytes] = {}
    parts: dict[str, dict[str, bytes]] = {}
    for raw_name, row in rows.items():
        name = raw_name.decode()
        if name.startswith(_SEGMENT):
            segment, _, inside = name.removeprefix(_SEGMENT).rpartition("|")
            parts.setdefault(segment, {})[inside] = row
        else:
            whole[name] = row
    out = _decode_rows(whole)
    out.segments = {segment: _decode_rows(inside) for segment, inside in parts.items()}
    return out


def _decode_rows(rows: Mapping[str, bytes]) -> PaneCounts:
    out = PaneCounts()
    for name, row in rows.items():
        match name:
            case "core":
                out.core = codec.decode_counts(row)
            case "latency":
                out.latencies = codec.decode_counts(row)
            case "latency_sum":
                out.latency_ns = codec.decode_sums(row)[0]
            case "latency_max":
                out.latency_max_ms = float(codec.decode_maxima(row)[0])
            case "errors" | "kinds" | "gained":
                setattr(out, name, codec.decode_names(row))
            case "ids":
                out.ids = codec.decode_bottom_k(row)
            case _:
                _decode_named_row(out, name, row)
    out.custom = custom.keep_names(out.custom)
    for grid_id, grid in out.grids.items():
        for number, cells in grid.rows.items():
            if int(cells.sum()) != grid.events:
                raise ValueError(
                    f"row {number} of grid {grid_id} holds {int(cells.sum())} values "
                    f"of {grid.events} events: the pane is damaged"
                )
    return out


def _decode_named_row(out: PaneCounts, name: str, row: bytes) -> None:
    """Read a row whose name says what it belongs to."""
    marker, _, rest = name.partition(":")
    match marker:
        case "c":
            out.violations[rest] = codec.decode_names(row)
        case "t":
            out.tags[rest] = codec.decode_names(row)
        case "g":
            grid_id, _, what = rest.partition(":")
            _decode_grid_row(out.grids.setdefault(grid_id, GridCounts()), what, row)
        case custom.SUMS | custom.MAGNITUDES | custom.EXTREMES:
            custom.decode_custom_row(out.custom, marker, rest, row)
        case _:
            raise ValueError(f"unknown row {name!r}: it was written by a later version")


def _decode_grid_row(grid: GridCounts, what: str, row: bytes) -> None:
    kind, _, number = what.rpartition(":")
    match kind or what:
        case "n":
            grid.events = int(codec.decode_counts(row)[0])
        case "sums":
            grid.sums = codec.decode_sums(row)
        case "extremes":
            grid.maxima = codec.decode_maxima(row)
        case "moments":
            grid.moments = codec.decode_integers(row)
        case "unseen":
            grid.unseen[int(number)] = codec.decode_names(row)
        case "distinct":
            grid.registers[int(number)] = codec.decode_registers(row)
        case "estimates":
            grid.estimates[number] = codec.decode_integers(row)
        case _:
            grid.rows[int(what)] = codec.decode_counts(row)


def merge_panes(panes: Iterable[PaneCounts]) -> PaneCounts:
    """Add panes up; the result does not depend on their order."""
    out = PaneCounts()
    parts: dict[str, list[PaneCounts]] = {}
    figures: list[Mapping[str, CustomCounts]] = []
    for pane in panes:
        out.core = out.core + pane.core
        out.latencies = out.latencies + pane.latencies
        out.latency_ns += pane.latency_ns
        out.latency_max_ms = max(out.latency_max_ms, pane.latency_max_ms)
        out.errors = codec.merge_names(out.errors, pane.errors)
        out.kinds = codec.merge_names(out.kinds, pane.kinds)
        if pane.ids is not None:
            out.ids = pane.ids if out.ids is None else bottom_k.merge(out.ids, pane.ids)
        out.gained = codec.merge_names(out.gained, pane.gained)
        _add_named(out.violations, pane.violations)
        _add_named(out.tags, pane.tags)
        figures.append(pane.custom)
        for grid_id, grid in pane.grids.items():
            _add_grid(out.grids.setdefault(grid_id, GridCounts()), grid)
        for segment, part in pane.segments.items():
            parts.setdefault(segment, []).append(part)
    out.custom = custom.merge_custom(figures)
    out.segments = {segment: merge_panes(found) for segment, found in parts.items()}
    return out


def _add_named(into: dict[K, NameCounts], more: Mapping[K, NameCounts]) -> None:
    for key, names in more.items():
        held = into.get(key)
        into[key] = names if held is None else codec.merge_names(held, names)


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
    if grid.moments is not None:
        into.moments = grid.moments if into.moments is None else into.moments + grid.moments
    _add_named(into.unseen, grid.unseen)
    for row, registers in grid.registers.items():
        known = into.registers.get(row)
        into.registers[row] = registers if known is None else np.maximum(known, registers)
    for name, summed in grid.estimates.items():
        into.estimates[name] = into.estimates.get(name, 0.0) + summed
