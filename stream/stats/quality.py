"""Data quality over all features of a window."""

from collections.abc import Iterable

from stream.arrays import IntArray
from stream.stats.descriptive import outside
from stream.stats.outliers import outliers
from stream.stats.reference import MISMATCH, MISSING, Reference


def quality_figures(features: Iterable[tuple[Reference, IntArray]]) -> dict[str, float]:
    """Shares of feature cells that are not as they should be.

    Parameters
    ----------
    features : reference and count row of each feature, without prediction and probability

    Returns
    -------
    `missing_rate` and `type_mismatch_rate` of all feature cells, one for each event and feature;
    `unseen_rate` of the cells of categorical features, `out_of_range_rate` of those of numeric
    ones, `outlier_rate` of those of numeric ones that have outlier fences. A rate of no cells is
    not there.

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> import numpy as np
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("DE", "FR"), counts=(5, 4, 0, 0, 1))
    ... )
    >>> quality_figures([(reference, np.array([6, 1, 1, 0, 2]))])
    {'missing_rate': 0.2, 'type_mismatch_rate': 0.0, 'unseen_rate': 0.1}
    """
    cells = missing = mismatched = 0
    named = unseen = numeric = out_of_range = fenced = far = 0
    for reference, counts in features:
        rows = int(counts.sum())
        cells += rows
        missing += int(counts[MISSING])
        mismatched += int(counts[MISMATCH])
        if reference.numeric:
            numeric += rows
            out_of_range += sum(outside(reference, counts))
            if reference.outlying is not None:
                fenced += rows
                far += outliers(counts[:MISMATCH], reference.outlying)
        elif reference.tells_unseen:
            named += rows
            unseen += int(counts[-3])
    figures: dict[str, float] = {}
    if cells:
        figures["missing_rate"] = missing / cells
        figures["type_mismatch_rate"] = mismatched / cells
    if named:
        figures["unseen_rate"] = unseen / named
    if numeric:
        figures["out_of_range_rate"] = out_of_range / numeric
    if fenced:
        figures["outlier_rate"] = far / fenced
    return figures
