"""Build a baseline from reference data. Pure: the same data gives the same baseline and id."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from schemas.baselines import Baseline, FeatureBaseline, SecondMoments, encode_baseline
from schemas.features import FeatureKind
from schemas.topics import MESSAGE_BYTES_MAX
from stream.baseline.columns import Column, Numbers, as_table, is_readable, read_column
from stream.baseline.edges import probability_edges
from stream.baseline.errors import BaselineError
from stream.baseline.kinds import kind_of, prediction_kind
from stream.baseline.moments import moment_features, moments_of
from stream.baseline.references import numeric_reference, reference_of
from stream.baseline.roles import Roles, assign_roles
from stream.baseline.times import TimeOrder, in_time_order

ROWS_MIN = 2
FEATURES_MAX = 1000
_NAMED_MAX = 5
"""Columns that a sentence names."""
_KEY_BYTES = 1024
"""Kept free in a message for its key and headers."""


def no_notes(_note: str) -> None:
    """Leave a note unread."""


def build_baseline(
    data: Any,
    *,
    model_name: str,
    model_version: str,
    roles: Mapping[str, str] | None = None,
    ignored: Iterable[str] = (),
    kinds: Mapping[str, FeatureKind] | None = None,
    features_max: int = FEATURES_MAX,
    bytes_max: int = MESSAGE_BYTES_MAX - _KEY_BYTES,
    provisional: bool = False,
    tell: Callable[[str], None] = no_notes,
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
    bytes_max : bound on the JSON, which is one Kafka message
    provisional : whether it was learned from traffic
    tell : gets a sentence for each thing that was left out though nobody asked for it

    Raises
    ------
    BaselineError
        For data that no baseline can be made of, naming the column.

    Notes
    -----
    What a column is, `stream.baseline.kinds` says. A column without any value is left out. Where
    there is a timestamp, rows are put in its order, and the baseline knows how it varies over time.
    Seasons are left out where the JSON would be too long with them. The label makes no part of it.

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
    _check_types(table, assigned)
    start_ms = end_ms = order = None
    if assigned.timestamp is not None:
        table, times_ms = in_time_order(table, assigned.timestamp)
        if len(times_ms):
            start_ms, end_ms = int(times_ms[0]), int(times_ms[-1])
            order = TimeOrder(times_ms) if end_ms > start_ms else None
    features = _features(table, assigned.features, kinds, order, tell)
    prediction = _prediction(table, assigned.prediction, kinds, order, tell)
    probability = _probability(table, assigned.probability, order, tell)
    if not features and prediction is None and probability is None:
        raise BaselineError(
            "there is no feature, prediction or probability with values in the data: add one"
        )
    baseline = Baseline(
        model_name=model_name,
        model_version=model_version,
        rows=table.num_rows,
        start_ms=start_ms,
        end_ms=end_ms,
        provisional=provisional,
        features=features,
        prediction=prediction,
        probability=probability,
        moments=_moments(table, features, order),
    )
    return _fitting(baseline, bytes_max, tell)


def _check_size(rows: int, features: tuple[str, ...], features_max: int) -> None:
    if rows < ROWS_MIN:
        found = "one row" if rows else "no rows"
        raise BaselineError(f"the data has {found}: give at least {ROWS_MIN}, better thousands")
    if len(features) > features_max:
        raise BaselineError(
            f"the data has {len(features):,} features, more than {features_max:,}: ignore some"
        )


def _check_types(table: Any, assigned: Roles) -> None:
    """Refuse columns of types that nothing can be made of, all in one sentence."""
    read = [*assigned.features, *filter(None, (assigned.prediction, assigned.probability))]
    wrong = {name: table.schema.field(name).type for name in read}
    wrong = {name: kind for name, kind in wrong.items() if not is_readable(kind)}
    if wrong:
        name = next(iter(wrong))
        others = f" ({_named(list(wrong)[1:])} neither)" if len(wrong) > 1 else ""
        raise BaselineError(
            f"column `{name}` holds values of type {_short(wrong[name])}, of which no feature can "
            f"be made{others}: give it a role, or ignore it"
        )


def _features(
    table: Any,
    names: Iterable[str],
    kinds: Mapping[str, FeatureKind],
    order: TimeOrder | None,
    tell: Callable[[str], None],
) -> dict[str, FeatureBaseline]:
    features = {}
    empty = []
    for name in names:
        column = read_column(table, name)
        if column is None:
            empty.append(name)
            continue
        kind = kind_of(name, column, kinds.get(name))
        features[name] = reference_of(name, column, kind, order)
    if empty:
        has = "column {} has" if len(empty) == 1 else "columns {} have"
        tell(f"{has.format(_named(empty))} no value: left out")
    for name, of in features.items():
        for descriptor in of.descriptors:
            if f"{name}.{descriptor}" in features:
                raise BaselineError(
                    f"column `{name}.{descriptor}` has the name of a descriptor of column "
                    f"`{name}`: rename or ignore it"
                )
    return features


def _prediction(
    table: Any,
    name: str | None,
    kinds: Mapping[str, FeatureKind],
    order: TimeOrder | None,
    tell: Callable[[str], None],
) -> FeatureBaseline | None:
    column = _role_column(table, name, "prediction", tell)
    if name is None or column is None:
        return None
    given = kinds.get(name)
    kind = prediction_kind(column) if given is None else kind_of(name, column, given)
    return reference_of(name, column, kind, order)


def _probability(
    table: Any, name: str | None, order: TimeOrder | None, tell: Callable[[str], None]
) -> FeatureBaseline | None:
    column = _role_column(table, name, "probability", tell)
    if name is None or column is None:
        return None
    if not isinstance(column, Numbers):
        raise BaselineError(
            f"column `{name}` holds no numbers, so it can't be the probability: map the role "
            "`probability` to another column"
        )
    low, high = float(column.values[0]), float(column.values[-1])
    if low < 0 or high > 1:
        wrong = low if low < 0 else high
        raise BaselineError(
            f"column `{name}` holds {wrong:g}, but probabilities lie between 0 and 1: "
            "map the role `probability` to another column"
        )
    return numeric_reference(name, column, order=order, further_edges=probability_edges())


def _role_column(
    table: Any, name: str | None, role: str, tell: Callable[[str], None]
) -> Column | None:
    if name is None:
        return None
    column = read_column(table, name)
    if column is None:
        tell(f"column `{name}` has no value: the baseline has no {role}")
    return column


def _moments(
    table: Any, features: Mapping[str, FeatureBaseline], order: TimeOrder | None
) -> SecondMoments | None:
    names = moment_features(features)
    columns = [read_column(table, name) for name in names]
    numbers = [column.ordered for column in columns if isinstance(column, Numbers)]
    return moments_of({name: features[name] for name in names}, numbers, order)


def _fitting(baseline: Baseline, bytes_max: int, tell: Callable[[str], None]) -> Baseline:
    """Leave seasons out where the JSON is too long with them."""
    size = len(encode_baseline(baseline))
    if size <= bytes_max:
        return baseline
    bare = msgspec.structs.replace(
        baseline,
        features={name: _without_seasons(of) for name, of in baseline.features.items()},
        prediction=baseline.prediction and _without_seasons(baseline.prediction),
        probability=baseline.probability and _without_seasons(baseline.probability),
    )
    size = len(encode_baseline(bare))
    if size > bytes_max:
        raise BaselineError(
            f"the baseline of {len(baseline.features):,} features takes {size:,} bytes, but a "
            f"message holds {bytes_max:,}: ignore some features"
        )
    tell("with hours of the week the baseline would not fit a message: left them out")
    return bare


def _without_seasons(reference: FeatureBaseline) -> FeatureBaseline:
    descriptors = {name: _without_seasons(of) for name, of in reference.descriptors.items()}
    return msgspec.structs.replace(reference, seasons=(), descriptors=descriptors)


def _short(kind: Any) -> str:
    """Name a type; a nested one without what it consists of."""
    return re.split(r"[<\[]", str(kind))[0]


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_NAMED_MAX])
    rest = len(names) - _NAMED_MAX
    return f"{shown} and {rest} more" if rest > 0 else shown
