"""Outliers: values far outside the reference's quartiles."""

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.stats.quantiles import quantiles

FENCE_WIDTHS = 3.0
"""Tukey's outer fences, in interquartile ranges from the quartiles: "far out". A normal
distribution has two in a million values beyond; beyond his inner ones (1.5) it has seven in a
thousand."""


def outlier_cells(
    cumulated: IntArray, uppers: FloatArray, inside: tuple[int, int]
) -> tuple[int, int] | None:
    r"""Cells whose values all lie beyond a fence.

    Parameters
    ----------
    cumulated : (cells,) running sum of the reference's counts
    uppers : (cells,) upper ends of the cells
    inside : last cell below the grid's range, and last cell of the range

    Returns
    -------
    Number of cells at or below the lower fence, and the first cell above the upper one. None where
    the quartiles are the same value (half of the reference is), since nothing is far then.

    Notes
    -----
    .. math:: Q_1 - 3 (Q_3 - Q_1), \qquad Q_3 + 3 (Q_3 - Q_1)

    A cell that a fence cuts is not counted, so that a rate is too small by at most the share of
    that cell: 1/256 of the reference inside its range, and beyond it a cell that grows with the
    distance (`stream.sketches.grid`).

    Examples
    --------
    >>> uppers = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0])
    >>> outlier_cells(np.array([0, 50, 100, 100, 100, 100]), uppers, (0, 2))
    (0, 5)

    References
    ----------
    .. [1] J. Tukey, Exploratory Data Analysis, Addison-Wesley, 1977, section 2D.
    """
    first, third = quantiles(cumulated, uppers, inside, [0.25, 0.75])
    if first is None or third is None or first >= third:
        return None
    width = FENCE_WIDTHS * (third - first)
    return (
        int(np.searchsorted(uppers, first - width, side="right")),
        int(np.searchsorted(uppers, third + width)) + 1,
    )


def outliers(counts: IntArray, outlying: tuple[int, int]) -> int:
    """Count the values in these cells.

    Parameters
    ----------
    counts : (cells,) of a window, without mismatched and missing values
    outlying : what `outlier_cells` returned
    """
    return int(counts[: outlying[0]].sum()) + int(counts[outlying[1] :].sum())
