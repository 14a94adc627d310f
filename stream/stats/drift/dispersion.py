"""How much more a window varies than one of independent rows, by its size."""

import math

from schemas.baselines import Dispersion


def phi_at(dispersion: Dispersion | None, n: int) -> float:
    r"""Variance of a window of n values, in multiples of what independent rows would have.

    Parameters
    ----------
    dispersion : of the feature's reference; None without time order
    n : values in the window

    Returns
    -------
    At least 1; 1 without time order.

    Notes
    -----
    Up to the size of the reference's chunks it is theirs. Beyond it nothing was measured, so the
    worst is assumed, a level that stays as it is however long the window:

    .. math:: 1 + (\varphi - 1) \max(1, n / L)

    Rows whose resemblance fades, as in an autoregression, vary less than that: their false alarms
    become fewer, and large shifts only are found.

    Examples
    --------
    >>> of_chunks = Dispersion(chunks=20, chunk_rows=250.0, phi=1.5)
    >>> phi_at(of_chunks, 100), phi_at(of_chunks, 1_000), phi_at(None, 1_000)
    (1.5, 3.0, 1.0)
    """
    if dispersion is None:
        return 1.0
    return 1.0 + (dispersion.phi - 1.0) * max(1.0, n / dispersion.chunk_rows)


def freedom_at(dispersion: Dispersion | None, n: int) -> float:
    r"""Degrees of freedom of `phi_at`: how well the variance of a window is known.

    Parameters
    ----------
    dispersion : of the feature's reference; None without time order
    n : values in the window

    Returns
    -------
    Infinite where nothing of the variance was estimated.

    Notes
    -----
    What independent rows vary by is known, and only what is beyond was estimated, with one degree
    of freedom less than there were chunks. Of their sum Welch and Satterthwaite's are

    .. math:: \nu \left(\frac{\varphi}{\varphi - 1}\right)^2

    Examples
    --------
    >>> of_chunks = Dispersion(chunks=20, chunk_rows=250.0, phi=1.5)
    >>> freedom_at(of_chunks, 250), freedom_at(None, 250)
    (171.0, inf)

    References
    ----------
    .. [1] F. Satterthwaite, An approximate distribution of estimates of variance components,
       Biometrics Bulletin 2, 1946.
    """
    phi = phi_at(dispersion, n)
    if dispersion is None or phi <= 1.0:
        return math.inf
    return max(1, dispersion.chunks - 1) * (phi / (phi - 1.0)) ** 2
