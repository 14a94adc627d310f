"""One p-value and one effect for "the values are distributed otherwise"."""

from dataclasses import dataclass

import numpy as np

from stream.arrays import IntArray
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.effect import effect
from stream.stats.drift.fisher import fisher_p_value
from stream.stats.drift.pooling import EXPECTED_MIN, pooled_groups
from stream.stats.reference import CoarseCells


@dataclass(frozen=True, slots=True)
class Shift:
    """What was found; None where it could not be tested."""

    p_value: float | None
    effect: float | None


def shift_test(
    current: IntArray,
    reference: CoarseCells,
    pearson: tuple[float, int] | None,
    ks_p_value: float | None,
    phi: float = 1.0,
) -> Shift:
    """Test whether values changed, in order or in any way.

    Parameters
    ----------
    current : (k,) counts of the current values
    reference : its counts and shares in the same cells
    pearson : statistic and degrees of freedom on all of these cells
    ks_p_value : of the Kolmogorov-Smirnov test; None where values have no order
    phi : how many times more the reference varies than independent rows do

    Notes
    -----
    Two tests look at the same counts, one for shifts along the axis and one for any change; the
    p-value is ``min(1, 2 * min(ks, chi2))``. Where there is one test only, it is that one's.

    A reference of (nearly) one value leaves the chi-squared test nothing to compare, since all
    else is expected less than five times. Then Fisher's exact test, which needs no such
    expectation, tells whether all else became more, and the effect is that of these two cells.
    """
    n, m = int(current.sum()), reference.total
    exact = False
    if reference.smallest * n < EXPECTED_MIN:
        groups = pooled_groups(reference.shares, n)
        exact = not groups.any() and len(groups) > 1
        if exact:
            largest = int(np.argmax(reference.shares))
            if reference.shares[largest] * n < EXPECTED_MIN:
                return Shift(ks_p_value, None)
            groups = np.ones(len(current), dtype=np.int64)
            groups[largest] = 0
        current = np.bincount(groups, current).astype(np.int64)
        pooled = np.bincount(groups, reference.counts).astype(np.int64)
        pearson = chi_squared(current, pooled)
    if exact:
        p_value = fisher_p_value(int(current[1]), n, int(pooled[1]), m)
    elif pearson is not None:
        p_value = chi_squared_p_value(*pearson, phi)
    else:
        return Shift(ks_p_value, None)
    if ks_p_value is not None:
        p_value = min(1.0, 2 * min(ks_p_value, p_value))
    return Shift(p_value, 0.0 if pearson is None else effect(*pearson, n, m, phi))
