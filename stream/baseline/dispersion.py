"""How much more the reference varies over time than independent rows would.

Twenty chunks, as long as the decision window, know a variance to a third: that would cost power
where rows are independent, and false alarms where they are not. Shorter chunks know it better, but
not what varies slowly. So chunks are halved, down to 8 values. Unless one of the lengths proves at
a level of 1 % that rows are not independent, they are taken to be; if one does, what counts is the
largest of what the lengths prove beyond one standard error.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtri

from schemas.baselines import Dispersion, FeatureBaseline
from stream.arrays import FloatArray, IntArray
from stream.baseline.columns import Classes, Numbers
from stream.baseline.seasons import season_cells
from stream.baseline.times import TimeOrder
from stream.stats.drift.pooling import pooled_groups

CHUNKS_MIN = 20
"""Chunks from which on a variance is taken: it is good to a third then, 2/19 under the root."""
CHUNK_ROWS_MIN = 10
"""Values in a chunk: one for each decile."""
_PROVEN_LEVEL = 0.01
"""Of six lengths one or another seems to prove it of independent rows in 4 % of columns."""
_FINEST_ROWS = 8
"""Chunks are halved as long as they hold as many: what resembles each other over less shows there
as well."""
_SHARE_MIN = 0.05
"""Half a decile: further out, shares vary too much by chance."""
_DECILES_ALIKE = 0.42
"""Mean squared correlation of the nine deciles' shares: of so many variances is their mean made."""


