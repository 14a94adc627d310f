"""Wasserstein distance: the area between two distribution functions."""

import math
from dataclasses import dataclass

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.stats.reference import Reference


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """The distance, and by how much it may be wrong; both in the feature's unit."""

    distance: float
    error_max: float


def wasserstein(
    reference: Reference, cumulated: IntArray, excess: tuple[float, float] | None = None
) -> Wasserstein | None:
    r"""Distance of a window from the reference.

    Parameters
    ----------
    reference : numeric
    cumulated : (value cells,) running sum of the window's counts, not empty
    excess : exact sums, over the values beyond the range of the baseline's edges, of how far they
        lie below and above it; in the feature's unit

    Returns
    -------
    None where values lie beyond that range and how far is not known: no `excess` was given, or
    they are the reference's.

    Notes
    -----
    .. math:: W = \int |F_c(x) - F_r(x)| \, dx

    Inside a cell (a, b] of width w both functions are taken to rise linearly. A function that
    rises from one known value to another by c is off from the line by at most w c / 2 in area
    (the area is convex in the function, and for a single jump it is at most that), so the
    distance is within

    .. math:: \tfrac12 \sum_i w_i (c_i + r_i)

    of the true one. Beyond the range one function is constant, and the area is the mean excess,
    without error. A cell of one value is one float wide and adds none.

    Examples
    --------
    >>> from stream.baseline.build import build_baseline
    >>> data = {"x": np.arange(101.0)}
    >>> baseline = build_baseline(data, model_name="m", model_version="1").features["x"]
    >>> reference = Reference.from_baseline(baseline)
    >>> window = reference.counts.copy()
    >>> window[-10] = 101  # beyond the maximum, 100
    >>> found = wasserstein(reference, window[:-2].cumsum(), excess=(0.0, 101 * 900.0))
    >>> round(found.distance, 6), round(found.error_max, 6)
    (475.0, 0.0)

    References
    ----------
    .. [1] S. Vallender, Calculation of the Wasserstein distance between probability distributions
       on the line, Theory Probab. Appl. 18, 1974.
    """
    below, above = reference.grid_range
    n = int(cumulated[-1])
    beyond = int(cumulated[below]) + n - int(cumulated[above])
    shares = reference.cumulative_shares
    if shares[below] > 0.0 or shares[above] < 1.0 or (beyond and excess is None):
        return None
    inside = slice(below, above + 1)
    reached: FloatArray = cumulated[inside] / n
    expected = shares[inside]
    widths = np.diff(reference.uppers[inside])
    gaps = reached - expected
    left, right = np.abs(gaps[:-1]), np.abs(gaps[1:])
    both = left + right
    crossed = gaps[:-1] * gaps[1:] < 0.0
    # Where the functions cross, the area is that of two triangles.
    heights = np.where(crossed, (left * left + right * right) / np.where(crossed, both, 1.0), both)
    outer = math.fsum(excess) / n if beyond and excess is not None else 0.0
    return Wasserstein(
        distance=float(widths @ heights) / 2 + outer,
        error_max=float(widths @ (np.diff(reached) + np.diff(expected))) / 2,
    )
