"""Whether and how probabilities of a class are calibrated, decided on the reference.

A model's score of 0.7 need not mean that seven of ten such rows are of the class. The isotonic fit
of the reference's labels says what it means. But a fit of few rows can be worse than a model that
is right already, so it is tried on rows that it has not seen.
"""

import numpy as np

from schemas.baselines import Calibration
from stream.arrays import BoolArray, FloatArray, IntArray
from stream.stats.isotonic import Isotonic, fit_isotonic

FOLDS = 10
BINS = 10
"""As NannyML's: ten times a tenth is held out, and the error is taken over ten bins."""
SEPARABLE_AUC = 0.999
"""From here on the classes are told apart, and a fit is a step that the next data breaks."""
CLASS_ROWS_MIN = 2
"""Rows of each class below which a fold has none to fit."""


def calibrate(scores: FloatArray, is_class: BoolArray) -> Calibration | None:
    """Fit how scores become probabilities, if that does better than the scores themselves.

    Parameters
    ----------
    scores : (n,) the model's probabilities of the class, finite
    is_class : (n,) whether the label is the class

    Returns
    -------
    None where the scores are best taken as they are.

    Notes
    -----
    NannyML's rule [1]_, without its randomness. Rows are dealt into ten folds, those of the class
    and the others each in turn; each fold is calibrated by a fit of the other nine. With all folds
    together, the calibrated probabilities must have a smaller `expected_calibration_error` than the
    scores. None is fitted where there is one class only, or the ROC AUC is above 0.999.

    Examples
    --------
    >>> scores = np.tile(np.arange(1, 10) / 10, 100)
    >>> found = calibrate(scores, np.arange(900) % 100 < 100 * scores**2)
    >>> found.x[4], round(found.y[4], 2)
    (0.5, 0.25)

    References
    ----------
    .. [1] NannyML 0.13.1, ``nannyml.calibration.needs_calibration``.
    """
    rows_of_class = int(is_class.sum())
    if min(rows_of_class, len(scores) - rows_of_class) < CLASS_ROWS_MIN:
        return None
    if _roc_auc(scores, is_class) > SEPARABLE_AUC:
        return None
    labels = is_class.astype(np.float64)
    held_out = np.empty(len(scores))
    folds = _folds(is_class)
    for fold in range(FOLDS):
        test = folds == fold
        if test.any():
            held_out[test] = fit_isotonic(scores[~test], labels[~test])(scores[test])
    before = expected_calibration_error(scores, is_class)
    if before <= expected_calibration_error(held_out, is_class):
        return None
    fitted = fit_isotonic(scores, labels)
    return Calibration(x=tuple(fitted.x.tolist()), y=tuple(fitted.y.tolist()))


def isotonic(calibration: Calibration) -> Isotonic:
    """Make a function of what a baseline holds."""
    return Isotonic(np.array(calibration.x), np.array(calibration.y))


def expected_calibration_error(
    probabilities: FloatArray, is_class: BoolArray, bins: int = BINS
) -> float:
    r"""Mean gap between probability and observed share, over bins of equally many rows.

    Parameters
    ----------
    probabilities : (n,), n positive
    is_class : (n,)
    bins : how many, at most n

    Notes
    -----
    .. math:: \sum_b \frac{n_b}{n} \left| \bar p_b - \bar y_b \right|

    Examples
    --------
    >>> expected_calibration_error(np.array([0.2, 0.4]), np.array([False, True]), bins=2)
    0.4

    References
    ----------
    .. [1] M. Naeini, G. Cooper, M. Hauskrecht, Obtaining well calibrated probabilities using
       Bayesian binning, AAAI 2015.
    """
    order = np.argsort(probabilities, kind="stable")
    starts = np.unique(np.arange(bins) * len(order) // bins)
    gaps = probabilities[order] - is_class[order]
    return float(np.abs(np.add.reduceat(gaps, starts)).sum() / len(order))


def _folds(is_class: BoolArray) -> IntArray:
    """Fold of each row: the rows of each class are dealt in turn."""
    folds = np.empty(len(is_class), dtype=np.int64)
    for rows in (np.flatnonzero(is_class), np.flatnonzero(~is_class)):
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds


def _roc_auc(scores: FloatArray, is_class: BoolArray) -> float:
    """Exact area under the ROC curve (Mann-Whitney), ties counted half."""
    distinct, places = np.unique(scores, return_inverse=True)
    positives = np.bincount(places[is_class], minlength=len(distinct))
    negatives = np.bincount(places[~is_class], minlength=len(distinct))
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / (positives.sum() * negatives.sum()))