def dispersion_of(
    reference: FeatureBaseline, column: Numbers | Classes, order: TimeOrder
) -> Dispersion | None:
    r"""Compare the variance between time-ordered chunks with that of independent rows.

    Parameters
    ----------
    reference : the column's baseline
    column : its values; the first ones have the times of `order`

    Returns
    -------
    None where there are less than 20 chunks of 10 values.

    Notes
    -----
    Chunks are as long as the decision window, or as 20 of them allow. With the shares F of the
    reference up to its deciles, in chunks of L values

    .. math:: \hat\varphi_L = \operatorname{mean}_{deciles} \frac{L \operatorname{Var}(F_{chunk})}
                                                                 {F (1 - F)}

    Classes have no order that could be cumulated. Of their covariance between chunks, in multiples
    of what independent rows would have, the eigenvalues :math:`\lambda` tell how much more the
    directions vary in which chunks differ; with :math:`\hat\varphi_L = \sum \lambda^2 / \sum
    \lambda`, Satterthwaite's scale, Pearson's statistic is not too large too often [1]_. Products
    of estimates are corrected for their own variance. Rare classes are joined.

    Of lengths L, each half of the one before, with :math:`K_L` chunks each, and of 1

    .. math:: \varphi = \max_L \hat\varphi_L \Big/ \left(1 + \sqrt{2 \cdot 0.42 / (K_L - 1)}\right)

    if at least one of the estimates is larger than those of independent rows are in 1 %, else 1
    (`docs/decisions/0012-false-alarms.md`).

    Examples
    --------
    >>> reference = FeatureBaseline(kind="numeric", edges=(0.0, 1.0), decile_edges=(0.0,))
    >>> days = TimeOrder(np.arange(400) * 86_400_000)
    >>> steady = Numbers(np.resize([0.0, 1.0], 400))
    >>> dispersion_of(reference, steady, days)
    Dispersion(chunks=40, chunk_rows=10.0, phi=1.0)
    >>> moody = Numbers(np.repeat(np.resize([0.0, 0.0, 1.0], 40), 10))
    >>> round(dispersion_of(reference, moody, days).phi, 1)
    8.9

    References
    ----------
    .. [1] J. Rao, A. Scott, On chi-squared tests for multiway contingency tables with cell
       proportions estimated from survey data, Ann. Statist. 12, 1984.
    """
    cells, number = season_cells(reference, column)
    cells = cells[: order.rows]
    values = cells[cells != number - 1]
    window_rows = order.window_rows * len(values) / order.rows
    rows = int(min(max(window_rows, CHUNK_ROWS_MIN), len(values) / CHUNKS_MIN))
    if rows < CHUNK_ROWS_MIN:
        return None
    totals = np.bincount(values, minlength=number - 1)
    if isinstance(column, Numbers):
        groups, estimate = _decile_groups(totals), _of_order
    else:
        groups, estimate = pooled_groups(totals / len(values), rows), _of_classes
    number = int(groups.max()) + 1
    halvings = max(0, int(np.log2(rows / max(_FINEST_ROWS, number))))
    finest = rows >> halvings
    counted = _chunks(groups[values], number, finest, halvings) if number > 1 else []
    phi = _proven([estimate(counts) for counts in counted], [_freedom(c) for c in counted])
    chunk_rows = finest << halvings
    return Dispersion(chunks=len(values) // chunk_rows, chunk_rows=float(chunk_rows), phi=phi)


def _proven(estimates: Sequence[float], freedoms: Sequence[float]) -> float:
    """What estimates prove, given the degrees of freedom of each."""
    pairs = list(zip(estimates, freedoms, strict=True))
    if not any(estimate > chdtri(free, _PROVEN_LEVEL) / free for estimate, free in pairs):
        return 1.0
    return max(1.0, *(estimate / (1 + math.sqrt(2 / free)) for estimate, free in pairs))


def _decile_groups(totals: IntArray) -> IntArray:
    """Join neighbouring cells to ten at most, (cells,), cut as near to the deciles as can be."""
    reached = np.cumsum(totals) / totals.sum()
    inner = np.minimum(reached, 1 - reached)
    cuts = np.flatnonzero(inner >= min(_SHARE_MIN, float(inner.max())))
    deciles = np.arange(1, 10) / 10
    nearest = np.abs(reached[cuts, np.newaxis] - deciles).argmin(axis=0)
    chosen = np.unique(reached[cuts[nearest]])
    return np.searchsorted(chosen, np.append(0.0, reached[:-1]), side="right").astype(np.int64)


def _chunks(groups: IntArray, number: int, finest: int, halvings: int) -> list[IntArray]:
    """Count in chunks of `finest` rows, then of twice as many each time: (chunks, groups)."""
    chunks = len(groups) // (finest << halvings) << halvings
    places = np.arange(chunks * finest) // finest * number + groups[: chunks * finest]
    counted = [np.bincount(places, minlength=chunks * number).reshape(chunks, number)]
    for _ in range(halvings):
        counted.append(counted[-1][0::2] + counted[-1][1::2])
    return counted


def _freedom(counts: IntArray) -> float:
    """Degrees of freedom of an estimate: of a mean of variances that are alike."""
    return (len(counts) - 1) / _DECILES_ALIKE


def _of_order(counts: IntArray) -> float:
    """Estimate of chunks whose groups have an order."""
    rows = int(counts[0].sum())
    below: FloatArray = np.cumsum(counts[:, :-1], axis=1) / rows
    share = below.mean(axis=0)
    variance = share * (1 - share)
    varying = variance > 0.0
    if not varying.any():
        return 0.0
    return float(np.mean(rows * below.var(axis=0, ddof=1)[varying] / variance[varying]))


def _of_classes(counts: IntArray) -> float:
    """Estimate of chunks whose groups have none."""
    rows, free = int(counts[0].sum()), len(counts) - 1
    shares = counts / rows
    expected = shares.mean(axis=0)
    # A class without a row in any chunk has no variance.
    scaled = (shares - expected) * np.sqrt(rows / (free * np.where(expected > 0.0, expected, 1.0)))
    covariance = scaled.T @ scaled
    trace = float(np.trace(covariance))
    if trace == 0.0:
        return 0.0
    squares = float(np.square(covariance).sum()) - trace * trace / free
    return squares * free * free / ((free - 1) * (free + 2)) / trace
