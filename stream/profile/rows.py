"""Counts as rows of bytes, always the same for the same counts; and whether rows are sound."""

import numpy as np

from stream.arrays import IntArray
from stream.rollup.merge import GridCounts, PaneCounts
from stream.sketches import cardinality, latency
from stream.state import codec
from stream.state.codec import NameCounts
from stream.window import custom, delta
from stream.window.custom import CustomCounts
from stream.window.layout import GridLayout

COUNT_MAX = 2**53
"""What JSON carries exactly; a million events a second for 285 years."""


def encode_rows(counts: PaneCounts) -> dict[str, bytes]:
    """Encode counts in the layout of a pane, as `stream.rollup.merge.decode_pane` reads it.

    Equal counts have equal rows, however they came together: names are in their order, and what
    is nothing has no row.
    """
    out = _own_rows(counts)
    for segment in sorted(counts.segments):
        rows = _own_rows(counts.segments[segment])
        out |= {f"s:{segment}|{name}": row for name, row in rows.items()}
    return out


def _own_rows(counts: PaneCounts) -> dict[str, bytes]:
    out = {"core": codec.encode_counts(counts.core)}
    if counts.latencies.any():
        out["latency"] = codec.encode_counts(counts.latencies)
        out["latency_sum"] = codec.encode_sums([counts.latency_ns])
        out["latency_max"] = codec.encode_maxima(np.array([counts.latency_max_ms]))
    if counts.ids is not None and len(counts.ids.hashes):
        out["ids"] = codec.encode_bottom_k(counts.ids)
    named = {"errors": counts.errors, "kinds": counts.kinds, "gained": counts.gained}
    named |= {f"c:{name}": counts.violations[name] for name in sorted(counts.violations)}
    named |= {f"t:{tag}": counts.tags[tag] for tag in sorted(counts.tags)}
    out |= {name: _encode_names(found) for name, found in named.items() if _any(found)}
    out |= dict(custom.custom_rows(counts.custom))
    for grid_id in sorted(counts.grids):
        out |= _grid_rows(f"g:{grid_id}:", counts.grids[grid_id])
    return out


def _grid_rows(prefix: str, grid: GridCounts) -> dict[str, bytes]:
    out = {prefix + "n": codec.encode_counts(np.array([grid.events]))}
    for row in sorted(grid.rows):
        out[f"{prefix}{row}"] = codec.encode_counts(grid.rows[row])
    if grid.sums:
        out[prefix + "sums"] = codec.encode_sums(grid.sums)
    if grid.maxima is not None:
        out[prefix + "extremes"] = codec.encode_maxima(grid.maxima)
    if grid.moments is not None:
        out[prefix + "moments"] = codec.encode_integers(grid.moments)
    for row in sorted(grid.unseen):
        if _any(grid.unseen[row]):
            out[f"{prefix}unseen:{row}"] = _encode_names(grid.unseen[row])
    for row in sorted(grid.registers):
        out[f"{prefix}distinct:{row}"] = codec.encode_registers(grid.registers[row])
    for name in sorted(grid.estimates):
        out[f"{prefix}estimates:{name}"] = codec.encode_integers(grid.estimates[name])
    return out


def _any(names: NameCounts) -> bool:
    return bool(names.names) or names.other > 0


def _encode_names(names: NameCounts) -> bytes:
    return codec.encode_names(
        NameCounts(names.bound, names.other, dict(sorted(names.names.items())))
    )


def check_counts(counts: PaneCounts, layout: GridLayout | None) -> None:
    """Refuse counts that no worker makes, as a damaged or hostile file may hold them.

    Parameters
    ----------
    counts : decoded
    layout : of the baseline; None without one

    Raises
    ------
    ValueError
        That says which row is wrong.
    """
    _check_own(counts, layout)
    for segment, part in counts.segments.items():
        _check_own(part, None if layout is None else layout.coarse)
        if part.segments or part.custom:
            raise ValueError(f"segment {segment!r} has segments, or figures that were sent along")


