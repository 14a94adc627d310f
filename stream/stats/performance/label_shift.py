"""Drift of the label itself: the population stability index against the baseline's labels."""

from collections.abc import Mapping

import numpy as np

from stream.arrays import IntArray
from stream.stats.drift.psi import psi
from stream.stats.reference import MISMATCH, Reference


def class_label_psi(reference: Reference, supports: Mapping[str, int]) -> float | None:
    """Index of labels that are classes.

    Parameters
    ----------
    reference : of the baseline's labels
    supports : labelled requests by actual class

    Returns
    -------
    None where there are no labels here or there, or the baseline's are numbers.

    Notes
    -----
    The cells are those of a categorical feature: the baseline's classes, the rest of them in one,
    and classes that it has not in another (`stream.stats.drift.psi`).

    Examples
    --------
    >>> from schemas.baselines import FeatureBaseline
    >>> reference = Reference.from_baseline(
    ...     FeatureBaseline(kind="categorical", categories=("0", "1"), counts=(50, 50, 0, 0, 0))
    ... )
    >>> round(class_label_psi(reference, {"0": 30, "1": 70}), 4)
    0.1695
    """
    if reference.numeric or not reference.total:
        return None
    baseline = reference.baseline
    cells = {name: i for i, name in enumerate(baseline.categories)}
    cells |= dict.fromkeys(baseline.other_categories, len(baseline.categories))
    counts = np.zeros(reference.cells + MISMATCH, dtype=np.int64)
    for name, n in supports.items():
        counts[cells.get(name, -1)] += n
    return _psi(reference, reference.tested.of(np.cumsum(counts)))


def numeric_label_psi(reference: Reference, counts: IntArray) -> float | None:
    """Index of labels that are numbers.

    Parameters
    ----------
    reference : of the baseline's labels
    counts : (k,) labels by cell between the baseline's deciles, the first and the last open

    Returns
    -------
    None where there are no labels here or there, or the baseline's are classes.

    Raises
    ------
    ValueError
        When there are more or fewer cells than the deciles make.

    Examples
    --------
    >>> from stream.baseline.build import build_baseline
    >>> data = {"y": np.arange(1000.0)}
    >>> baseline = build_baseline(data, model_name="m", model_version="1").features["y"]
    >>> numeric_label_psi(Reference.from_baseline(baseline), np.full(10, 25)) < 1e-5
    True
    """
    if not reference.numeric or not reference.total:
        return None
    if len(counts) != len(reference.tested.shares):
        raise ValueError(
            f"labels are counted in {len(counts)} cells, but the baseline's deciles make"
            f" {len(reference.tested.shares)}: count them by its decile edges"
        )
    return _psi(reference, counts)


def _psi(reference: Reference, tested: IntArray) -> float | None:
    n = int(tested.sum())
    return psi(tested / n, reference.tested.shares) if n else None
