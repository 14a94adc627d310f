"""How much more windows vary than independent rows would."""

from schemas.baselines import Dispersion


def phi_at(dispersion: Dispersion | None, n: int) -> float:
    r"""Variance of a window's distribution function, in multiples of independent rows'.

    Parameters
    ----------
    dispersion : of the reference's chunks; None without time order
    n : number of values in the window

    Returns
    -------
    At least 1; 1 without time order.

    Notes
    -----
    .. math:: 1 + (\varphi - 1) \max(1, n / L)

    with L the rows of a chunk. A level that wanders more slowly than chunks follow each other is
    one value for a whole window, so that its part of the variance grows with n. Shorter windows
    are not taken to vary less than chunks do.

    Examples
    --------
    >>> dispersion = Dispersion(chunks=20, chunk_rows=250.0, phi=3.0)
    >>> phi_at(dispersion, 100), phi_at(dispersion, 1000), phi_at(None, 1000)
    (3.0, 9.0, 1.0)
    """
    if dispersion is None:
        return 1.0
    return 1.0 + (dispersion.phi - 1.0) * max(1.0, n / dispersion.chunk_rows)
