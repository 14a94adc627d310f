"""Rows of a file as the bytes of prediction events, and what label events share with them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from stream.emit.columns import event_times, json_values, label_values, texts
from stream.emit.record import Record
from stream.emit.roles import Layout, MappingError
from stream.emit.tables import TableFile

Note = Callable[[str], None]

_PLAIN = ("prediction", "probability", "latency_ms", "error")


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
    notes = Once(note)
    columns = [*layout.roles.values(), *layout.features]
    for batch in file.batches(columns):
        common = common_fields(batch, layout.roles, notes)
        features = [json_values(name, batch.column(name)) for name in layout.features]
        base = {"model_name": model, "model_version": version}
        yield [
            _prediction(base, fields, dict(zip(layout.features, row, strict=True)))
            for fields, row in zip(common, rows_of(features, batch.num_rows), strict=True)
        ]


def _prediction(base: dict[str, str], fields: dict[str, Any], features: dict[str, Any]) -> Record:
    event: dict[str, Any] = {**base, **fields}
    if features:
        event["features"] = features
    return record_of(event)


def common_fields(
    batch: pa.RecordBatch, roles: Mapping[str, str], notes: "Once"
) -> list[dict[str, Any]]:
    """Return every row's fields beside features and figures, missing ones left out.

    Parameters
    ----------
    batch
        Has a column for each role.
    roles
        Role to column.
    notes
        Told what had to be assumed.
    """
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
    if "label" in roles:
        columns["label"] = label_values(roles["label"], batch.column(roles["label"]))
    names = tuple(columns)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in rows_of(list(columns.values()), batch.num_rows)
    ]


def rows_of(columns: Sequence[Sequence[Any]], rows: int) -> Iterator[tuple[Any, ...]]:
    """Turn columns into rows; ``rows`` counts them where there is no column."""
    return zip(*columns, strict=True) if columns else iter([()] * rows)


def record_of(event: Mapping[str, Any]) -> Record:
    """Write an event as it is sent, keyed by its request id."""
    request_id = event.get("request_id")
    key = None if request_id is None else request_id.encode()
    return Record(event.get("timestamp"), key, orjson.dumps(event))


class Once:
    """Says each thing once."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._said: set[str] = set()

    def say(self, what: str) -> None:
        """Say it, unless it was said."""
        if what not in self._said:
            self._said.add(what)
            self._note(what)
