"""A baseline of what a window counted: the bridge from panes to `stream.baseline.promote`."""

import msgspec

from schemas.baselines import Baseline, BaselineOrigin
from stream.baseline.promote import CountedMoments, CountedRow, promoted
from stream.rollup.comparison import CompiledBaseline, sums_of
from stream.rollup.merge import GridCounts, PaneCounts
from stream.stats.descriptive import describe
from stream.window.layout import split_moments

_NUMBERS = ("mean", "std", "min", "max")


def promoted_window(
    compiled: CompiledBaseline,
    counts: PaneCounts,
    *,
    model_version: str,
    start_ms: int,
    end_ms: int,
    learn_categories: bool,
    origin: BaselineOrigin,
) -> Baseline:
    """Make a baseline of a window that was counted on the grid of another one.

    Parameters
    ----------
    compiled : the baseline whose grid it is
    counts : of the window
    model_version : of the new baseline
    start_ms, end_ms : of the window, epoch ms
    learn_categories : whether frequent unseen values become categories; the grid is another one
        then, and workers switch to it
    origin : `promoted` or `rolling`

    Raises
    ------
    BaselineError
        When the window has too few rows.
    """
    grid = counts.grids.get(compiled.grid_id, GridCounts())
    moments = None
    if grid.moments is not None:
        rows, sums, products = split_moments(grid.moments)
        moments = CountedMoments(rows, sums.tolist(), products.tolist())
    made = promoted(
        compiled.baseline,
        counted_rows(compiled, grid),
        model_version=model_version,
        start_ms=start_ms,
        end_ms=end_ms,
        learn_categories=learn_categories,
        moments=moments,
        segments=_segment_rows(compiled, counts),
    )
    return msgspec.structs.replace(made, origin=origin)


def counted_rows(compiled: CompiledBaseline, grid: GridCounts) -> dict[tuple[str, str], CountedRow]:
    """Counts and figures of every row of a grid, by role and name; none where it is empty."""
    if not grid.events:
        return {}
    rows = {}
    for number, row in enumerate(compiled.rows):
        counts = grid.rows[number]
        sums = sums_of(row, grid)
        figures = describe(row.reference, counts, sums.moments, sums.extremes)
        numbers = {name: figures[name] for name in _NUMBERS if name in figures}
        unseen = grid.unseen[number].names if number in grid.unseen else {}
        rows[row.role, row.name] = CountedRow(counts.tolist(), **numbers, unseen=unseen)
    return rows


def _segment_rows(compiled: CompiledBaseline, counts: PaneCounts) -> dict[str, list[list[int]]]:
    """Counts of the rows of each segment."""
    grids = {name: part.grids.get(compiled.grid_id) for name, part in counts.segments.items()}
    return {
        name: [grid.rows[number].tolist() for number in range(len(compiled.rows))]
        for name, grid in grids.items()
        if grid is not None and grid.events
    }
