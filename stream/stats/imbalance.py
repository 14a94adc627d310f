"""How unevenly predictions fall on the classes."""

from stream.arrays import IntArray
from stream.stats.reference import Reference


def class_imbalance(reference: Reference, counts: IntArray) -> float | None:
    """Share of the largest class, divided by the smallest's.

    Parameters
    ----------
    reference : of a categorical prediction
    counts : (cells,) the window's count row

    Returns
    -------
    At least 1. None for numeric predictions and for fewer than two classes; and where a class was
    not predicted at all, since the ratio has no value then: a class that disappears shows in the
    drift of the prediction.

    Notes
    -----
    Classes are those of the reference that it has rows of. Unseen ones, and rare ones that share a
    cell (`other_categories`), are none.

    Examples
    --------
    >>> import numpy as np
    >>> from schemas.baselines import FeatureBaseline
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("no", "yes"), counts=(9, 1, 0, 0, 0))
    ... )
    >>> class_imbalance(reference, np.array([80, 20, 0, 0, 0]))
    4.0
    """
    if reference.numeric:
        return None
    classes = reference.cells - 3 - bool(reference.baseline.other_categories)
    known = counts[:classes][reference.counts[:classes] > 0]
    if len(known) <= 1 or int(known.min()) == 0:
        return None
    return float(known.max() / known.min())
