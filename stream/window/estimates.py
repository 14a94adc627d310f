"""What is summed of calibrated probabilities, so that performance is estimated without labels.

A row whose calibrated probability of a class is p is of that class in p of such rows. So the sums
of p, by predicted class, are the expected confusion matrix: everything that accuracy, precision,
recall and F1 are made of [1]_. Sums are integers, in units of 2**-16, and do not depend on order.

The sums lie under the grid's id and that of the calibration. The cells that events are counted in
do not depend on the calibration, so a baseline with better labels shares the grid of the old one
and leaves no event out; but its sums are others, and never mix with the old ones.

References
----------
.. [1] J. Białek et al., Estimating model performance under covariate shift without labels, 2024,
   arXiv:2401.08348, on confidence-based performance estimation (CBPE).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.baselines import BaselinePerformance
from schemas.canonical import sha256_of
from schemas.models import Task
from stream.arrays import FloatArray, IntArray
from stream.stats.calibration import isotonic
from stream.stats.isotonic import Isotonic

UNIT_BITS = 16
"""Probabilities are rounded to 2**-16, far below what a calibration knows; sums of 2**37 rows, more
than a pane holds, stay below 2**53."""
CLASSES_MAX = 16
"""A row of 16 classes holds 272 sums, 2 KB; with more classes each is too rare to estimate."""
_ID_CHARACTERS = 8
_UNIT = 2.0**-UNIT_BITS


@dataclass(frozen=True)
class Estimates:
    """What is summed: the baseline's performance, and where a layout has what it needs.

    Attributes
    ----------
    performance : with classes, of a task that has them
    prediction_row : row of the categorical prediction
    places : (cells,) predicted class of each cell of that row; -1 where it is none
    probability : place of the positive class' probability among the numeric columns; None where
        there are many classes, whose probabilities come as objects
    """

    performance: BaselinePerformance
    prediction_row: int
    places: IntArray
    probability: int | None

    @cached_property
    def id(self) -> str:
        """Names sums that add up: the same classes and calibration."""
        found = self.performance
        content = [found.task, found.positive_class, found.classes, found.calibration]
        return sha256_of(content)[:_ID_CHARACTERS]

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes whose probabilities are summed."""
        return self.performance.classes

    @cached_property
    def _fits(self) -> tuple[Isotonic | None, ...]:
        """Calibration of each class; None where probabilities are taken as they are."""
        known = self.performance.calibration
        return tuple(isotonic(known[name]) if name in known else None for name in self.classes)

    @property
    def shape(self) -> tuple[int, int]:
        """Predicted classes (two where binary), and sums of each: rows, then of each class."""
        scored = len(self.classes)
        return (2 if self.probability is not None else scored), 1 + scored

    @property
    def cells(self) -> int:
        """Integers of the row."""
        return self.shape[0] * self.shape[1]

    def probabilities_of(self, scores: FloatArray) -> FloatArray:
        """Calibrate the model's probabilities.

        Parameters
        ----------
        scores : (classes, n)

        Returns
        -------
        (classes, n); those of many classes add up to 1, as NannyML has them
        """
        if self.probability is not None:
            (only,) = self._fits
            return scores if only is None else only(scores)
        fits = zip(self._fits, scores, strict=True)
        out = np.array([row if fit is None else fit(row) for fit, row in fits])
        total = out.sum(axis=0)
        uniform = np.full_like(out, 1 / len(self.classes))
        np.divide(out, total, out=uniform, where=total != 0)
        return uniform

    def sums(self, scores: FloatArray, prediction_cells: IntArray) -> FloatArray:
        """Sum calibrated probabilities by predicted class.

        Parameters
        ----------
        scores : (classes, n) the model's probabilities; NaN or infinite where there is none
        prediction_cells : (n,) cell of each prediction

        Returns
        -------
        (cells,) integers: for each predicted class its rows, then the units of each class. Rows
        without probabilities from 0 to 1 or a predicted class that the baseline knows are left out.
        """
        # Probabilities in objects may be any number.
        usable = ((scores >= 0) & (scores <= 1)).all(axis=0)
        predicted = np.where(usable, self.places[prediction_cells], -1)
        out = np.empty(self.shape)
        for kind, sums in enumerate(out):
            of_kind = scores[:, predicted == kind]
            if self.probability is not None:
                # Half the time: neighbouring scores lie between the same knots.
                of_kind.sort()
            sums[0] = of_kind.shape[1]
            # Sums of doubles that are integers below 2**53 have no error.
            sums[1:] = np.rint(self.probabilities_of(of_kind) / _UNIT).sum(axis=1)
        return out.ravel()

    def matrix(self, row: FloatArray) -> FloatArray:
        """Rows and sums of probabilities of each predicted class, shape `shape`, of a row."""
        out = row.reshape(self.shape).copy()
        out[:, 1:] *= _UNIT
        return out


def estimates_of(
    performance: BaselinePerformance | None,
    *,
    prediction_row: int,
    categories: Sequence[str],
    prediction_cells: int,
    probability: int | None,
) -> Estimates | None:
    """Find what a layout can sum; None where something is missing.

    Parameters
    ----------
    performance : of the baseline
    prediction_row, categories, prediction_cells : of the categorical prediction
    probability : place of the probability among the numeric columns, if there is one
    """
    if performance is None or not 0 < len(performance.classes) <= CLASSES_MAX:
        return None
    places: npt.NDArray[np.int64] = np.full(prediction_cells, -1, dtype=np.int64)
    binary = performance.task is Task.BINARY
    if binary:
        if probability is None:
            return None
        places[: len(categories)] = [name == performance.positive_class for name in categories]
    else:
        place = {name: k for k, name in enumerate(performance.classes)}
        places[: len(categories)] = [place.get(name, -1) for name in categories]
    return Estimates(performance, prediction_row, places, probability if binary else None)
