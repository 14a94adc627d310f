"""Holm's correction for several questions about one feature: values, unseen ones, missing ones."""


def holm(*p_values: float | None) -> tuple[float | None, ...]:
    r"""Adjust a few p-values; one that is alone stays as it is.

    Parameters
    ----------
    p_values : None where there was nothing to test

    Returns
    -------
    Adjusted p-values, in the order given. The smallest one is the p-value of "any of them".

    Notes
    -----
    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (k - j + 1)\, p_{(j)})

    Examples
    --------
    >>> holm(0.04, 0.001)
    (0.04, 0.002)
    >>> holm(0.04, None, None)
    (0.04, None, None)

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6,
       1979.
    """
    asked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(asked):
        largest = max(largest, min(1.0, (len(asked) - rank) * p))
        adjusted[place] = largest
    return tuple(adjusted)
