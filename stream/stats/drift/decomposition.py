"""What the drift of a feature consists of: values missing, beyond what was seen, or moved."""

import math

import numpy as np

from stream.arrays import FloatArray, IntArray
from stream.stats.descriptive import outside
from stream.stats.reference import MISMATCH, MISSING, Reference


def decompose(reference: Reference, counts: IntArray) -> dict[str, float]:
    r"""Split the drift of a feature by its causes.

    Parameters
    ----------
    reference : compiled from the baseline that the window was counted with
    counts : (cells,) the window's count row

    Returns
    -------
    Shares that add up to 1: `drift_from_missing`; of a categorical feature `drift_from_unseen`; of
    a numeric one `drift_from_below` and `drift_from_above` the reference's range; and
    `drift_from_shape`, which is the rest. Empty where nothing can be compared, or there is no
    difference beyond chance.

    Notes
    -----
    The measure is the Jensen-Shannon divergence (the square of the distance `js`, here with the
    missing values) over the cells {missing, unseen or below, above, tested cells inside}. By the
    chain rule of relative entropy it is exactly the sum of those of nested questions: is a value
    missing; if not, is it unseen (below; if not, above); if not, in which cell does it lie. So
    shape does not change because more is missing. With :math:`c_q, r_q` the shares of rows that
    come to question q, and :math:`c_i, r_i` those of its answers,

    .. math:: J_q = \tfrac12 \sum_i c_i \log_2 \frac{c_i / c_q}{m_i / m_q}
              + r_i \log_2 \frac{r_i / r_q}{m_i / m_q}, \qquad m = \frac{c + r}{2}

    No term needs a floor for empty cells, and none is negative. Chance alone makes each
    :math:`df_q (1/n + 1/m) / (8 \ln 2)` on average; that is taken off, so that many cells in a
    small window do not pass for a change of shape.

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("a", "b"), counts=(60, 39, 0, 0, 1))
    ... )
    >>> found = decompose(reference, np.array([3000, 1950, 5000, 0, 100]))
    >>> {name: round(share, 2) for name, share in found.items()}
    {'drift_from_missing': 0.0, 'drift_from_unseen': 1.0, 'drift_from_shape': 0.0}

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37,
       1991.
    .. [2] T. Cover, J. Thomas, Elements of Information Theory, Wiley, 2006, theorem 2.5.3.
    """
    current, expected = _parts(reference, counts), _parts(reference, reference.counts)
    n, m = (sum(int(cells.sum()) for cells in parts.values()) for parts in (current, expected))
    if n == 0 or m == 0:
        return {}
    terms: dict[str, float] = {}
    names = list(current)
    for place, name in enumerate(names):
        pairs = []
        for parts, rows in ((current, n), (expected, m)):
            later = sum(int(parts[other].sum()) for other in names[place + 1 :])
            answers = parts[name] if place == len(names) - 1 else [int(parts[name].sum()), later]
            pairs.append(np.asarray(answers, dtype=np.float64) / rows)
        terms[name] = _beyond_chance(pairs[0], pairs[1], 1 / n + 1 / m)
    total = math.fsum(terms.values())
    if total == 0.0:
        return {}
    return {f"drift_from_{name}": term / total for name, term in terms.items()}


def _parts(reference: Reference, counts: IntArray) -> dict[str, IntArray]:
    """Counts by cause, in the order of the questions; the last one by cell."""
    parts = {"missing": counts[[MISSING]]}
    values = counts[:MISMATCH].copy()
    if reference.numeric:
        below, above = outside(reference, counts)
        parts |= {"below": np.array([below]), "above": np.array([above])}
        values[: reference.below + 1] = 0
        values[reference.above + 1 :] = 0
    elif reference.tells_unseen:
        parts["unseen"] = values[-1:].copy()
        values[-1] = 0
    parts["shape"] = reference.tested.of(values.cumsum())
    return parts


def _beyond_chance(current: FloatArray, expected: FloatArray, variance: float) -> float:
    """One question's divergence in bits, less what chance makes on average; at least 0."""
    middle = (current + expected) / 2
    asked = (float(current.sum()), float(expected.sum()), float(middle.sum()))
    if asked[0] == 0.0 or asked[1] == 0.0:
        return 0.0
    divergence = (
        _entropy_against(current / asked[0], middle / asked[2]) * asked[0]
        + _entropy_against(expected / asked[1], middle / asked[2]) * asked[1]
    ) / 2
    degrees = int(np.count_nonzero(middle)) - 1
    return max(0.0, divergence - degrees * variance / (8 * math.log(2)))


def _entropy_against(shares: FloatArray, middle: FloatArray) -> float:
    there = shares > 0.0
    return float(shares[there] @ np.log2(shares[there] / middle[there]))
