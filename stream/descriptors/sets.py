"""Sets of strings as numbers: how large they are, and how much of them the reference knows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stream.arrays import FloatArray
from stream.sketches.grid import MISMATCH

SET_DESCRIPTORS = ("coverage", "size", "unseen_share")
_NAN = float("nan")
_MISSING = (_NAN,) * len(SET_DESCRIPTORS)
_MISMATCHED = (MISMATCH,) * len(SET_DESCRIPTORS)


def describe_sets(values: Sequence[Any], vocabulary: frozenset[str], known_max: int) -> FloatArray:
    """Describe sets.

    Parameters
    ----------
    values : n JSON values; of an item that is there twice one counts, and nulls are passed over
    vocabulary : the items that are known
    known_max : items of the whole vocabulary; more than `vocabulary` has where a set of the
        reference itself is described, in which items of its own are not known

    Returns
    -------
    (3, n) in the order of `SET_DESCRIPTORS`: known items ÷ items of the vocabulary; items; items
    that are not known ÷ items. NaN where the value is missing, and the share of an empty set;
    infinite where it is no array of strings.

    Examples
    --------
    >>> vocabulary = frozenset({"rock", "jazz"})
    >>> describe_sets([["jazz", "pop"], [], None, [1]], vocabulary, 2).T.tolist()
    [[0.5, 2.0, 0.5], [0.0, 0.0, nan], [nan, nan, nan], [inf, inf, inf]]
    """
    rows = []
    for value in values:
        items = _items(value)
        if items is None:
            rows.append(_MISSING if value is None else _MISMATCHED)
            continue
        size, known = len(items), len(items & vocabulary)
        coverage = known / known_max if known_max else _NAN
        rows.append((coverage, size, (size - known) / size if size else _NAN))
    return np.array(rows, dtype=np.float64).reshape(-1, len(SET_DESCRIPTORS)).T


def _items(value: Any) -> set[str] | None:
    if value.__class__ is not list:
        return None
    try:
        items = set(value)
    except TypeError:  # an array or an object among the items
        return None
    items.discard(None)
    return items if all(item.__class__ is str for item in items) else None
