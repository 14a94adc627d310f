"""Events of one model version to columns of numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np

from schemas.errors import Reason, Rejected
from schemas.events import LabelEvent, MeasurementEvent, Probability, error_type
from schemas.names import text_of_id
from schemas.timestamps import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, parse_timestamp_ms
from stream.arrays import BoolArray, FloatArray, IntArray
from stream.ingest.decode import DecodedEvent
from stream.sketches import cardinality
from stream.sketches.grid import MISMATCH
from stream.window.constraints import CONFIDENCE
from stream.window.delta import GridValues
from stream.window.layout import (
    FEATURE,
    POSITIVE_CLASS,
    PREDICTION,
    PROBABILITY,
    CategoricalColumn,
    GridLayout,
    NumericColumn,
    PresenceColumn,
)
from stream.window.segments import SegmentColumn

_NO_TIME = -1
_MINUTE_CHARACTERS = 17  # 2026-09-21T10:00:
_MINUTE_MS = 60_000
_NAME_CHARACTERS = 64
"""Values that are kept by name, of tags and of unseen categories, are cut at this length."""
_PRESENT, _MISMATCHED, _MISSING = range(3)
"""Cells of a presence row."""


@dataclass(slots=True)
class Times:
    """Event times of a batch, ms, shape ``(n,)``, and what is wrong with some of them."""

    times_ms: IntArray
    refused: dict[int, Rejected]


def event_times(
    events: Sequence[DecodedEvent] | Sequence[LabelEvent] | Sequence[MeasurementEvent],
    append_ms: IntArray,
    future_skew_ms_max: int,
) -> Times:
    """Read event times; an event without one takes its record's append time.

    Parameters
    ----------
    events : n events
    append_ms : (n,) append time of each event's record
    future_skew_ms_max : how far an event may lie ahead of its append time
    """
    raw: list[Any] = [event.timestamp for event in events]
    refused: dict[int, Rejected] = {}
    times = _numbers(raw)
    if times is None:
        minutes: dict[str, int] = {}
        times = np.fromiter(
            (_one_time(i, value, append_ms, refused, minutes) for i, value in enumerate(raw)),
            np.int64,
            len(raw),
        )
    odd = (
        (times < TIMESTAMP_MS_MIN)
        | (times > TIMESTAMP_MS_MAX)
        | (times > append_ms + future_skew_ms_max)
    )
    for i in np.flatnonzero(odd).tolist():
        if i not in refused:
            given = int(times[i]) if raw[i] is None else raw[i]
            refused[i] = _odd_time(given, int(times[i]), int(append_ms[i]))
    return Times(times, refused)


def _numbers(raw: Sequence[Any]) -> IntArray | None:
    """Milliseconds where all are numbers; numpy would also take digits in a string for one."""
    if not set(map(type, raw)) <= {int, float}:
        return None
    try:
        return np.array(raw, dtype=np.int64)
    except OverflowError:
        return None


def _one_time(
    i: int,
    value: Any,
    append_ms: IntArray,
    refused: dict[int, Rejected],
    minutes: dict[str, int],
) -> int:
    if value is None:
        return int(append_ms[i])
    if isinstance(value, str):
        known = _in_known_minute(value, minutes)
        if known is not None:
            return known
    parsed = parse_timestamp_ms(value)
    if isinstance(parsed, Rejected):
        refused[i] = parsed
        return _NO_TIME
    if isinstance(value, str) and value.endswith("Z"):
        minutes[value[:_MINUTE_CHARACTERS]] = parsed - parsed % _MINUTE_MS
    return parsed


def _in_known_minute(text: str, minutes: Mapping[str, int]) -> int | None:
    """Read a time in UTC whose minute was read before, fractions cut: ten times as fast."""
    minute_ms = minutes.get(text[:_MINUTE_CHARACTERS])
    if minute_ms is None or text[-1] != "Z" or not text.isascii():
        return None
    seconds, point, fraction = text[_MINUTE_CHARACTERS:-1].partition(".")
    if len(seconds) != 2 or not seconds.isdigit() or seconds[0] > "5":  # noqa: PLR2004
        return None
    if not point:
        return minute_ms + int(seconds) * 1000
    if not fraction.isdigit():
        return None
    return minute_ms + int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))


def _odd_time(given: Any, time_ms: int, append_ms: int) -> Rejected:
    parsed = parse_timestamp_ms(given)
    if isinstance(parsed, Rejected):
        return parsed
    ahead_s = (time_ms - append_ms) / 1000
    detail = f"timestamp is {ahead_s:.0f} s ahead of the record's append time"
    return Rejected(Reason.TIMESTAMP_IN_FUTURE, detail)


def grid_values(
    events: Sequence[DecodedEvent], names: Sequence[str], layout: GridLayout
) -> GridValues:
    """Place the values of n events in the cells of a layout.

    ``names`` are the features in the order of the fields of the events' feature struct.
    """
    numeric, positive = layout.numeric[: layout.plain], layout.positive_class
    matrix = numeric_matrix(events, names, numeric, positive)
    values = GridValues(matrix, {})
    for column in layout.categorical:
        cells, unseen = category_cells(_values_of(events, names, column), column)
        values.cells[column.row] = cells
        if unseen:
            values.unseen[column.row] = unseen
    if (summed := layout.estimates) is not None:
        at = summed.probability
        scores = class_scores(events, summed.classes) if at is None else matrix[at : at + 1]
        sums = summed.sums(scores, values.cells[summed.prediction_row])
        values.estimates[summed.id] = sums
    if not layout.presence:
        return values
    described = [matrix]
    for present in layout.presence:
        raw = _values_of(events, names, present)
        if present.describer is None:
            values.cells[present.row] = _id_cells(raw)
            ids = [text_of_id(v) for v in raw if type(v) in (str, int)]
            values.registers[present.row] = cardinality.registers_of(ids)
        else:
            rows = present.describer.matrix(raw)
            described.append(rows)
            values.cells[present.row] = _presence_cells(rows)
    return replace(values, matrix=np.vstack(described))


def _presence_cells(described: FloatArray) -> IntArray:
    """Cells of a column by what its descriptors say, shape ``(descriptors, n)``."""
    cells = np.full(described.shape[1], _PRESENT, dtype=np.int64)
    cells[np.isnan(described).all(axis=0)] = _MISSING
    cells[np.isinf(described).any(axis=0)] = _MISMATCHED
    return cells


def _id_cells(values: Sequence[Any]) -> IntArray:
    kinds = {type(None): _MISSING, str: _PRESENT, int: _PRESENT}
    return np.array([kinds.get(type(value), _MISMATCHED) for value in values], dtype=np.int64)


def json_values(
    events: Sequence[DecodedEvent], names: Sequence[str] | None, name: str
) -> list[Any]:
    """Values of a feature as they came; or of an output, where no feature has its name.

    ``names`` as in :func:`grid_values`; None where the events' features are dicts.
    """
    if names is not None and name in names:
        field = f"f{list(names).index(name)}"
        return [getattr(event.features, field, None) for event in events]
    if name == PREDICTION:
        return [event.prediction for event in events]
    if name in (PROBABILITY, CONFIDENCE):
        pick = _confidence if name == CONFIDENCE else _positive
        return [pick(event.probability) for event in events]
    if names is not None:
        return [None] * len(events)
    return [None if event.features is None else event.features.get(name) for event in events]


def segment_values(
    events: Sequence[DecodedEvent], names: Sequence[str] | None, column: SegmentColumn
) -> list[Any]:
    """Values by which events are split."""
    return (
        json_values(events, names, column.name)
        if column.tag is None
        else tag_values(events, column.tag)
    )


def tag_values(events: Sequence[DecodedEvent], tag: str) -> list[str | None]:
    """Values of a tag; None where there is none."""
    return [None if event.tags is None else event.tags.get(tag) for event in events]


def frequencies(values: Sequence[str | None]) -> dict[str, int]:
    """How often each value came."""
    counts = Counter(value[:_NAME_CHARACTERS] for value in values if value is not None)
    return dict(counts)


def _positive(
    probability: Probability | None, positive_class: str = POSITIVE_CLASS
) -> float | None:
    return probability.get(positive_class) if isinstance(probability, Mapping) else probability


def _confidence(probability: Probability | None) -> float | None:
    """Probability of the predicted class."""
    if isinstance(probability, Mapping):
        return max((p for p in probability.values() if p is not None), default=None)
    return None if probability is None else max(probability, 1 - probability)


def _values_of(
    events: Sequence[DecodedEvent],
    names: Sequence[str],
    column: CategoricalColumn | PresenceColumn,
) -> list[Any]:
    if column.role == FEATURE:
        field = f"f{list(names).index(column.name)}"
        return [getattr(event.features, field, None) for event in events]
    return [event.prediction for event in events]


def class_scores(events: Sequence[DecodedEvent], classes: Sequence[str]) -> FloatArray:
    """Probabilities of classes that come as objects, shape ``(classes, n)``; NaN where missing."""
    rows: list[Any] = [event.probability for event in events]
    try:
        each = chain.from_iterable(map(itemgetter(*classes), rows))
        flat = np.fromiter(each, np.float64, len(rows) * len(classes))
    except (KeyError, TypeError):  # a class without a number, or no object
        objects = [row if isinstance(row, Mapping) else {} for row in rows]
        return np.array([[row.get(name) for row in objects] for name in classes], dtype=np.float64)
    return np.ascontiguousarray(flat.reshape(len(rows), len(classes)).T)


def numeric_matrix(
    events: Sequence[DecodedEvent],
    names: Sequence[str],
    columns: Sequence[NumericColumn],
    positive_class: str = POSITIVE_CLASS,
) -> FloatArray:
    """Values of numeric columns, shape ``(columns, n)``: NaN missing, infinite mismatched.

    ``names`` are the features in the order of the fields of the events' feature struct.
    """
    out = np.empty((len(columns), len(events)))
    features = [k for k, column in enumerate(columns) if column.role == FEATURE]
    if features:
        position = {name: i for i, name in enumerate(names)}
        fields = [position[columns[k].name] for k in features]
        out[features] = _feature_values(events, len(names), fields)
    for k, column in enumerate(columns):
        if column.role != FEATURE:
            out[k] = (
                _predictions(events)
                if column.role == PREDICTION
                else positive_probabilities(events, positive_class)
            )
    return out


def _feature_values(
    events: Sequence[DecodedEvent], width: int, fields: Sequence[int]
) -> FloatArray:
    rows = [event.features for event in events]
    none = (None,) * width
    astuple = msgspec.structs.astuple
    tuples = [none if row is None else astuple(row) for row in rows]
    if len(fields) == width:
        flat = np.fromiter(chain.from_iterable(tuples), np.float64, len(rows) * width)
        return np.ascontiguousarray(flat.reshape(len(rows), width).T[list(fields)])
    cells = [[row[i] for row in tuples] for i in fields]
    flat = np.fromiter(chain.from_iterable(cells), np.float64, len(rows) * len(fields))
    return flat.reshape(len(fields), len(rows))


def _predictions(events: Sequence[DecodedEvent]) -> FloatArray:
    return np.array([_as_number(event.prediction) for event in events])


def positive_probabilities(events: Sequence[DecodedEvent], positive_class: str) -> FloatArray:
    """Probabilities of the positive class, shape ``(n,)``; NaN where there is none."""
    raw = [event.probability for event in events]
    try:
        return np.array(raw, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([_positive(p, positive_class) for p in raw], dtype=np.float64)


def _as_number(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, list | str):
        return MISMATCH
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a float holds counts as missing
        return float("nan")


def category_cells(
    values: Sequence[Any], column: CategoricalColumn
) -> tuple[IntArray, dict[str, int]]:
    """Cells of a categorical column, shape ``(n,)``, and how often each unseen value occurred."""
    codes = column.codes
    unseen: dict[str, int] = {}
    try:
        cells = [codes.get(value, -1) for value in values]
    except TypeError:  # an array or an object among the values
        cells = [-1 if isinstance(v, list | dict) else codes.get(v, -1) for v in values]
    out = np.array(cells, dtype=np.int64)
    for i in np.flatnonzero(out < 0).tolist():
        value = values[i]
        if value is None:
            out[i] = column.missing
        elif isinstance(value, str) or column.counts_numbers:
            if isinstance(value, list | dict):
                out[i] = column.mismatch
                continue
            out[i] = column.unseen
            name = str(value)[:_NAME_CHARACTERS]
            unseen[name] = unseen.get(name, 0) + 1
        else:
            out[i] = column.mismatch
    return out, unseen


def latencies_ms(events: Sequence[DecodedEvent]) -> FloatArray:
    """Latencies in ms, shape ``(n,)``; NaN where there is none."""
    return np.array([event.latency_ms for event in events], dtype=np.float64)


def has_error(events: Sequence[DecodedEvent]) -> BoolArray:
    """Which requests failed, shape ``(n,)``."""
    return np.array([event.error is not None for event in events], dtype=np.bool_)


def error_types(events: Sequence[DecodedEvent]) -> list[str]:
    """Type of each failed request's error; an object without a type counts as ``other``."""
    return [error_type(event.error or "") for event in events]
