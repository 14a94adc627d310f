"""What a window's counts say of its performance without labels."""

import numpy as np

from stream.arrays import FloatArray
from stream.rollup.merge import GridCounts
from stream.stats.estimated import estimated_binary, estimated_multiclass, estimated_roc_auc
from stream.stats.reference import MISMATCH, Reference
from stream.window.estimates import Estimates
from stream.window.layout import GridLayout


def cell_probabilities(estimates: Estimates, reference: Reference) -> FloatArray:
    """Calibrated probability in the middle of each cell of the score.

    Parameters
    ----------
    estimates : of a binary model
    reference : of the probability of the positive class

    Returns
    -------
    (value cells,)
    """
    uppers = np.clip(reference.uppers, 0.0, 1.0)
    middles = (np.append(0.0, uppers[:-1]) + uppers) / 2
    (probabilities,) = estimates.probabilities_of(middles[np.newaxis])
    return np.asarray(probabilities)


def estimated_figures(
    layout: GridLayout, grid: GridCounts, in_cells: FloatArray | None
) -> dict[str, float]:
    """Performance of a window, estimated without labels.

    Parameters
    ----------
    layout : of the baseline valid in the window
    grid : the window's counts on it
    in_cells : `cell_probabilities` of a binary model; None of many classes

    Returns
    -------
    Figures by the contract's names, those that can't be told left out. Where the calibration has
    changed inside the window, they are of the part that was summed with this one.
    """
    estimates = layout.estimates
    if estimates is None or estimates.id not in grid.estimates:
        return {}
    sums = estimates.matrix(grid.estimates[estimates.id])
    if estimates.probability is None:
        return estimated_multiclass(sums[:, 0], sums[:, 1:])
    figures = estimated_binary(sums[:, 0], sums[:, 1])
    if in_cells is not None:
        row = layout.numeric[estimates.probability].row
        figures |= estimated_roc_auc(grid.rows[row][:MISMATCH], in_cells)
    return figures
