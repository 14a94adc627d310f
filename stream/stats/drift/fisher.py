"""Fisher's exact test, one-sided: whether a share grew."""

import math

import numpy as np
from scipy.special import gammaln

_DEVIATIONS, _TERMS_MIN = 12, 80
"""Terms of a tail that are added up: beyond 12 deviations, or 80 terms where they are few, the
hypergeometric distribution holds less than 1e-30."""


def fisher_p_value(hits: int, n: int, reference_hits: int, m: int) -> float:
    r"""Probability of at least so many hits, if both samples had the same share of them.

    Parameters
    ----------
    hits : in the current sample
    n : current sample size
    reference_hits : in the reference
    m : reference size

    Returns
    -------
    Between 0 and 1; 0.0 where it is smaller than the smallest float. Relative error below 1e-6
    up to a hundred million rows.

    Notes
    -----
    The upper tail of the hypergeometric distribution, valid for any sample size:

    .. math:: \sum_{x \ge h} \binom{n}{x} \binom{m}{K - x} \Big/ \binom{n + m}{K},
              \quad K = h + h_r

    Examples
    --------
    >>> round(fisher_p_value(8, 10, 1, 6), 6)
    0.024476

    References
    ----------
    .. [1] R. A. Fisher, On the interpretation of chi-squared from contingency tables, and the
       calculation of P, J. Roy. Statist. Soc. 85, 1922.
    """
    marked, total = hits + reference_hits, n + m
    lowest, highest = max(0, marked - m), min(n, marked)
    if hits <= lowest:
        return 1.0
    mean = n * marked / total
    variance = mean * (m / total) * ((total - marked) / max(1, total - 1))
    terms = int(_DEVIATIONS * math.sqrt(variance)) + _TERMS_MIN
    above = hits > mean
    if above:
        x = np.arange(hits, min(highest, hits + terms) + 1, dtype=np.float64)
    else:
        x = np.arange(max(lowest, hits - terms), hits, dtype=np.float64)
    constants = gammaln(
        [n + 1, m + 1, marked + 1, total - marked + 1, total + 1],
    )
    logs = (
        constants[:4].sum()
        - constants[4]
        - gammaln(x + 1)
        - gammaln(n - x + 1)
        - gammaln(marked - x + 1)
        - gammaln(m - marked + x + 1)
    )
    tail = min(1.0, float(np.exp(logs).sum()))
    return tail if above else 1.0 - tail
