"""How numeric features vary together, from sums of their values and of products of pairs.

Values are standardised by the baseline, z = (x - mean) / std, 0 where missing, clipped at 8 and
counted in 64ths: whole numbers, whose sums are exact and do not depend on order.
"""

import math
from dataclasses import dataclass

import numpy as np

from schemas.baselines import SecondMoments
from stream.arrays import BoolArray, FloatArray, IntArray

UNITS = 64
"""A 64th of a standard deviation: rounding adds 2e-5 to a variance of 1."""
CLIP = 8.0
"""Standard deviations: one far value must not decide what varies with what."""
ROWS_MAX = 2**13
"""Rows taken at once: products are at most 2**18, so sums stay below 2**31, exact in a float."""
_STEPS_MAX = 2**18
"""Of one multiplication of matrices. BLAS spreads longer ones over threads, which spin between
calls: of 22 features and 5,000 rows that took 15 ms of CPU instead of 0.3."""
VARIANCE_SHARE = 0.65
"""Of the variance that the principal components cover; NannyML's default."""
LIMIT_STDS = 3.0
"""Standard deviations from the mean to a limit: one in a thousand of a normal distribution."""
_VARIANCE_MIN = 1e-9
"""A feature with less does not vary: smaller than one unit's step in 100,000 rows."""


def second_moments(z: FloatArray) -> tuple[IntArray, IntArray]:
    """Sums of standardised values, and of products of pairs.

    Parameters
    ----------
    z : (d, n) standardised values, not finite where missing

    Returns
    -------
    sums : (d,) in 64ths
    products : (d (d + 1) / 2,) in 64ths squared: the upper triangle by rows

    Notes
    -----
    Whole numbers of at most 512 are multiplied and added as floats, because BLAS does that fast;
    nothing is rounded, since no sum reaches 2**53 (`ROWS_MAX`).

    Examples
    --------
    >>> sums, products = second_moments(np.array([[1.0, -1.0, np.nan], [0.5, 20.0, 0.0]]))
    >>> sums.tolist(), products.tolist()
    ([0, 544], [8192, -30720, 263168])
    """
    d, n = z.shape
    sums = np.zeros(d, dtype=np.int64)
    products = np.zeros((d, d), dtype=np.int64)
    for first in range(0, n, ROWS_MAX):
        block = z[:, first : first + ROWS_MAX]
        units = np.rint(np.clip(np.where(np.isfinite(block), block, 0.0), -CLIP, CLIP) * UNITS)
        sums += units.sum(axis=1).astype(np.int64)
        products += _products(units)
    triangle: IntArray = products[np.triu_indices(d)]
    return sums, triangle


