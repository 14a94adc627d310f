"""One column to its baseline."""

import math
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Numbers
from stream.baseline.edges import decile_edges, doane_edges, grid_edges, value_edges
from stream.baseline.errors import BaselineError
from stream.sketches.grid import NumericGrid, category_cells, category_codes
from stream.sketches.sums import scale_exponent

CATEGORIES_MAX = 1024
"""Categories with cells of their own: 4 KiB of counts a pane at most."""
OTHER_CATEGORIES_MAX = 8192
"""Rarer values that are told apart from unseen ones; they share one cell."""
CATEGORIES_BYTES_MAX = 65_536
"""UTF-8 bytes of either: a dozen such features fit a Kafka message of 1 MB."""
MAGNITUDE_MAX = 1e150
"""Squares of larger numbers leave the floats."""
_HEADROOM_BITS = 44
"""Values up to 64 times the baseline's largest stay within the 2**50 units of the exact sums."""


def numeric_baseline(
    name: str,
    numbers: Numbers,
    *,
    kind: FeatureKind = FeatureKind.NUMERIC,
    further_edges: FloatArray | None = None,
) -> FeatureBaseline:
    """Grid, counts and moments of a column of numbers.

    Parameters
    ----------
    name : of the column, for errors
    numbers : its values
    kind : numeric, discrete (each value has a cell of its own, also among the deciles') or constant
    further_edges : edges its grid must have, ascending

    Raises
    ------
    BaselineError
        For numbers beyond 1e150.
    """
    values = numbers.values
    low, high = float(values[0]), float(values[-1])
    size = max(abs(low), abs(high))
    check_magnitude(name, size)
    discrete = kind is FeatureKind.DISCRETE
    deciles = value_edges(values) if discrete else decile_edges(values)
    doane = doane_edges(values)
    further = [] if further_edges is None else [further_edges]
    edges = grid_edges(values, deciles, doane, *further)
    mean = math.fsum(values) / len(values)
    std = math.sqrt(math.fsum((values - mean) ** 2) / (len(values) - 1)) if low < high else 0.0
    exponent = scale_exponent(std or size)
    if size > 0:
        exponent = max(exponent, math.frexp(size)[1] - _HEADROOM_BITS)
    reference = FeatureBaseline(
        kind=kind,
        missing_count=numbers.missing,
        edges=tuple(edges.tolist()),
        decile_edges=tuple(deciles.tolist()),
        doane_edges=tuple(doane.tolist()),
        scale_exponent=exponent,
        mean=mean,
        std=std,
        min=low,
        max=high,
    )
    counts = NumericGrid.from_baseline(reference).count_sorted(
        np.append(values, np.full(numbers.missing, np.nan))
    )
    return _with_counts(reference, counts.tolist())


def check_magnitude(name: str, size: float) -> None:
    """Refuse numbers that can't be squared.

    Raises
    ------
    BaselineError
        For sizes beyond 1e150.
    """
    if size > MAGNITUDE_MAX:
        raise BaselineError(
            f"column `{name}` holds {size:g}, beyond {MAGNITUDE_MAX:g}: correct it or ignore it"
        )


def categorical_baseline(
    classes: Classes, kind: FeatureKind = FeatureKind.CATEGORICAL
) -> FeatureBaseline:
    """Categories and counts of a column of classes.

    Parameters
    ----------
    classes : the class of each row
    kind : categorical, constant or boolean, which has the classes 0 and 1 even where one never
        occurred; so has a constant boolean

    Notes
    -----
    The most frequent classes, then the first by name, have cells of their own
    (`CATEGORIES_MAX`); the next ones are named, so that a window's can be told from unseen ones,
    and share the cell `other` (`OTHER_CATEGORIES_MAX`). Rows of classes beyond both lie in the
    cell `unseen`, as a window's would; `unseen_rate` is absent then
    (`Reference.tells_unseen`).
    """
    counts = {category: count for category, count in classes.counts.items() if count}
    if kind is FeatureKind.BOOLEAN or (kind is FeatureKind.CONSTANT and classes.boolean):
        counts = {"0": 0, "1": 0} | counts
    order = most_frequent_first(counts)
    own = bounded(order, CATEGORIES_MAX)
    other = bounded(order[len(own) :], OTHER_CATEGORIES_MAX)
    reference = FeatureBaseline(
        kind=kind,
        missing_count=classes.missing,
        categories=tuple(sorted(own)),
        other_categories=tuple(sorted(other)),
    )
    codes = category_codes(reference.categories, reference.other_categories)
    cells = [0] * category_cells(reference)
    for category, count in counts.items():
        cells[codes.get(category, len(cells) - 3)] += count
    cells[-1] = classes.missing
    return _with_counts(reference, cells)


def most_frequent_first(counts: Mapping[str, int]) -> list[str]:
    """Names by falling count, those of one count in their own order."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def bounded(names: Iterable[str], number_max: int) -> list[str]:
    """First names, as many as a baseline may hold, also in bytes (`CATEGORIES_BYTES_MAX`)."""
    kept: list[str] = []
    size = 0
    for name in names:
        size += len(name.encode())
        if len(kept) == number_max or size > CATEGORIES_BYTES_MAX:
            break
        kept.append(name)
    return kept


def _with_counts(reference: FeatureBaseline, counts: list[int]) -> FeatureBaseline:
    return msgspec.structs.replace(reference, counts=tuple(counts))
