"""Whether more values came up that the reference does not have: tested apart from all others.

The chi-squared test joins rare cells, and what the reference never had is the rarest of all. Where
two classes hold nearly everything, a tenth of unseen values lies in a cell with half of all rows,
and changes it by too little to count.
"""

from schemas.baselines import FeatureBaseline
from stream.stats.drift.effect import share_effect
from stream.stats.drift.fisher import fisher_p_value

_VALUE_CELLS = -2
"""The last two cells of a row are no values."""


def seen_once(baseline: FeatureBaseline) -> tuple[int, int]:
    """How many values the reference would not have, had their own row not been part of it.

    Parameters
    ----------
    baseline : of a categorical feature

    Returns
    -------
    Values that occur once, and rows with a value. Of values that share the cell `other` it is not
    known how often each occurs: all count as occurring once.

    Examples
    --------
    >>> seen_once(
    ...     FeatureBaseline(kind="categorical", categories=("a", "b"), counts=(7, 1, 0, 0, 2))
    ... )
    (1, 8)
    """
    own = baseline.counts[: len(baseline.categories)]
    return own.count(1) + len(baseline.other_categories), sum(baseline.counts[:_VALUE_CELLS])


def unseen_test(unseen: int, n: int, once: int, m: int) -> tuple[float, float] | None:
    """Test whether more values are unseen than chance brings.

    Parameters
    ----------
    unseen : current values that the reference does not have
    n : current values
    once, m : values that the reference has once, and all of its values (`seen_once`)

    Returns
    -------
    p-value of Fisher's exact test, and the size of the shift. None where nothing is unseen, or one
    of the samples is empty.

    Notes
    -----
    A reference of many rare values lacks others of their kind, and new rows have them: as many as
    its own rows have values that no other row has (Good and Turing). That is the share to compare
    with; taking it for 0, with 40 values of one in 10,000 each, a third of windows would alarm.

    Examples
    --------
    >>> p_value, size = unseen_test(5, 100, 0, 5_000)
    >>> f"{p_value:.1e}", round(size, 6)
    ('2.6e-09', 0.102564)

    References
    ----------
    .. [1] I. Good, The population frequencies of species and the estimation of population
       parameters, Biometrika 40, 1953.
    """
    if unseen == 0 or n == 0 or m == 0:
        return None
    return fisher_p_value(unseen, n, once, m), share_effect(unseen / n, once / m)
