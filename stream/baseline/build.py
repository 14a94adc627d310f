"""Build a baseline from reference data. Pure: the same data gives the same baseline and id."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from schemas.baselines import Baseline, FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.columns import Numbers, as_table, read_column, time_range_ms
from stream.baseline.edges import probability_edges
from stream.baseline.errors import BaselineError
from stream.baseline.features import categorical_baseline, numeric_baseline
from stream.baseline.roles import assign_roles

ROWS_MIN = 2
FEATURES_MAX = 1000
CLASSES_MAX = 32
"""Predictions of at most so many whole numbers are classes, of more a quantity."""
_CLASS_KINDS = (FeatureKind.CATEGORICAL, FeatureKind.BOOLEAN)
_NUMBER_KINDS = (FeatureKind.NUMERIC, FeatureKind.DISCRETE)


def build_baseline(
    data: Any,
    *,
    model_name: str,
    model_version: str,
    roles: Mapping[str, str] | None = None,
    ignored: Iterable[str] = (),
    kinds: Mapping[str, FeatureKind] | None = None,
    features_max: int = FEATURES_MAX,
    provisional: bool = False,
) -> Baseline:
    """Reduce reference data to a baseline.

    Parameters
    ----------
    data : a pyarrow Table, or a mapping of names to arrays of n values
    model_name, model_version : whose it is
    roles : role (`id timestamp prediction probability label`) to column; a role that is not there
        is the column's of that name, if any
    ignored : columns that are no features
    kinds : kind of a column, where it is not what its values are; `ignore` leaves it out. Columns
        that are not there are passed over
    features_max : bound on the number of features
    provisional : whether it was learned from traffic

    Raises
    ------
    BaselineError
        For data that no baseline can be made of, naming the column.

    Notes
    -----
    Numbers are numeric, also where they have few values (each frequent one has its own cell),
    strings categorical, booleans boolean. The prediction is categorical where it holds strings,
    booleans or at most 32 different whole numbers, else numeric. The label makes no part of it.

    Examples
    --------
    >>> baseline = build_baseline(
    ...     {"age": [31, 44, None], "prediction": [True, False, True]},
    ...     model_name="credit",
    ...     model_version="3",
    ... )
    >>> baseline.features["age"].missing_count, baseline.prediction.categories
    (1, ('0', '1'))
    """
    table = as_table(data)
    kinds = dict(kinds or {})
    dropped = {name for name, kind in kinds.items() if kind == FeatureKind.IGNORE}
    dropped &= set(table.column_names)
    assigned = assign_roles(table.column_names, roles, [*ignored, *dropped])
    _check_size(table.num_rows, assigned.features, features_max)
    features = {name: _feature(table, name, kinds.get(name)) for name in assigned.features}
    prediction = _prediction(table, assigned.prediction, kinds)
    probability = _probability(table, assigned.probability)
    if not features and prediction is None and probability is None:
        raise BaselineError("there is no feature, prediction or probability in the data: add one")
    start_ms, end_ms = _time_range(table, assigned.timestamp)
    return Baseline(
        model_name=model_name,
        model_version=model_version,
        rows=table.num_rows,
        start_ms=start_ms,
        end_ms=end_ms,
        provisional=provisional,
        features=features,
        prediction=prediction,
        probability=probability,
    )


def _check_size(rows: int, features: tuple[str, ...], features_max: int) -> None:
    if rows < ROWS_MIN:
        found = "one row" if rows else "no rows"
        raise BaselineError(f"the data has {found}: give at least {ROWS_MIN}, better thousands")
    if len(features) > features_max:
        raise BaselineError(
            f"the data has {len(features)} features, more than {features_max}: ignore some"
        )


def _feature(table: Any, name: str, kind: FeatureKind | None) -> FeatureBaseline:
    if kind is not None and kind not in _CLASS_KINDS + _NUMBER_KINDS:
        raise BaselineError(f"column `{name}`: features of kind {kind} have no baseline; ignore it")
    column = read_column(table, name, as_classes=kind in _CLASS_KINDS)
    if isinstance(column, Numbers):
        return numeric_baseline(name, column, kind=kind or FeatureKind.NUMERIC)
    if kind in _NUMBER_KINDS:
        raise BaselineError(f"column `{name}` holds no numbers, so it can't be {kind}")
    boolean = (column.boolean and kind is None) or kind is FeatureKind.BOOLEAN
    if boolean and (wrong := sorted(set(column.counts) - {"0", "1"})):
        raise BaselineError(f"column `{name}` holds {wrong[0]!r}, so it can't be boolean")
    return categorical_baseline(column, boolean=boolean)


def _prediction(
    table: Any, name: str | None, kinds: Mapping[str, FeatureKind]
) -> FeatureBaseline | None:
    if name is None:
        return None
    if name in kinds:
        return _feature(table, name, kinds[name])
    column = read_column(table, name)
    if isinstance(column, Numbers):
        distinct = np.unique(column.values)
        if len(distinct) > CLASSES_MAX or np.any(distinct != np.rint(distinct)):
            return numeric_baseline(name, column)
        column = read_column(table, name, as_classes=True)
    assert not isinstance(column, Numbers)
    return categorical_baseline(column)


def _probability(table: Any, name: str | None) -> FeatureBaseline | None:
    if name is None:
        return None
    column = read_column(table, name)
    if not isinstance(column, Numbers):
        raise BaselineError(f"column `{name}` holds no numbers, so it can't be the probability")
    low, high = float(column.values[0]), float(column.values[-1])
    if low < 0 or high > 1:
        wrong = low if low < 0 else high
        raise BaselineError(
            f"column `{name}` holds {wrong:g}, but probabilities lie between 0 and 1: "
            "map the role `probability` to another column"
        )
    return numeric_baseline(name, column, further_edges=probability_edges())


def _time_range(table: Any, name: str | None) -> tuple[int, int] | tuple[None, None]:
    found = None if name is None else time_range_ms(table, name)
    return found or (None, None)
