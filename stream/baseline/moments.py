"""How the numeric features of the reference vary together."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from schemas.baselines import FeatureBaseline, SecondMoments
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.times import TimeOrder
from stream.stats.multivariate import ReferenceMoments, multivariate_figures, second_moments

MOMENT_FEATURES_MAX = 64
"""Features whose pairs are summed: 2,080 products a pane."""
CHUNKS_MIN = 20
"""Chunks from which on a standard deviation is taken: it is good to 16 % then."""
_CHUNKS_MAX = 200
"""More chunks would make it good to less than 5 %, for nothing."""
_CHUNK_ROWS_MIN = 50
"""Correlations of fewer rows are noise: 1 / sqrt(50) is 0.14."""


def moment_features(features: Mapping[str, FeatureBaseline]) -> tuple[str, ...]:
    """Name the features that are summed: the first 64 by name that are numbers and vary.

    Examples
    --------
    >>> moment_features({
    ...     "b": FeatureBaseline(kind=FeatureKind.NUMERIC, std=1.0),
    ...     "a": FeatureBaseline(kind=FeatureKind.DISCRETE, std=1.0),
    ...     "c": FeatureBaseline(kind=FeatureKind.CONSTANT, std=0.0),
    ... })
    ('a', 'b')
    """
    numbers = (FeatureKind.NUMERIC, FeatureKind.DISCRETE)
    varying = [name for name, of in features.items() if of.kind in numbers and of.std]
    return tuple(sorted(varying)[:MOMENT_FEATURES_MAX])


def moments_of(
    features: Mapping[str, FeatureBaseline],
    columns: Sequence[FloatArray],
    order: TimeOrder | None = None,
) -> SecondMoments | None:
    """Sum standardised features and the products of pairs.

    Parameters
    ----------
    features : d references by name, as `moment_features` names them
    columns : their d columns, (rows,) each, in time order where there is one; NaN where missing
    order : times of the first rows; None without time order

    Returns
    -------
    None for fewer than two features.

    Notes
    -----
    `reconstruction_error_std` and `correlation_shift_std` are standard deviations over at least 20
    chunks of the rows in their order, as long as the decision window where that gives so many, of
    50 rows at least; of more than 200 chunks, 200 that lie evenly.

    Examples
    --------
    >>> names = {name: FeatureBaseline(kind="numeric", mean=1.0, std=0.5) for name in "ab"}
    >>> moments_of(names, [np.array([1.0, 2.0]), np.array([np.nan, 1.5])]).products
    (16384, 8192, 4096)
    """
    if len(features) < 2:  # noqa: PLR2004
        return None
    means = tuple(of.mean for of in features.values() if of.mean is not None)
    stds = tuple(of.std for of in features.values() if of.std)
    z = (np.stack(columns) - np.array([means]).T) * (1.0 / np.array([stds]).T)
    sums, products = second_moments(z)
    moments = SecondMoments(
        features=tuple(features),
        means=means,
        stds=stds,
        rows=z.shape[1],
        sums=tuple(sums.tolist()),
        products=tuple(products.tolist()),
    )
    return moments if order is None else _with_chunks(moments, z, order)


def _with_chunks(moments: SecondMoments, z: FloatArray, order: TimeOrder) -> SecondMoments:
    rows = int(min(order.window_rows, order.rows / CHUNKS_MIN))
    if rows < _CHUNK_ROWS_MIN:
        return moments
    reference = ReferenceMoments.from_moments(moments)
    number = min(_CHUNKS_MAX, order.rows // rows)
    starts = np.linspace(0, order.rows - rows, number).astype(np.int64)
    figures = [
        multivariate_figures(reference, rows, *second_moments(z[:, start : start + rows]))
        for start in starts.tolist()
    ]
    shifts = [of["correlation_shift"] for of in figures if "correlation_shift" in of]
    shift_std = _std(shifts)
    return msgspec.structs.replace(
        moments,
        reconstruction_error_std=_std(
            [of["reconstruction_error"] for of in figures if "reconstruction_error" in of]
        ),
        correlation_shift_mean=None if shift_std is None else float(np.mean(shifts)),
        correlation_shift_std=shift_std,
        chunk_rows=float(rows),
    )


def _std(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) >= CHUNKS_MIN else None