def _products(units: FloatArray) -> IntArray:
    """Sums of products of pairs of rows of whole numbers, shape ``(d, n)``, as ``(d, d)``."""
    d, n = units.shape
    block_rows = max(1, _STEPS_MAX // max(1, d * d))
    whole = n - n % block_rows
    blocks = units[:, :whole].reshape(d, whole // block_rows, block_rows).transpose(1, 0, 2)
    rest = units[:, whole:]
    products: FloatArray = (blocks @ blocks.transpose(0, 2, 1)).sum(axis=0) + rest @ rest.T
    return products.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceMoments:
    """Second moments of a baseline, compiled for comparing many windows with them.

    Attributes
    ----------
    moments : what it was compiled from
    means : (d,) of z
    residual : (d, d) projection on what the principal components leave out
    components : number of principal components
    correlations : (d, d); 0 where a feature does not vary
    varies : (d,) whether a feature does
    reconstruction_error : the reference's own
    """

    moments: SecondMoments
    means: FloatArray
    residual: FloatArray
    components: int
    correlations: FloatArray
    varies: BoolArray
    reconstruction_error: float

    @classmethod
    def from_moments(cls, moments: SecondMoments) -> "ReferenceMoments":
        """Compile a baseline's moments.

        Raises
        ------
        ValueError
            When the sums are not of as many features as there are names, or of no rows.
        """
        sums, products = np.array(moments.sums), np.array(moments.products)
        if moments.rows < 1:
            raise ValueError("the baseline's moments are of no rows: build it again")
        means, squares = _per_row(len(moments.features), moments.rows, sums, products)
        covariance = squares - np.outer(means, means)
        values, vectors = np.linalg.eigh(covariance)
        reached = np.cumsum(values[::-1])
        components = int(np.searchsorted(reached, VARIANCE_SHARE * reached[-1])) + 1
        kept = vectors[:, ::-1][:, :components]
        residual = np.eye(len(means)) - kept @ kept.T
        correlations, varies = _correlations(covariance)
        return cls(
            moments=moments,
            means=means,
            residual=residual,
            components=components,
            correlations=correlations,
            varies=varies,
            reconstruction_error=_trace(residual, covariance),
        )


def multivariate_figures(
    reference: ReferenceMoments, rows: int, sums: IntArray, products: IntArray
) -> dict[str, float]:
    r"""How a window's features vary together, compared with the reference.

    Parameters
    ----------
    reference : of the baseline that z was standardised by
    rows : n rows were summed
    sums, products : of them, see `second_moments`

    Returns
    -------
    `reconstruction_error` and `correlation_shift`; `reconstruction_error_limit` and
    `correlation_shift_limit`, above which they are more than chance, where the baseline has time
    order. Empty without rows; without the correlations where fewer than two features vary.

    Notes
    -----
    With P the projection on the principal components that cover 65 % of the reference's variance,
    S the window's second moments about the reference's mean, and R correlations:

    .. math:: \mathrm{tr}((I - P) S), \qquad \frac{\|R_c - R_r\|_F}{k (k - 1) / 2}

    over the k features that vary in both. The limits are the mean without drift, and 3 standard
    deviations, both over the reference's chunks, so that they allow for rows that resemble their
    neighbours. The mean of the error is the reference's own; that of the shift is what chance
    makes. In a window of fewer rows than a chunk chance makes more, by the root of their ratio; in
    a longer one it is not taken to make less, since what chunks vary by may last.

    Examples
    --------
    >>> z = np.array([[1.0, -1.0, 0.5, -0.5], [1.0, -1.0, -0.5, 0.5]])
    >>> sums, products = (part.tolist() for part in second_moments(z))
    >>> reference = ReferenceMoments.from_moments(
    ...     SecondMoments(
    ...         features=("a", "b"),
    ...         means=(0.0, 0.0),
    ...         stds=(1.0, 1.0),
    ...         rows=4,
    ...         sums=tuple(sums),
    ...         products=tuple(products),
    ...     )
    ... )
    >>> figures = multivariate_figures(reference, 4, *second_moments(np.array([z[0], -z[1]])))
    >>> {name: round(value, 6) for name, value in figures.items()}
    {'reconstruction_error': 1.0, 'correlation_shift': 1.697056}
    """
    if rows == 0:
        return {}
    means, squares = _per_row(len(reference.means), rows, sums, products)
    figures: dict[str, float] = {}
    moments = reference.moments
    wider = max(1.0, math.sqrt(moments.chunk_rows / rows))
    leaves_out = reference.components < len(reference.means)
    if leaves_out:
        about_reference = squares - _crossed(reference.means, means)
        figures["reconstruction_error"] = _trace(reference.residual, about_reference)
    if leaves_out and moments.reconstruction_error_std is not None:
        spread = LIMIT_STDS * wider * moments.reconstruction_error_std
        figures["reconstruction_error_limit"] = reference.reconstruction_error + spread
    compared = _compared(reference, squares - np.outer(means, means))
    pairs = len(compared.before) * (len(compared.before) - 1) / 2
    if pairs:
        change = float(np.linalg.norm(compared.after - compared.before))
        figures["correlation_shift"] = change / pairs
        mean, std = moments.correlation_shift_mean, moments.correlation_shift_std
        if mean is not None and std is not None:
            figures["correlation_shift_limit"] = wider * (mean + LIMIT_STDS * std)
    return figures


@dataclass(frozen=True, slots=True)
class CorrelationChange:
    """Correlation of two features, in the reference and in a window."""

    first: str
    second: str
    before: float
    after: float


def strongest_changes(
    reference: ReferenceMoments, rows: int, sums: IntArray, products: IntArray, number_max: int = 5
) -> list[CorrelationChange]:
    """Pairs of features whose correlation changed most, the strongest first.

    Parameters
    ----------
    reference, rows, sums, products : as for `multivariate_figures`
    number_max : bound on the number of pairs

    Examples
    --------
    >>> z = np.array([[1.0, -1.0, 0.5, -0.5], [1.0, -1.0, -0.5, 0.5]])
    >>> sums, products = (part.tolist() for part in second_moments(z))
    >>> reference = ReferenceMoments.from_moments(
    ...     SecondMoments(
    ...         features=("a", "b"),
    ...         means=(0.0, 0.0),
    ...         stds=(1.0, 1.0),
    ...         rows=4,
    ...         sums=tuple(sums),
    ...         products=tuple(products),
    ...     )
    ... )
    >>> (change,) = strongest_changes(reference, 4, *second_moments(np.array([z[0], -z[1]])))
    >>> change.first, change.second, round(change.before, 6), round(change.after, 6)
    ('a', 'b', 0.6, -0.6)
    """
    if rows == 0:
        return []
    means, squares = _per_row(len(reference.means), rows, sums, products)
    compared = _compared(reference, squares - np.outer(means, means))
    first, second = np.triu_indices(len(compared.names), k=1)
    changes = np.abs(compared.after - compared.before)[first, second]
    order = np.argsort(-changes, kind="stable")[:number_max]
    return [
        CorrelationChange(
            compared.names[i],
            compared.names[j],
            float(compared.before[i, j]),
            float(compared.after[i, j]),
        )
        for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Compared:
    """Features that vary in both, and their (k, k) correlations in the reference and a window."""

    names: list[str]
    before: FloatArray
    after: FloatArray


def _compared(reference: ReferenceMoments, covariance: FloatArray) -> _Compared:
    after, varies = _correlations(covariance)
    both = np.flatnonzero(varies & reference.varies)
    names = [reference.moments.features[i] for i in both.tolist()]
    chosen = np.ix_(both, both)
    return _Compared(names, reference.correlations[chosen], after[chosen])


def _per_row(
    d: int, rows: int, sums: IntArray, products: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Means of z, shape (d,), and of its products, shape (d, d)."""
    triangle = np.triu_indices(d)
    if len(sums) != d or len(products) != len(triangle[0]):
        raise ValueError(
            f"there are {len(sums)} sums and {len(products)} products for {d} features: "
            f"give {d} and {len(triangle[0])}"
        )
    squares = np.empty((d, d))
    squares[triangle] = products / (rows * UNITS**2)
    squares.T[triangle] = squares[triangle]
    return sums / (rows * UNITS), squares


def _correlations(covariance: FloatArray) -> tuple[FloatArray, BoolArray]:
    variances = np.diagonal(covariance)
    varies = variances > _VARIANCE_MIN
    scales = np.where(varies, 1 / np.sqrt(np.where(varies, variances, 1.0)), 0.0)
    return np.clip(covariance * np.outer(scales, scales), -1.0, 1.0), varies


def _crossed(about: FloatArray, means: FloatArray) -> FloatArray:
    """What second moments about 0 have more than those about another point."""
    crossed = np.outer(about, means)
    return crossed + crossed.T - np.outer(about, about)


def _trace(residual: FloatArray, moments: FloatArray) -> float:
    return max(0.0, float(np.sum(residual * moments)))
