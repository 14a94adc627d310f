"""Which cells of a count row are joined where there are too many rows to keep all of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream.arrays import IntArray

Places = npt.NDArray[np.intp]

CELLS_MIN = 16
"""Nine deciles, both ends of the range, both fences, and what lies outside."""


def kept_cells(
    cumulated: IntArray, ends: Places, tested: Places, compared: Places, cells_max: int
) -> tuple[Places, Places, bool]:
    """Choose where the coarse cells of a numeric row end.

    Parameters
    ----------
    cumulated : (cells,) running sum of the reference's counts
    ends : last cells that are always kept
    tested, compared : last cells of the tested and of the compared cells, ascending
    cells_max : bound on the number of coarse cells

    Returns
    -------
    last : (k,) last cells of the coarse cells, ascending, at most `cells_max`
    tested : those that are ends of tested cells: all that were given, or, where they do not fit
        (a discrete feature of many values), as many as do, at equal shares
    compared : whether all of the compared ones are among them

    Raises
    ------
    ValueError
        When `cells_max` is less than 16.

    Examples
    --------
    >>> last, tested, compared = kept_cells(
    ...     np.arange(1, 101), np.array([1, 97, 99]), np.arange(9, 100, 10), np.arange(100), 20
    ... )
    >>> tested.tolist() == list(range(9, 100, 10)), compared
    (True, False)
    >>> last.tolist()
    [1, 9, 14, 19, 24, 29, 34, 39, 44, 49, 54, 59, 64, 69, 74, 79, 84, 89, 97, 99]
    """
    if cells_max < CELLS_MIN:
        raise ValueError(f"{cells_max} coarse cells are too few: allow at least {CELLS_MIN}")
    ends = np.union1d(ends, [len(cumulated) - 1])
    tested = _fitting(cumulated, ends, tested, cells_max)
    last = np.union1d(ends, tested)
    with_compared = np.union1d(last, compared)
    fits = len(with_compared) <= cells_max
    if fits:
        last = with_compared
    return _filled(cumulated, last, cells_max), tested, fits


def _fitting(cumulated: IntArray, ends: Places, tested: Places, cells_max: int) -> Places:
    """As many of the tested ends as fit, at equal shares."""
    kept, pieces = tested, len(tested)
    while len(np.union1d(ends, kept)) > cells_max:
        pieces -= 1
        ranks = cumulated[-1] * np.arange(1, pieces + 1) / pieces
        places = np.searchsorted(cumulated[tested], ranks)
        kept = np.union1d(tested[np.minimum(places, len(tested) - 1)], tested[-1:])
    return kept


def _filled(cumulated: IntArray, last: Places, cells_max: int) -> Places:
    """Halve the coarse cell that holds most, as long as there is room."""
    while len(last) < cells_max:
        before = np.append(-1, last[:-1])
        reached = cumulated[last]
        counts = np.diff(reached, prepend=0)
        counts[last == before + 1] = 0
        cell = int(np.argmax(counts))
        if counts[cell] == 0:
            break
        half = np.searchsorted(cumulated, reached[cell] - counts[cell] / 2)
        last = np.union1d(last, np.clip(half, before[cell] + 1, last[cell] - 1))
    return last


def given_cells(
    cell_map: Sequence[int], tested: Places, compared: Places
) -> tuple[Places, Places, bool]:
    """Coarse cells that are given: as `kept_cells` returns them.

    A tested cell that no coarse one ends with ends with the next that does.

    Examples
    --------
    >>> given_cells([0, 0, 1, 1, 2, 3], np.array([0, 3]), np.array([3]))
    (array([1, 3]), array([1, 3]), True)
    """
    values = np.array(cell_map)[:-2]
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    ends = last[np.minimum(np.searchsorted(last, tested), len(last) - 1)]
    return last, np.unique(ends), bool(np.isin(compared, last).all())


def map_of(last: Places, value_cells: int) -> IntArray:
    """Coarse cell of each cell of a row; mismatched and missing values stay apart.

    Examples
    --------
    >>> map_of(np.array([1, 3]), 4).tolist()
    [0, 0, 1, 1, 2, 3]
    """
    cells = np.searchsorted(last, np.arange(value_cells + 2)).astype(np.int64)
    cells[-1] += 1
    return cells


def category_map(counts: IntArray, cells_max: int, *, has_other: bool) -> IntArray:
    """Coarse cell of each cell of a categorical row of more than `cells_max` value cells.

    Parameters
    ----------
    counts : (cells,) the reference's rows
    cells_max : bound on the number of value cells
    has_other : whether the row has a cell `other`

    Returns
    -------
    (cells,) the most frequent categories, of equals the first, in their order; then one cell for
    all others; unseen, mismatched and missing values stay apart.

    Examples
    --------
    >>> category_map(np.array([5, 1, 7, 2, 0, 0, 9]), 4, has_other=False).tolist()
    [0, 2, 1, 2, 3, 4, 5]
    """
    categories = len(counts) - 3 - has_other
    kept = np.sort(np.argsort(-counts[:categories], kind="stable")[: cells_max - 2])
    cell_map = np.full(len(counts), len(kept), dtype=np.int64)
    cell_map[kept] = np.arange(len(kept))
    cell_map[-3:] = len(kept) + np.arange(1, 4)
    return cell_map


def joined_columns(table: IntArray, columns: IntArray) -> IntArray:
    """Add up columns of a table, as counts are by a cell map.

    Parameters
    ----------
    table : (n, cells), or (0, 0) for none
    columns : (cells,) coarse column of each

    Examples
    --------
    >>> joined_columns(np.array([[1, 2, 3]]), np.array([0, 0, 1])).tolist()
    [[3, 3]]
    """
    if len(table) == 0:
        return table
    joined = np.zeros((int(columns.max()) + 1, len(table)), dtype=np.int64)
    np.add.at(joined, columns, table.T)
    return joined.T
