"""A baseline of what a window counted: the bridge from panes to `stream.baseline.promote`."""

import msgspec

from schemas.baselines import Baseline, BaselineOrigin
from stream.baseline.promote import CountedMoments, CountedRow, promoted
from stream.rollup.comparison import CompiledBaseline, compare
from stream.rollup.merge import GridCounts
from stream.window.layout import FEATURE, split_moments


def promoted_window(
    compiled: CompiledBaseline,
    grid: GridCounts,
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
    grid : what was counted on it
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
    )
    return msgspec.structs.replace(made, origin=origin)


def counted_rows(compiled: CompiledBaseline, grid: GridCounts) -> dict[tuple[str, str], CountedRow]:
    """Counts and figures of every row of a grid, by role and name; none where it is empty."""
    if not grid.events:
        return {}
    found = compare(compiled, grid)
    rows = {}
    for number, row in enumerate(compiled.rows):
        figures = found.features[row.name] if row.role == FEATURE else found.outputs[row.role]
        numbers = {
            name: float(figures[name]) for name in ("mean", "std", "min", "max") if name in figures
        }
        unseen = grid.unseen[number].names if number in grid.unseen else {}
        counts = grid.rows[number].tolist()
        rows[row.role, row.name] = CountedRow(counts, **numbers, unseen=unseen)
    return rows
