"""One column, of any kind, to its reference, with what its time order tells."""

import msgspec

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Column, Numbers, as_classes
from stream.baseline.described import describe_column
from stream.baseline.dispersion import dispersion_of
from stream.baseline.features import categorical_baseline, numeric_baseline
from stream.baseline.seasons import seasons_of
from stream.baseline.times import TimeOrder

_CLASS_KINDS = (FeatureKind.CATEGORICAL, FeatureKind.BOOLEAN)


def reference_of(
    name: str, column: Column, kind: FeatureKind, order: TimeOrder | None = None
) -> FeatureBaseline:
    """Make the reference of a column.

    Parameters
    ----------
    name : of the column, for errors
    column : its values, in time order where there is one
    kind : one that the values can be of (`stream.baseline.kinds`)
    order : times of its first rows; None without time order

    Raises
    ------
    BaselineError
        For numbers beyond 1e150.

    Notes
    -----
    Texts, embeddings, sets and ids have a presence row, and the first three a numeric reference for
    each descriptor. A constant is counted as its value is.

    Examples
    --------
    >>> import numpy as np
    >>> reference = reference_of("x", Numbers(np.array([3.0, 3.0])), FeatureKind.CONSTANT)
    >>> reference.kind.value, reference.mean, reference.std
    ('constant', 3.0, 0.0)
    """
    if isinstance(column, Numbers) and kind in _CLASS_KINDS:
        column = as_classes(column)
    if isinstance(column, Numbers) and kind is not FeatureKind.ID:
        return numeric_reference(name, column, kind, order)
    if isinstance(column, Classes) and kind in {*_CLASS_KINDS, FeatureKind.CONSTANT}:
        return _over_time(categorical_baseline(column, kind), column, order)
    described = describe_column(name, column, kind)
    descriptors = {
        descriptor: numeric_reference(f"{name}.{descriptor}", numbers, order=order)
        for descriptor, numbers in described.columns.items()
    }
    return msgspec.structs.replace(described.reference, descriptors=descriptors)


def numeric_reference(
    name: str,
    numbers: Numbers,
    kind: FeatureKind = FeatureKind.NUMERIC,
    order: TimeOrder | None = None,
    further_edges: FloatArray | None = None,
) -> FeatureBaseline:
    """Make the reference of a column of numbers; parameters as `numeric_baseline` has them."""
    reference = numeric_baseline(name, numbers, kind=kind, further_edges=further_edges)
    return _over_time(reference, numbers, order)


def _over_time(
    reference: FeatureBaseline, column: Numbers | Classes, order: TimeOrder | None
) -> FeatureBaseline:
    if order is None:
        return reference
    return msgspec.structs.replace(
        reference,
        dispersion=dispersion_of(reference, column, order),
        seasons=seasons_of(reference, column, order),
    )
