"""How the reference differs between the hours of the week."""

import numpy as np

from schemas.baselines import HOURS_OF_WEEK, FeatureBaseline
from stream.arrays import IntArray
from stream.baseline.columns import Classes, Numbers
from stream.baseline.times import TimeOrder
from stream.sketches.grid import category_codes

SEASON_CELLS_MAX = 66
"""Cells of a discrete feature of 32 values, those between them, and missing: 20 KB of JSON. With
more, an hour has hardly a row in each."""


def season_cells(reference: FeatureBaseline, column: Numbers | Classes) -> tuple[IntArray, int]:
    """Coarse cell of each row, shape ``(rows,)``, and how many there are.

    Numbers lie in the cells between the reference's decile edges, classes in those of its count row
    without mismatches; what is missing has the last cell.

    Examples
    --------
    >>> reference = FeatureBaseline(kind="numeric", edges=(0.0, 1.0), decile_edges=(0.0, 1.0))
    >>> cells, number = season_cells(reference, Numbers(np.array([1.0, np.nan, 7.0])))
    >>> cells.tolist(), number
    ([1, 3, 2], 4)
    """
    if isinstance(column, Numbers):
        missing = len(reference.decile_edges) + 1
        cells = np.searchsorted(reference.decile_edges, column.ordered).astype(np.int64)
        cells[np.isnan(column.ordered)] = missing
        return cells, missing + 1
    codes = category_codes(reference.categories, reference.other_categories)
    unseen = len(reference.categories) + bool(reference.other_categories)
    of_name = [codes.get(name, unseen) for name in column.names]
    # The code -1, for none, is the last place.
    return np.array([*of_name, unseen + 1], dtype=np.int64)[column.codes], unseen + 2


def seasons_of(
    reference: FeatureBaseline, column: Numbers | Classes, order: TimeOrder
) -> tuple[tuple[int, ...], ...]:
    """Count a column by hour of the week.

    Parameters
    ----------
    reference : the column's baseline
    column : its values; the first ones have the times of `order`

    Returns
    -------
    168 rows, UTC, from Monday 00:00 on, of the cells of `season_cells`. Empty where the reference
    spans less than two weeks, or has more than `SEASON_CELLS_MAX` cells.
    """
    if not order.has_seasons:
        return ()
    cells, number = season_cells(reference, column)
    if number > SEASON_CELLS_MAX:
        return ()
    places = order.hours * number + cells[: order.rows]
    counted = np.bincount(places, minlength=HOURS_OF_WEEK * number)
    return tuple(map(tuple, counted.reshape(HOURS_OF_WEEK, number).tolist()))
