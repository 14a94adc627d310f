"""Whether values went missing: tested apart, so that neither kind of drift hides the other."""

from stream.stats.drift.fisher import fisher_p_value

INCREASE_MIN = 0.01
"""One percentage point: less is no drift, however sure."""


def missing_test(
    missing: int, rows: int, reference_missing: int, reference_rows: int
) -> tuple[float, float] | None:
    """Test whether a larger share is missing than in the reference.

    A share that falls is no drift, so the test is one-sided, as its floor is.

    Parameters
    ----------
    missing, rows : current missing values, and all rows
    reference_missing, reference_rows : the same of the reference

    Returns
    -------
    p-value of Fisher's exact test, and by how much the share grew (negative: fell). None where
    nothing is missing in either, or one of the samples is empty.

    Examples
    --------
    >>> p_value, increase = missing_test(5, 100, 10, 5000)
    >>> round(p_value, 8), round(increase, 6)
    (6.74e-06, 0.048)
    """
    if rows == 0 or reference_rows == 0 or missing + reference_missing == 0:
        return None
    p_value = fisher_p_value(missing, rows, reference_missing, reference_rows)
    return p_value, missing / rows - reference_missing / reference_rows
