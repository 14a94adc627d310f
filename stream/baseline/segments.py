"""The reference of segments: what a baseline's own rows look like in each part of the traffic.

A segment is compared with the same segment of the baseline. Beside the whole of it every segment
that is unlike the others would have drifted from the first window on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from schemas.baselines import Baseline, FeatureBaseline
from stream.arrays import IntArray
from stream.baseline.columns import (
    Classes,
    Column,
    Numbers,
    Sets,
    Vectors,
    as_classes,
    read_column,
)
from stream.baseline.described import describe_column
from stream.sketches.grid import NumericGrid, category_codes
from stream.stats.reference import Reference
from stream.window.layout import PREDICTION, reference_rows
from stream.window.segments import compile_segments

_PRESENT, _MISSING = 0, 2
"""Cells of a presence row; no row of a reference is mismatched."""

Counts = dict[str, tuple[tuple[int, ...], ...]]


def segment_counts(
    table: Any,
    baseline: Baseline,
    columns: Mapping[str, str],
    values: Mapping[str, Sequence[str]],
) -> Counts:
    """Count the rows of a table by segment.

    Parameters
    ----------
    table : the rows the baseline was made of, in any order
    baseline : made of them
    columns : column of the prediction and of the probability, by role
    values : values with a segment of their own, by feature; a name that is no column has no
        reference

    Returns
    -------
    By segment, counts of each row of the grid in the segment's cells, as `Baseline.segments`; the
    segment `other` is what is left of the whole
    """
    split = [column for column in compile_segments(values) if column.name in baseline.features]
    members = {
        segment: np.array(places)
        for column in split
        for segment, places in column.members(table[column.name].to_pylist())
        if segment != column.names[-1]
    }
    if not members:
        return {}
    cells = _cells_of_rows(table, baseline, columns)
    maps = [
        Reference.from_baseline(row.reference).coarsened()[1] for row in reference_rows(baseline)
    ]
    return {
        segment: tuple(
            tuple(np.bincount(of[row[places]], minlength=int(of[-1]) + 1).tolist())
            for row, of in zip(cells, maps, strict=True)
        )
        for segment, places in members.items()
    }


def _cells_of_rows(table: Any, baseline: Baseline, columns: Mapping[str, str]) -> list[IntArray]:
    """For each row of the grid, the cell of each row of the table."""
    cells: list[IntArray] = []
    pending: dict[str, Mapping[str, Numbers]] = {}
    for row in reference_rows(baseline):
        if row.described:
            name, _, descriptor = row.name.rpartition(".")
            cells.append(_numeric_cells(row.reference, pending[name][descriptor]))
            continue
        name = columns.get(row.role, row.name)
        column = read_column(table, name)
        assert column is not None, f"the baseline was made of column {name}"
        if row.reference.edges:
            assert isinstance(column, Numbers)
            cells.append(_numeric_cells(row.reference, column))
        elif row.reference.categories:
            cells.append(_class_cells(row.reference, column))
        else:
            described = describe_column(name, column, row.reference.kind)
            pending[PREDICTION if row.role == PREDICTION else name] = described.columns
            cells.append(_presence_cells(column))
    return cells


def _numeric_cells(reference: FeatureBaseline, numbers: Numbers) -> IntArray:
    # Cells are (a, b]; what is missing, NaN, is placed behind all edges.
    edges = NumericGrid.from_baseline(reference).edges
    return np.searchsorted(edges, numbers.ordered, side="left").astype(np.int64)


def _class_cells(reference: FeatureBaseline, column: Column) -> IntArray:
    classes = as_classes(column) if isinstance(column, Numbers) else column
    assert isinstance(classes, Classes)
    codes = category_codes(reference.categories, reference.other_categories)
    unseen, missing = len(reference.counts) - 3, len(reference.counts) - 1
    of_names = np.array([*(codes.get(name, unseen) for name in classes.names), missing])
    return of_names[classes.codes].astype(np.int64)


def _presence_cells(column: Column) -> IntArray:
    match column:
        case Numbers():
            missing = np.isnan(column.ordered)
        case Classes():
            missing = column.codes < 0
        case Vectors():
            missing = np.ones(column.rows, dtype=np.bool_)
            missing[column.places] = False
        case Sets():
            missing = np.array([value is None for value in column.values])
    return np.where(missing, _MISSING, _PRESENT).astype(np.int64)
