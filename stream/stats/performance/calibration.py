"""How well probabilities agree with what is observed, from scores counted in cells."""

from dataclasses import dataclass

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.stats.performance.cells import ScoreCells

BINS_MAX = 10
"""As scikit-learn's calibration curves are usually drawn, and NannyML's calibration error is."""


@dataclass(frozen=True, slots=True)
class BrierSplit:
    """Parts of the Brier score: reliability - resolution + uncertainty.

    Attributes
    ----------
    reliability : mean squared gap of probability and observed share; 0 is best
    reliability_error_max : by how much it may be off, at most
    resolution : variance of observed shares between bins; the more the better
    uncertainty : Brier score of the share of the class as the probability of every row
    """

    reliability: float
    reliability_error_max: float
    resolution: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """Bins of neighbouring scores, b of them, ascending.

    Attributes
    ----------
    rows : (b,) rows in each
    means : (b,) mean probability
    means_error_max : (b,) by how much a mean may be off, at most
    observed : (b,) share of rows that are of the class
    """

    rows: IntArray
    means: FloatArray
    means_error_max: FloatArray
    observed: FloatArray

    @property
    def calibration_error(self) -> float:
        r"""Expected calibration error, :math:`\sum_b \frac{n_b}{n} |\bar p_b - \bar y_b|`."""
        return float(self._shares @ np.abs(self.means - self.observed))

    @property
    def calibration_error_error_max(self) -> float:
        """By how much `calibration_error` may be off, at most."""
        return float(self._shares @ self.means_error_max)

    def brier_split(self) -> BrierSplit:
        r"""Split the Brier score.

        Notes
        -----
        .. math:: \sum_b \frac{n_b}{n} (\bar p_b - \bar y_b)^2
                  - \sum_b \frac{n_b}{n} (\bar y_b - \bar y)^2 + \bar y (1 - \bar y)

        is the Brier score of probabilities that are the same within each bin [1]_. Resolution and
        uncertainty are exact for these bins. Reliability is off where means are.

        References
        ----------
        .. [1] A. Murphy, A new vector partition of the probability score, J. Appl. Meteor. 12,
           1973.
        """
        gaps = np.abs(self.means - self.observed)
        most = (gaps + self.means_error_max) ** 2
        least = np.maximum(0.0, gaps - self.means_error_max) ** 2
        overall = float(self._shares @ self.observed)
        return BrierSplit(
            reliability=float(self._shares @ gaps**2),
            reliability_error_max=float(self._shares @ np.maximum(most - gaps**2, gaps**2 - least)),
            resolution=float(self._shares @ (self.observed - overall) ** 2),
            uncertainty=overall * (1 - overall),
        )

    def bins(self) -> list[tuple[float, float, int]]:
        """Mean probability, observed share and rows of each bin."""
        rows = (self.means.tolist(), self.observed.tolist(), self.rows.tolist())
        return list(zip(*rows, strict=True))

    @property
    def _shares(self) -> FloatArray:
        shares: FloatArray = self.rows / self.rows.sum()
        return shares


def reliability_curve(
    counts: IntArray, cells: ScoreCells, bins_max: int = BINS_MAX
) -> ReliabilityCurve | None:
    """Join cells of scores to bins of about equally many rows.

    Parameters
    ----------
    counts : (2, k) rows by cell of the score, ascending: those of another class, those of the class
    cells : where the cells lie
    bins_max : how many bins there are at most

    Returns
    -------
    None without rows.

    Notes
    -----
    A cell is in the bin that its middle row is in, so bins are unions of cells, and a cell that
    holds more rows than a bin should leaves fewer bins. Bins of equally many rows make the
    calibration error less biased than bins of equal width [1]_, which hold nearly all rows in one
    where the class is rare.

    A cell's rows are taken to lie at its middle. What this may be off by is computed: half the
    width of a cell, averaged over rows.

    Examples
    --------
    >>> cells = ScoreCells.between(np.array([0.25, 0.5, 0.75]))
    >>> curve = reliability_curve(np.array([[40, 0, 0, 20], [0, 0, 0, 20]]), cells)
    >>> curve.bins()
    [(0.125, 0.0, 40), (0.875, 0.5, 40)]
    >>> curve.calibration_error, curve.calibration_error_error_max
    (0.25, 0.125)

    References
    ----------
    .. [1] R. Roelofs, N. Cain, J. Shlens, M. Mozer, Mitigating bias in calibration error
       estimation, AISTATS 2022.
    """
    held = counts.sum(axis=0)
    n = int(held.sum())
    if n == 0:
        return None
    before = np.cumsum(held) - held
    # Twice the place of a cell's middle row is a whole number: no rounding moves a cell.
    bins = np.minimum((2 * before + held) * bins_max // (2 * n), bins_max - 1)
    used, places = np.unique(bins[held > 0], return_inverse=True)

    def joined(weights: FloatArray) -> FloatArray:
        return np.bincount(places, weights[held > 0], len(used)).astype(np.float64)

    rows = joined(held.astype(np.float64))
    return ReliabilityCurve(
        rows=rows.astype(np.int64),
        means=joined(held * cells.middles) / rows,
        means_error_max=joined(held * cells.half_widths) / rows,
        observed=joined(counts[1].astype(np.float64)) / rows,
    )
