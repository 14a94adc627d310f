"""Rows of a file as label events: the ground truth, and delayed figures such as a rating."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from stream.emit.columns import figure_values
from stream.emit.events import Note, Once, common_fields, record_of, rows_of
from stream.emit.record import Record
from stream.emit.roles import MappingError, layout_of, nearest
from stream.emit.tables import TableFile

LABEL_ROLES = ("id", "label", "timestamp")
_EVENT_FIELDS = {"label", "metrics"}
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LabelLayout:
    """What each column of a file of labels is.

    Attributes
    ----------
    roles
        Role to column; `id` is there, and `label` where there are no figures.
    figures
        Name to column: what becomes the `metrics` of label events.
    unused
        All other columns, in the file's order. They say nothing about the truth.
    """

    roles: Mapping[str, str]
    figures: Mapping[str, str]
    unused: tuple[str, ...]

    def sentence(self) -> str:
        """Say which column is what, for a person."""
        said = [f"{role} from {column}" for role, column in self.roles.items()]
        said += [f"metric {name} from {column}" for name, column in self.figures.items()]
        if self.unused:
            said.append(f"without {', '.join(self.unused[:_SHOWN])}")
        return ", ".join(said)


def label_layout(
    columns: Sequence[str], mapped: Mapping[str, str], figures: Mapping[str, str]
) -> LabelLayout:
    """Decide what each column of a file of labels is.

    Parameters
    ----------
    columns
        The file's columns, in order.
    mapped
        Role to column, as asked.
    figures
        Name of a figure to column, as asked.

    Raises
    ------
    MappingError
        When a column that is asked for is not there, or no column is the id, or neither a label
        nor a figure is there; the message names the columns that could be it.
    """
    for column in figures.values():
        if column not in columns:
            raise MappingError(f"there is no column {column!r}: {nearest(column, columns)}")
    # A figure has no role by its name; one that is asked for it may have, too.
    free = [column for column in figures.values() if column not in mapped.values()]
    layout = layout_of(columns, mapped, free, LABEL_ROLES)
    candidates = ", ".join(layout.features[:_SHOWN]) or "there is no other column"
    if "id" not in layout.roles:
        raise MappingError(f"no column is the id: name it with --map id=COLUMN ({candidates})")
    if "label" not in layout.roles and not figures:
        raise MappingError(
            f"no column is the label: name it with --map label=COLUMN ({candidates}),"
            " or send figures with --metric NAME=COLUMN"
        )
    return LabelLayout(layout.roles, dict(figures), layout.features)


def label_events(
    file: TableFile, layout: LabelLayout, model: str | None, version: str | None, note: Note
) -> Iterator[list[Record]]:
    """Make label events of a file's rows, a batch at a time.

    Rows that have no id, or neither a label nor a figure, are left out: as events they would be
    rejected.

    Parameters
    ----------
    file
        Where the rows are.
    layout
        What each column is.
    model, version
        Restrict to which predictions the labels apply.
    note
        Told what had to be assumed, once each, and in the end how many rows were left out.

    Raises
    ------
    ColumnError
        When a column can't be used.
    """
    base = {"model_name": model} if model else {}
    base |= {"model_version": version} if version else {}
    notes = Once(note)
    left_out = 0
    columns = list(dict.fromkeys([*layout.roles.values(), *layout.figures.values()]))
    for batch in file.batches(columns):
        events = [
            event
            for fields, figures in zip(
                common_fields(batch, layout.roles, notes), _figures(batch, layout), strict=True
            )
            if (event := _label(base, fields, figures))
        ]
        left_out += batch.num_rows - len(events)
        yield [record_of(event) for event in events]
    if left_out:
        note(f"{left_out:,} of {file.rows:,} rows left out: no id, or no label")


def _figures(batch: pa.RecordBatch, layout: LabelLayout) -> list[dict[str, Any]]:
    columns = [figure_values(name, batch.column(name)) for name in layout.figures.values()]
    return [
        {
            name: value
            for name, value in zip(layout.figures, row, strict=True)
            if value is not None and value == value  # noqa: PLR0124  # NaN is missing
        }
        for row in rows_of(columns, batch.num_rows)
    ]


def _label(
    base: Mapping[str, str], fields: Mapping[str, Any], figures: Mapping[str, float]
) -> dict[str, Any] | None:
    """Return a row's event, None where it says nothing."""
    label = fields.get("label")
    if label != label:  # noqa: PLR0124  # NaN is missing
        label = None
    if "request_id" not in fields or (label is None and not figures):
        return None
    event = {**base, **fields}
    if label is None:
        event.pop("label", None)
    if figures:
        event["metrics"] = figures
    return event


def are_events(line: bytes) -> bool:
    """Tell whether a JSON line is a label event already, by its fields; else it is a row.

    Examples
    --------
    >>> are_events(b'{"request_id": "r-1", "label": 1}'), are_events(b'{"id": "r-1", "label": 1}')
    (True, False)
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, list) or (
        isinstance(value, dict) and "request_id" in value and bool(value.keys() & _EVENT_FIELDS)
    )
