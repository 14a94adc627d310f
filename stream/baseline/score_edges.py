"""Cells in which the join counts a class' probability: fine where its ROC and precision curves are.

ROC AUC and average precision are sums over the order of the scores, and inside a cell the order is
lost. Equal cells lose little where rows are common; but with 0.5 % positives all that matters lies
among the few highest scores, so the reference's own scores place the other edges. Measured with
0.5 % positives, references and windows of 20,000 and 200,000 rows, strong and weak models: 574
cells, average precision within 0.0041 of the raw values at worst of 240 windows, ROC AUC nearer.
"""

import hashlib
import math

import numpy as np
from scipy.special import expit, logit

from schemas.baselines import Baseline
from stream.arrays import BoolArray, FloatArray

EQUAL_CELLS = 320
GEOMETRIC_RANKS = 96
CLASS_QUANTILES = 96
ALL_QUANTILES = 64
"""The fewest of each that keep both figures within 0.005, see above."""
VALUES_MAX = 224
ROWS_PER_VALUE_MIN = 5
"""Scores of fewer values, each in so many rows in the mean (small trees, or rounded), have a cell
for each value, in which none of their order is lost. With the cells between they are no more than
of other scores."""
ATOM_SHARE = 1 / 256
"""A score that holds more of the rows, as `stream.baseline.edges` has it, has its own cell."""
_BEYOND = 32
"""A window has scores above the reference's highest: ranks go up to one in 32 references."""
_TOP = 10
"""Scores from whose slope those above the highest are extrapolated."""
_SCORE_MIN = 2.0**-40
"""As in `stream.baseline.edges`: smaller probabilities are all one."""
_DEFAULT_CELLS = 512
"""Of either kind; the counts of a class take 8 KB where all are hit."""
_GRID_ID_CHARACTERS = 8


def score_edges(scores: FloatArray, is_positive: BoolArray) -> FloatArray:
    """Place the inner edges of cells (a, b] for scores.

    Parameters
    ----------
    scores : (n,) of the reference, in [0, 1]; of several classes, those of each, one after another
    is_positive : (n,) whether the row's label is the class whose score it is

    Returns
    -------
    (k,) ascending, in [0, 1): there are k + 1 cells, the first and the last open at their ends.

    Notes
    -----
    Few-valued scores have a cell for each value. Others have the edges of 320 equal cells, the
    scores at 96 geometric ranks from the top (average precision weighs the logarithm of the rank),
    96 quantiles of the positives' scores, 64 of all, and atoms, 0 and 1 in cells of their own,
    inside which all scores are equal and nothing is lost.

    Examples
    --------
    >>> edges = score_edges(np.tile([0.2, 0.7], 5), np.tile([False, True], 5))
    >>> np.searchsorted(edges, [0.0, 0.1, 0.2, 0.7, 0.9, 1.0]).tolist()
    [0, 1, 2, 4, 5, 6]
    """
    distinct, counts = np.unique(scores, return_counts=True)
    if len(distinct) <= min(VALUES_MAX, len(scores) / ROWS_PER_VALUE_MIN):
        return _inner(_alone(distinct))
    positives = scores[is_positive]
    parts = [
        np.arange(1, EQUAL_CELLS) / EQUAL_CELLS,
        _at_geometric_ranks(scores),
        _quantiles(scores, ALL_QUANTILES),
        _alone(distinct[counts > ATOM_SHARE * len(scores)]),
    ]
    if len(positives):
        parts.append(_quantiles(positives, CLASS_QUANTILES))
    return _inner(np.concatenate(parts))


def _default_edges() -> FloatArray:
    """Edges where no reference tells: equal cells, and equal steps of the logit."""
    equal = np.arange(1, _DEFAULT_CELLS) / _DEFAULT_CELLS
    steps = expit(np.linspace(logit(_SCORE_MIN), -logit(_SCORE_MIN), _DEFAULT_CELLS))
    return _inner(np.concatenate([equal, steps]))


def score_edges_of(baseline: Baseline | None) -> FloatArray:
    """Inner edges of the cells of a model version's scores: its baseline's, or the default."""
    performance = baseline.performance if baseline is not None else None
    if not performance or not performance.score_edges:
        return DEFAULT_SCORE_EDGES
    return np.array(performance.score_edges)


def score_grid_id(edges: FloatArray) -> str:
    """Name cells: the same edges have the same name.

    Examples
    --------
    >>> score_grid_id(np.array([0.5]))
    '4cfa5b42'
    """
    raw = np.ascontiguousarray(edges, dtype="<f8").tobytes()
    return hashlib.sha256(raw).hexdigest()[:_GRID_ID_CHARACTERS]


def _inner(edges: FloatArray) -> FloatArray:
    """Edges in [0, 1), each once, with 0 and 1 in cells of their own."""
    below_one = np.nextafter(1.0, 0.0)
    inside = edges[(edges > 0) & (edges < below_one)]
    return np.unique(np.concatenate([[0.0], inside, [below_one]]))


def _alone(values: FloatArray) -> FloatArray:
    """Edges that leave each value in a cell of its own."""
    return np.concatenate([np.nextafter(values, -np.inf), values])


def _quantiles(scores: FloatArray, cells: int) -> FloatArray:
    shares = np.arange(1, cells) / cells
    return np.quantile(scores, shares, method="inverted_cdf")


def _at_geometric_ranks(scores: FloatArray) -> FloatArray:
    """Scores at geometric ranks from the top, between two and above all by their logits."""
    logits = logit(np.clip(np.sort(scores)[::-1], _SCORE_MIN, 1 - _SCORE_MIN))
    n = len(logits)
    top = min(_TOP, n)
    ranks = np.geomspace(1 / _BEYOND, n, GEOMETRIC_RANKS)
    out = np.interp(np.log(ranks), np.log(np.arange(1, n + 1)), logits)
    slope = (logits[0] - logits[top - 1]) / math.log(max(2, top))
    above = ranks < 1
    out[above] = logits[0] - slope * np.log(ranks[above])
    return np.asarray(expit(out))


DEFAULT_SCORE_EDGES = _default_edges()
"""Of a model without labels in its baseline: about 1,000 cells, whatever its scores are."""