def _check_own(counts: PaneCounts, layout: GridLayout | None) -> None:
    _require(len(counts.core) == delta.CORE_CELLS, "core")
    _require(len(counts.latencies) == latency.CELLS, "latency")
    _require(0 <= counts.latency_ns <= COUNT_MAX * COUNT_MAX, "latency_sum")
    _require(not np.isnan(counts.latency_max_ms), "latency_max")
    for name, cells in (("core", counts.core), ("latency", counts.latencies)):
        _require(_in_bounds(cells), name)
    _require(counts.error_count <= counts.count, "core")
    if counts.ids is not None:
        _require(counts.ids.bound == delta.IDS_MAX, "ids")
        _require(bool(np.all(np.diff(counts.ids.hashes.astype(np.int64)) > 0)), "ids")
    named = [counts.errors, counts.kinds, counts.gained]
    named += [*counts.violations.values(), *counts.tags.values()]
    for names in named:
        _check_names(names)
    _require(len(counts.custom) <= custom.NAMES_MAX, "figures that were sent along")
    for name, figure in counts.custom.items():
        _check_custom(name, figure)
    for grid_id, grid in counts.grids.items():
        _require(layout is not None and grid_id == layout.id, f"g:{grid_id}")
        if layout is not None:
            _check_grid(grid, layout)


def _check_custom(name: str, of: CustomCounts) -> None:
    what = f"figure {name[: custom.NAME_CHARACTERS_MAX]!r}"
    _require(0 < len(name) <= custom.NAME_CHARACTERS_MAX, what)
    for count, total, absolute, squares in of.sums.bands.values():
        _require(0 <= count <= COUNT_MAX and abs(total) <= absolute and squares >= 0, what)
    _require(all(_in_bounds(block) for block in of.blocks.values()), what)
    _require(sum(int(block.sum()) for block in of.blocks.values()) == of.sums.count, what)
    _require(of.low > of.high or bool(np.isfinite([of.low, of.high]).all()), what)


def _check_grid(grid: GridCounts, layout: GridLayout) -> None:
    _require(sorted(grid.rows) == list(range(len(layout.row_cells))), "rows of the grid")
    for row, cells in grid.rows.items():
        _require(len(cells) == layout.row_cells[row] and _in_bounds(cells), f"row {row}")
    columns = len(layout.numeric)
    _require(len(grid.sums) == layout.per_column_sums * columns, "sums")
    maxima = 0 if grid.maxima is None else len(grid.maxima)
    _require(maxima == 2 * columns, "extremes")
    _require(grid.maxima is None or not np.isnan(grid.maxima).any(), "extremes")
    cells_moments = None if layout.moments is None else layout.moments.cells
    found = None if grid.moments is None else len(grid.moments)
    _require(found == cells_moments, "moments")
    _require(grid.moments is None or bool(np.isfinite(grid.moments).all()), "moments")
    for row, names in grid.unseen.items():
        _require(row < len(layout.row_cells), f"unseen:{row}")
        _check_names(names)
    for row, registers in grid.registers.items():
        sound = row < len(layout.row_cells) and len(registers) == cardinality.REGISTERS
        _require(sound, f"distinct:{row}")
    for name, summed in grid.estimates.items():
        # Sums of earlier calibrations lie there too, and are not read.
        read = layout.estimates if layout.estimates and name == layout.estimates.id else None
        sound = read is None or len(summed) == read.cells
        _require(sound and bool(np.isfinite(summed).all()), f"estimates:{name}")


def _check_names(names: NameCounts) -> None:
    sound = 0 <= names.other <= COUNT_MAX and len(names.names) <= names.bound
    sound = sound and all(0 <= count <= COUNT_MAX for count in names.names.values())
    _require(sound and names.bound <= delta.KINDS_MAX, "names")


def _in_bounds(cells: IntArray) -> bool:
    return not len(cells) or bool(0 <= cells.min() <= cells.max() <= COUNT_MAX)


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise ValueError(f"{what} is not as a worker counts it")
