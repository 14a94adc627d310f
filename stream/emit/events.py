"""Rows of a file as the bytes of events."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from stream.emit.columns import event_times, json_values, texts
from stream.emit.record import Record
from stream.emit.roles import Layout, MappingError
from stream.emit.tables import TableFile

Note = Callable[[str], None]

_PLAIN = ("prediction", "probability", "label", "latency_ms", "error")


def prediction_events(
    file: TableFile, layout: Layout, model: str, version: str, note: Note
) -> Iterator[list[Record]]:
    """Make prediction events of a file's rows, a batch at a time.

    Parameters
    ----------
    file
        Where the rows are.
    layout
        What each column is.
    model, version
        Whose predictions they are.
    note
        Told what had to be assumed, once each.

    Raises
    ------
    MappingError, ColumnError
        When a column can't be used.
    """
    if not {"prediction", "error"} & layout.roles.keys():
        raise MappingError(
            "no column is the prediction: name it with --map prediction=COLUMN"
            f" ({', '.join(layout.features[:20])})"
        )
    notes = _Once(note)
    columns = [*layout.roles.values(), *layout.features]
    for batch in file.batches(columns):
        common = _common_fields(batch, layout, notes)
        features = [json_values(name, batch.column(name)) for name in layout.features]
        base = {"model_name": model, "model_version": version}
        yield [
            _record(base, fields, dict(zip(layout.features, row, strict=True)))
            for fields, row in zip(common, _rows(features, batch.num_rows), strict=True)
        ]


def label_events(
    file: TableFile, layout: Layout, model: str | None, version: str | None, note: Note
) -> Iterator[list[Record]]:
    """Make label events of a file's rows; ``model`` and ``version`` restrict what they apply to.

    Raises
    ------
    MappingError, ColumnError
        When a column can't be used, or there is no id or label.
    """
    for role in ("id", "label"):
        if role not in layout.roles:
            raise MappingError(f"no column is the {role}: name it with --map {role}=COLUMN")
    notes = _Once(note)
    base = {"model_name": model} if model else {}
    base |= {"model_version": version} if version else {}
    for batch in file.batches(list(layout.roles.values())):
        records = [_record(base, fields, None) for fields in _common_fields(batch, layout, notes)]
        # A label that is missing says nothing; sent, it would be rejected.
        known = json_values("label", batch.column(layout.roles["label"]))
        kept = [
            record
            for record, label in zip(records, known, strict=True)
            if label is not None and label == label and record.key is not None  # noqa: PLR0124
        ]
        if len(kept) < len(records):
            notes.say("rows without an id or a label were left out")
        yield kept


def _common_fields(batch: pa.RecordBatch, layout: Layout, notes: "_Once") -> list[dict[str, Any]]:
    """Return every row's fields beside the features, missing ones left out."""
    roles = layout.roles
    columns: dict[str, Sequence[Any]] = {}
    if "id" in roles:
        columns["request_id"] = texts(roles["id"], batch.column(roles["id"]))
    if "timestamp" in roles:
        name = roles["timestamp"]
        columns["timestamp"], assumed = event_times(name, batch.column(name))
        if assumed:
            notes.say(f"the times in column {name} have no zone and were taken as UTC")
    for role in _PLAIN:
        if role in roles:
            columns[role] = json_values(roles[role], batch.column(roles[role]))
    names = tuple(columns)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in _rows(list(columns.values()), batch.num_rows)
    ]


def _rows(columns: Sequence[Sequence[Any]], rows: int) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else iter([()] * rows)


def _record(
    base: dict[str, str], fields: dict[str, Any], features: dict[str, Any] | None
) -> Record:
    event = {**base, **fields}
    if features:
        event["features"] = features
    request_id = fields.get("request_id")
    key = None if request_id is None else request_id.encode()
    return Record(fields.get("timestamp"), key, orjson.dumps(event))


class _Once:
    """Says each thing once."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._said: set[str] = set()

    def say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._note(what)
