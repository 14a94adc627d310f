"""Spikes: how far a figure lies from what it usually is."""

from collections.abc import Sequence

import numpy as np

VALUES_MIN = 12
"""Fewer earlier values tell too little of the usual spread."""
_NORMAL_MAD = 1.4826
"""The median absolute deviation of a normal distribution, times this, is its standard deviation."""
_SPREAD_SHARE_MIN = 0.05
"""A figure that hardly ever moved spreads by 5 % of itself all the same."""


def spike(value: float, history: Sequence[float]) -> float | None:
    r"""Distance of a value from the median of earlier ones, in robust standard deviations.

    Parameters
    ----------
    value : the newest
    history : earlier values, in any order

    Returns
    -------
    Positive above, negative below; None of fewer than 12 earlier values, or where all of them are
    0.

    Notes
    -----
    .. math:: z = (x - \tilde h) / \max(1.4826 \, MAD(h), 0.05 |\tilde h|)

    The median and the median absolute deviation stay what they are while up to half of the history
    is itself made of spikes. Beyond 3.5 is unusual [1]_.

    Examples
    --------
    >>> round(spike(16.0, [9, 10, 11, 10, 9, 11, 10, 10, 12, 8, 10, 10]), 2)
    8.09

    References
    ----------
    .. [1] B. Iglewicz, D. Hoaglin, How to detect and handle outliers, ASQC Quality Press, 1993.
    """
    if len(history) < VALUES_MIN:
        return None
    values = np.asarray(history, dtype=np.float64)
    usual = float(np.median(values))
    spread = _NORMAL_MAD * float(np.median(np.abs(values - usual)))
    scale = max(spread, _SPREAD_SHARE_MIN * abs(usual))
    return (value - usual) / scale if scale > 0 else None
