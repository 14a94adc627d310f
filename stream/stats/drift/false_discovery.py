"""Benjamini and Hochberg's correction for asking many questions at once."""

from collections.abc import Sequence

import numpy as np

from stream.arrays import FloatArray


def q_values(p_values: Sequence[float] | FloatArray) -> FloatArray:
    r"""Adjust p-values for their number.

    Parameters
    ----------
    p_values : (k,)

    Returns
    -------
    (k,) q-values: rejecting those at most alpha bounds the expected share of false ones among
    them by alpha, and, while no question has drift, the chance of any by alpha.

    Notes
    -----
    .. math:: q_{(i)} = \min_{j \ge i} \min(1, p_{(j)} k / j)

    Examples
    --------
    >>> q_values([0.01, 0.04, 0.03, 0.5]).round(6).tolist()
    [0.04, 0.053333, 0.053333, 0.5]

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, J. Roy. Statist. Soc. B
       57, 1995.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
