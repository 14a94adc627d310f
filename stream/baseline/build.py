"""Build a baseline from reference data. Pure: the same data gives the same baseline and id."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import pyarrow as pa
from msgspec import UNSET

from schemas.baselines import Baseline, FeatureBaseline, SecondMoments, encode_baseline
from schemas.features import FeatureKind
from schemas.models import Task
from schemas.topics import MESSAGE_BYTES_MAX
from stream.baseline.columns import Numbers, as_table, is_readable, read_column
from stream.baseline.edges import probability_edges
from stream.baseline.errors import BaselineError
from stream.baseline.figures import figure_means
from stream.baseline.kinds import kind_of, prediction_kind
from stream.baseline.moments import moment_features, moments_of
from stream.baseline.performance import performance_of
from stream.baseline.references import numeric_reference, reference_of
from stream.baseline.roles import Roles, assign_roles
from stream.baseline.segments import segment_counts
from stream.baseline.times import TimeOrder, in_time_order
from stream.window.segments import frequent_values

Segments = Literal["auto"] | tuple[str, ...]

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
    segments: Segments = (),
    task: Task = Task.AUTO,
    positive_class: str = "1",
    figures: Mapping[str, str] = MappingProxyType({}),
    tell: Callable[[str], None] = no_notes,
) -> Baseline:
    """Reduce reference data to a baseline.

    Parameters
    ----------
    data : a pyarrow Table, or a mapping of names to arrays of n values
    model_name, model_version : whose it is
    roles, ignored : role to column, see `stream.baseline.roles`; columns that are no features
    kinds : of columns that are not what their values are; `ignore` leaves one out
    features_max : bound on the number of features
    bytes_max : bound on the JSON, which is one Kafka message
    provisional : whether it was learned from traffic
    segments : as configured: features by whose values figures will be split, or `auto`
    task, positive_class : as configured: what the model does, and what its probability is of
    figures : column of each figure that events or labels bring along, by its name: no features
    tell : gets a sentence for each thing that was left out though nobody asked for it

    Raises
    ------
    BaselineError
        For data that no baseline can be made of, naming the column.

    Notes
    -----
    What a column is, `stream.baseline.kinds` says; one without any value is left out. With a
    timestamp rows are put in its order, and the baseline knows how it varies over time, by season
    unless the JSON would be too long; with labels, how well the model does.

    Examples
    --------
    >>> baseline = build_baseline(
    ...     {"age": [31, None], "prediction": [True, False]}, model_name="credit", model_version="3"
    ... )
    >>> baseline.features["age"].missing_count, baseline.prediction.categories
    (1, ('0', '1'))
    """
    left_out = [*ignored, *figures.values()]
    source = _prepared(data, roles, left_out, dict(kinds or {}), features_max, positive_class, tell)
    features = _features(source)
    baseline = Baseline(
        model_name=model_name,
        model_version=model_version,
        rows=source.table.num_rows,
        start_ms=source.start_ms,
        end_ms=source.end_ms,
        provisional=provisional,
        features=features,
        prediction=_prediction(source, source.roles.prediction),
        probability=_probability(source, source.roles.probability),
        moments=_moments(source, features),
        figures=figure_means(source.table, figures) or UNSET,
    )
    baseline = _with_performance(_checked(baseline), source, task, positive_class)
    return _fitting(_with_segments(baseline, source, segments), bytes_max, tell)


def _checked(baseline: Baseline) -> Baseline:
    if not baseline.features and baseline.prediction is None and baseline.probability is None:
        raise BaselineError(
            "there is no feature, prediction or probability with values in the data: add one"
        )
    return baseline


def _with_performance(
    baseline: Baseline, source: "_Source", task: Task, positive_class: str
) -> Baseline:
    name, predicted = source.roles.label, source.roles.prediction
    if name is None or baseline.provisional:  # in a sample of traffic a label is but a feature
        return baseline
    readable = is_readable(source.table.schema.field(name).type)
    label = read_column(source.table, name) if readable else None
    prediction = None if predicted is None else read_column(source.table, predicted)
    if label is None or prediction is None or baseline.prediction is None:
        missing = f"column `{name}` has no label" if label is None else "there is no prediction"
        source.tell(f"{missing}: the baseline has no performance")
        return baseline
    found = performance_of(
        prediction,
        baseline.prediction.kind,
        label,
        _probabilities(source, positive_class),
        task=task,
        positive_class=positive_class,
        tell=source.tell,
    )
    return baseline if found is None else msgspec.structs.replace(baseline, performance=found)


def _probabilities(source: "_Source", positive_class: str) -> dict[str, Numbers]:
    """Probabilities of classes: of the positive one, or of all."""
    columns = source.roles.class_probabilities
    if source.roles.probability is not None:
        columns = {positive_class: source.roles.probability}
    found = {}
    for name, column in columns.items():
        numbers = _probability_column(source, column)
        if numbers is not None:
            found[name] = numbers
    return found


def _with_segments(baseline: Baseline, source: "_Source", configured: Segments) -> Baseline:
    values = frequent_values(configured, baseline, {})
    roles = {"prediction": source.roles.prediction, "probability": source.roles.probability}
    columns = {role: column for role, column in roles.items() if column is not None}
    counts = segment_counts(source.table, baseline, columns, values)
    return msgspec.structs.replace(baseline, segments=counts)


@dataclass(frozen=True, slots=True)
class _Source:
    """The table, in time order where it has one, and what was said about it."""

    table: Any
    roles: Roles
    kinds: Mapping[str, FeatureKind]
    order: TimeOrder | None
    start_ms: int | None
    end_ms: int | None
    tell: Callable[[str], None]


def _prepared(
    data: Any,
    mapped: Mapping[str, str] | None,
    ignored: Iterable[str],
    kinds: Mapping[str, FeatureKind],
    features_max: int,
    positive_class: str,
    tell: Callable[[str], None],
) -> _Source:
    table = _with_class_columns(as_table(data), (mapped or {}).get("probability", "probability"))
    dropped = {name for name, kind in kinds.items() if kind == FeatureKind.IGNORE}
    dropped &= set(table.column_names)
    roles = assign_roles(table.column_names, mapped, [*ignored, *dropped])
    roles = _with_positive(roles, positive_class)
    _check_size(table.num_rows, roles.features, features_max)
    _check_types(table, roles)
    times_ms = None
    if roles.timestamp is not None:
        table, times_ms = in_time_order(table, roles.timestamp)
    start_ms, end_ms = (None, None) if times_ms is None else times_ms[[0, -1]].tolist()
    return _Source(table, roles, kinds, TimeOrder.of(times_ms), start_ms, end_ms, tell)


def _with_class_columns(table: Any, name: str) -> Any:
    """Make columns of the members of probabilities that are objects."""
    place = table.schema.get_field_index(name)
    if place < 0 or not pa.types.is_struct(table.schema.field(place).type):
        return table
    objects = table[name].combine_chunks()
    for field, values in zip(objects.type, objects.flatten(), strict=True):
        table = table.append_column(f"{name}.{field.name}", values)
    return table.remove_column(place)


def _with_positive(roles: Roles, positive_class: str) -> Roles:
    """Of two classes, the probability is that of the positive one."""
    of_two = roles.class_probabilities
    if roles.probability is not None or len(of_two) != 2 or positive_class not in of_two:  # noqa: PLR2004
        return roles
    return replace(roles, probability=of_two[positive_class], class_probabilities={})


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
    outputs = [assigned.prediction, assigned.probability, *assigned.class_probabilities.values()]
    read = [*assigned.features, *filter(None, outputs)]
    wrong = {name: table.schema.field(name).type for name in read}
    wrong = {name: kind for name, kind in wrong.items() if not is_readable(kind)}
    if wrong:
        name = next(iter(wrong))
        others = f" ({_named(list(wrong)[1:])} neither)" if len(wrong) > 1 else ""
        raise BaselineError(
            f"column `{name}` holds values of type {_short(wrong[name])}, of which no feature can "
            f"be made{others}: give it a role, or ignore it"
        )


def _features(source: _Source) -> dict[str, FeatureBaseline]:
    features = {}
    empty = []
    for name in source.roles.features:
        column = read_column(source.table, name)
        if column is None:
            empty.append(name)
            continue
        kind = kind_of(name, column, source.kinds.get(name))
        features[name] = reference_of(name, column, kind, source.order)
    if empty:
        has = "column {} has" if len(empty) == 1 else "columns {} have"
        source.tell(f"{has.format(_named(empty))} no value: left out")
    for name, of in features.items():
        for descriptor in of.descriptors:
            if f"{name}.{descriptor}" in features:
                raise BaselineError(
                    f"column `{name}.{descriptor}` has the name of a descriptor of column "
                    f"`{name}`: rename or ignore it"
                )
    return features


def _prediction(source: _Source, name: str | None) -> FeatureBaseline | None:
    if name is None:
        return None
    column = read_column(source.table, name)
    if column is None:
        source.tell(f"column `{name}` has no value: the baseline has no prediction")
        return None
    given = source.kinds.get(name)
    kind = prediction_kind(column) if given is None else kind_of(name, column, given)
    return reference_of(name, column, kind, source.order)


def _probability(source: _Source, name: str | None) -> FeatureBaseline | None:
    if name is None:
        return None
    numbers = _probability_column(source, name)
    if numbers is None:
        source.tell(f"column `{name}` has no value: the baseline has no probability")
        return None
    return numeric_reference(name, numbers, order=source.order, further_edges=probability_edges())


def _probability_column(source: _Source, name: str) -> Numbers | None:
    """Read probabilities; None where there are none."""
    column = read_column(source.table, name)
    if column is None:
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
    return column


def _moments(source: _Source, features: Mapping[str, FeatureBaseline]) -> SecondMoments | None:
    names = moment_features(features)
    columns = [read_column(source.table, name) for name in names]
    numbers = [column.ordered for column in columns if isinstance(column, Numbers)]
    return moments_of({name: features[name] for name in names}, numbers, source.order)


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
            f"the baseline takes {size:,} bytes, but a message holds {bytes_max:,}: ignore some of "
            f"its {len(baseline.features):,} features"
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
