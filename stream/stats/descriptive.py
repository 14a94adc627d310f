"""What a feature's values look like in one window, whatever the baseline's did."""

from stream.arrays import IntArray
from stream.stats.moments import mean_std
from stream.stats.outliers import outliers
from stream.stats.quantiles import quantiles
from stream.stats.reference import MISMATCH, MISSING, Reference

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def describe(
    reference: Reference,
    counts: IntArray,
    sums: tuple[int, int] | None = None,
    extremes: tuple[float, float] | None = None,
) -> dict[str, int | float]:
    """Describe one feature.

    Parameters
    ----------
    reference : compiled from the baseline that the window was counted with
    counts : (cells,) the window's count row
    sums : of a numeric feature: exact sums of values and of squares, in fixed point
    extremes : of a numeric feature: the exact smallest and largest value; not finite where it has
        no value

    Returns
    -------
    Figures by the contract's name; one that can't be computed is not there.

    Notes
    -----
    Rates are of `count`, missing values included.

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> import numpy as np
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("DE", "FR"), counts=(5, 4, 0, 0, 1))
    ... )
    >>> describe(reference, np.array([6, 1, 1, 0, 2]))
    {'count': 10, 'missing_rate': 0.2, 'type_mismatch_rate': 0.0, 'unseen_rate': 0.1}
    """
    count = int(counts.sum())
    figures: dict[str, int | float] = {"count": count}
    if count == 0:
        return figures
    figures["missing_rate"] = int(counts[MISSING]) / count
    figures["type_mismatch_rate"] = int(counts[MISMATCH]) / count
    if reference.tells_unseen:
        figures["unseen_rate"] = int(counts[-3]) / count
    if reference.numeric:
        below, above = outside(reference, counts)
        figures["below_range_rate"] = below / count
        figures["above_range_rate"] = above / count
        if reference.outlying is not None:
            figures["outlier_rate"] = outliers(counts[:MISMATCH], reference.outlying) / count
        figures |= _numeric(reference, counts, sums, extremes)
    return figures


def outside(reference: Reference, counts: IntArray) -> tuple[int, int]:
    """Count numeric values below the reference's minimum, and above its maximum."""
    below = int(counts[: reference.below + 1].sum())
    return below, int(counts[reference.above + 1 : MISMATCH].sum())


def _numeric(
    reference: Reference,
    counts: IntArray,
    sums: tuple[int, int] | None,
    extremes: tuple[float, float] | None,
) -> dict[str, int | float]:
    cumulated = counts[:MISMATCH].cumsum()
    n = int(cumulated[-1])
    if n == 0:
        return {}
    figures: dict[str, int | float] = {}
    if extremes is not None:
        # Adding 0 turns -0.0, which equals 0.0 and came first or not, into 0.0.
        figures["min"], figures["max"] = (float(value) + 0.0 for value in extremes)
        if sums is not None:
            moments = mean_std(
                *sums,
                n=n,
                scale_exponent=reference.baseline.scale_exponent,
                extremes=extremes,
            )
            if moments is not None:
                figures["mean"] = moments[0]
                if moments[1] is not None:
                    figures["std"] = moments[1]
    found = quantiles(
        cumulated, reference.uppers, reference.grid_range, list(QUANTILES.values()), extremes
    )
    figures |= {
        name: value for name, value in zip(QUANTILES, found, strict=True) if value is not None
    }
    return figures
