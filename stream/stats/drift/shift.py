"""One p-value and one effect for "the values are distributed otherwise"."""

import math
from dataclasses import dataclass

import numpy as np

from stream.arrays import IntArray
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.effect import effect, order_effect
from stream.stats.drift.fisher import fisher_p_value
from stream.stats.drift.kolmogorov_smirnov import grid_p_value
from stream.stats.drift.pooling import EXPECTED_MIN, pooled_groups
from stream.stats.reference import CoarseCells

ORDER_WEIGHT = 0.9
"""Part of the level that is the Kolmogorov-Smirnov test's. In windows of 250 rows a normal feature
moved by a quarter of a standard deviation is found in 49 of 100, a uniform one in 53; with half of
the level it is 44 and 68, where the Kolmogorov-Smirnov test by itself finds 53 and 28
(`docs/decisions/0012-false-alarms.md`): what one test finds best loses little, what it finds badly
gains anyway."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What was found; None where it could not be tested."""

    p_value: float | None
    effect: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """Kolmogorov's distance, and the share of the cells it was taken between (`typical_cell`)."""

    distance: float
    cell: float


def shift_test(
    current: IntArray,
    reference: CoarseCells,
    pearson: tuple[float, int] | None,
    order: Order | None,
    phi: float = 1.0,
    freedom: float = math.inf,
) -> Shift:
    r"""Test whether values changed, in order or in any way.

    Parameters
    ----------
    current : (k,) counts of the current values
    reference : its counts and shares in the same cells
    pearson : statistic and degrees of freedom on all of these cells
    order : for the Kolmogorov-Smirnov test; None where values have no order
    phi, freedom : see `stream.stats.drift.dispersion`

    Notes
    -----
    Two tests look at the same counts, one for shifts along the axis and one for any change. They
    share the level by weights (Bonferroni): the p-value is

    .. math:: \min(1,\ p_{KS} / w,\ p_{\chi^2} / (1 - w)), \qquad w = 0.9

    Where there is one test only, it is that one's. The effect is the larger one of both tests'.
    Cells are pooled as the smaller sample needs it.

    A reference of (nearly) one value leaves the chi-squared test nothing to compare, since all
    else is expected less than five times. Then Fisher's exact test, which needs no such
    expectation, tells whether all else became more, and the effect is that of these two cells.
    """
    n, m = int(current.sum()), reference.total
    ordered = None
    if order is not None:
        ordered = grid_p_value(order.distance, n, m, order.cell, phi, freedom)
    smaller = min(n, m)
    exact = False
    if reference.smallest * smaller < EXPECTED_MIN:
        groups = pooled_groups(reference.shares, smaller)
        exact = not groups.any() and len(groups) > 1
        if exact:
            largest = int(np.argmax(reference.shares))
            if reference.shares[largest] * smaller < EXPECTED_MIN:
                return Shift(ordered, None)
            groups = np.ones(len(current), dtype=np.int64)
            groups[largest] = 0
        current = np.bincount(groups, current).astype(np.int64)
        pooled = np.bincount(groups, reference.counts).astype(np.int64)
        pearson = chi_squared(current, pooled)
    if exact:
        p_value = fisher_p_value(int(current[1]), n, int(pooled[1]), m)
    elif pearson is not None:
        p_value = chi_squared_p_value(*pearson, phi, freedom)
    else:
        return Shift(ordered, None)
    size = 0.0 if pearson is None else effect(*pearson, n, m, phi)
    if order is not None and ordered is not None:
        p_value = min(1.0, ordered / ORDER_WEIGHT, p_value / (1 - ORDER_WEIGHT))
        size = max(size, order_effect(order.distance, n, m, phi))
    return Shift(p_value, size)
