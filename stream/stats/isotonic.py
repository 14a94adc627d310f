r"""Isotonic regression: the best non-descending function of what was observed.

Pool-adjacent-violators gives, among all non-descending functions, the one with the least squared
error. It is constant on blocks of neighbouring observations, each block at its mean, so what it
predicts is right on average in every block: that is what calibrates probabilities.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from stream.arrays import FloatArray

Places = npt.NDArray[np.intp]

KNOTS_MAX = 200
"""Ends of at most 100 blocks: 8 KB of JSON a class. Of 200,000 rows with a smooth curve, whose fit
has 250 knots, joining some moves it by at most 0.002."""


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A fitted function: linear between knots, flat beyond the first and the last.

    Attributes
    ----------
    x : (k,) ascending
    y : (k,) not descending
    """

    x: FloatArray
    y: FloatArray

    def __call__(self, values: FloatArray) -> FloatArray:
        """Evaluate at values of any shape."""
        return np.interp(values, self.x, self.y)


def fit_isotonic(x: FloatArray, y: FloatArray, *, knots_max: int = KNOTS_MAX) -> Isotonic:
    r"""Fit a non-descending function by pool-adjacent-violators.

    Parameters
    ----------
    x : (n,) finite, in any order; n is positive
    y : (n,) finite
    knots_max : bound on the knots; at least 2

    Notes
    -----
    .. math:: \min_f \sum_i (y_i - f(x_i))^2 \quad \text{such that } f \text{ does not descend}

    Observations of one x are averaged first. A block has a knot at its first and at its last x, or
    a single one, as scikit-learn keeps them. Where there are more than `knots_max`, the two
    neighbouring blocks whose union adds least to the squared error are joined until they fit; a
    union is at its mean again, so the function stays isotonic and right on average.

    Examples
    --------
    >>> fitted = fit_isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 1.0, 0.0, 1.0]))
    >>> fitted.x.tolist(), fitted.y.tolist()
    ([0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.5, 1.0])
    >>> fitted(np.array([0.0, 0.25, 9.0])).tolist()
    [0.0, 0.5, 1.0]

    References
    ----------
    .. [1] R. Barlow, D. Bartholomew, J. Bremner, H. Brunk, Statistical Inference under Order
       Restrictions, Wiley, 1972.
    """
    distinct, places = np.unique(x, return_inverse=True)
    weights = np.bincount(places).astype(np.float64)
    means = np.bincount(places, weights=y) / weights
    fitted = isotonic_regression(means, weights=weights)
    first = _joined(fitted.blocks[:-1], fitted.x, weights, knots_max // 2)
    last = np.append(first[1:], len(distinct)) - 1
    totals = np.add.reduceat(means * weights, first) / np.add.reduceat(weights, first)
    # Rounding of the means must not make it descend.
    values = np.maximum.accumulate(totals)
    ends = np.stack([first, last], axis=1)
    kept = np.stack([np.ones(len(first), dtype=np.bool_), last > first], axis=1)
    return Isotonic(distinct[ends[kept]], np.repeat(values, kept.sum(axis=1)))


def _joined(starts: Places, fitted: FloatArray, weights: FloatArray, blocks_max: int) -> Places:
    """Start of each block, after joining neighbours until there are few enough."""
    totals = np.add.reduceat(weights, starts)
    means = fitted[starts]
    while len(starts) > blocks_max:
        pairs = totals[1:] * totals[:-1] / (totals[1:] + totals[:-1])
        # By this the squared error grows when two means become one (Ward, 1963).
        k = int(np.argmin(pairs * np.diff(means) ** 2))
        union = totals[k] + totals[k + 1]
        means[k] = (means[k] * totals[k] + means[k + 1] * totals[k + 1]) / union
        totals[k] = union
        starts = np.delete(starts, k + 1)
        totals, means = np.delete(totals, k + 1), np.delete(means, k + 1)
    return starts
