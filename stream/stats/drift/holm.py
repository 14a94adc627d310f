"""Holm's correction for two questions about one feature: its values, and what is missing."""


def holm(a: float | None, b: float | None) -> tuple[float | None, float | None]:
    """Adjust two p-values; one that is alone stays as it is.

    Parameters
    ----------
    a, b : p-values; None where there was nothing to test

    Returns
    -------
    Adjusted p-values, in the order given. The smaller one is the p-value of "any of the two".

    Examples
    --------
    >>> holm(0.04, 0.001)
    (0.04, 0.002)
    >>> holm(0.04, None)
    (0.04, None)

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6,
       1979.
    """
    if a is None or b is None:
        return a, b
    smaller = min(1.0, 2 * min(a, b))
    larger = max(smaller, a, b)
    return (smaller, larger) if a <= b else (larger, smaller)
