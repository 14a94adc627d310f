"""Jensen-Shannon distance."""

import math

from scipy.special import rel_entr

from stream.arrays import FloatArray


def jensen_shannon(current: FloatArray, reference: FloatArray) -> float:
    r"""Jensen-Shannon distance of shares, base 2.

    Parameters
    ----------
    current : (k,) shares of the current values
    reference : (k,) shares of the reference in the same cells

    Returns
    -------
    Between 0 and 1; exact for these cells.

    Notes
    -----
    .. math:: \sqrt{\tfrac12 \sum_i c_i \log_2 \frac{c_i}{m_i} + r_i \log_2 \frac{r_i}{m_i}},
              \quad m_i = \tfrac12 (c_i + r_i)

    Rounding can leave the sum a little below 0 for equal shares; it is clipped before the root.

    Examples
    --------
    >>> import numpy as np
    >>> round(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])), 12)
    1.0
    >>> jensen_shannon(np.array([0.1, 0.9]), np.array([0.1, 0.9]))
    0.0

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37,
       1991.
    """
    middle = (current + reference) / 2
    entropies = rel_entr(current, middle) + rel_entr(reference, middle)
    return math.sqrt(min(1.0, max(0.0, float(entropies.sum()) / (2 * math.log(2)))))
