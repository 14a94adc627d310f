"""What is counted on a baseline's grid: one row of cells for each column.

The id of a layout depends on its cells alone. Baselines that share them, such as one promoted from
a window that was counted on the other's grid, share their counts: a change from one to the other
leaves no event out and mixes nothing.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from schemas.baselines import Baseline, BaselinePerformance, FeatureBaseline
from schemas.canonical import sha256_of
from schemas.features import FeatureKind
from stream.arrays import FloatArray, IntArray
from stream.descriptors.compute import Describer, compile_describer
from stream.sketches.grid import NumericGrid, category_cells, category_codes
from stream.stats.multivariate import second_moments
from stream.stats.reference import Reference
from stream.window.estimates import Estimates, estimates_of

PREDICTION = "prediction"
PROBABILITY = "probability"
FEATURE = "feature"
POSITIVE_CLASS = "1"
"""Unless the baseline says otherwise."""
_ID_CHARACTERS = 16
SEGMENT_CELLS_MAX = 32
"""Value cells of a row in a segment: what its statistics need, at a fraction of the memory."""
PRESENCE_KINDS = (FeatureKind.TEXT, FeatureKind.EMBEDDING, FeatureKind.SET, FeatureKind.ID)
PRESENCE_CELLS = 3
"""Cells of a column of these kinds: present, mismatched, missing."""


class RowSource(NamedTuple):
    """One row of a baseline's grid: whose it is, and its reference.

    ``described`` is true for a descriptor, whose name is ``<column>.<descriptor>``.
    """

    role: str
    name: str
    reference: FeatureBaseline
    described: bool = False


def reference_rows(baseline: Baseline) -> list[RowSource]:
    """Rows of a baseline's grid: features by name, then the prediction, then the probability.

    The descriptors of a column follow it. Those of the prediction are figures beside the features.
    """
    rows: list[RowSource] = []
    for name in sorted(baseline.features):
        rows += _with_descriptors(FEATURE, name, baseline.features[name])
    if baseline.prediction is not None:
        rows += _with_descriptors(PREDICTION, PREDICTION, baseline.prediction)
    if baseline.probability is not None:
        rows.append(RowSource(PROBABILITY, PROBABILITY, baseline.probability))
    return rows


def _with_descriptors(role: str, name: str, reference: FeatureBaseline) -> Iterator[RowSource]:
    yield RowSource(role, name, reference)
    for descriptor in sorted(reference.descriptors):
        below = reference.descriptors[descriptor]
        yield RowSource(FEATURE, f"{name}.{descriptor}", below, described=True)


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A column counted on a numeric grid. ``row`` is its place among the rows of the layout."""

    row: int
    role: str
    name: str
    grid: NumericGrid


@dataclass(frozen=True, slots=True)
class CategoricalColumn:
    """A column counted by category; ``codes`` maps a JSON value to its cell."""

    row: int
    role: str
    name: str
    codes: Mapping[Any, int]
    cells: int
    counts_numbers: bool

    @property
    def unseen(self) -> int:
        """Cell of values the baseline does not have."""
        return self.cells - 3

    @property
    def mismatch(self) -> int:
        """Cell of values of another type."""
        return self.cells - 2

    @property
    def missing(self) -> int:
        """Cell of missing values."""
        return self.cells - 1


@dataclass(frozen=True, slots=True)
class PresenceColumn:
    """A column whose values have no cells of their own: present, mismatched or missing.

    ``describer`` makes numbers of them, which are counted in the numeric columns from ``first`` on;
    None for ids, of which the distinct ones are estimated.
    """

    row: int
    role: str
    name: str
    describer: Describer | None
    first: int


@dataclass(frozen=True, slots=True)
class MomentColumns:
    """Numeric columns whose second moments are summed: places, and what standardises them."""

    places: IntArray
    means: FloatArray
    inverse_stds: FloatArray

    @property
    def cells(self) -> int:
        """Integers of the row: how many rows, d sums and d (d + 1) / 2 products."""
        d = len(self.places)
        return 1 + d + d * (d + 1) // 2

    def of(self, matrix: FloatArray) -> FloatArray:
        """Sum the columns of a matrix, shape ``(columns, n)``; what is missing counts as 0."""
        z = (matrix[self.places] - self.means[:, None]) * self.inverse_stds[:, None]
        z[~np.isfinite(z)] = 0.0
        sums, products = second_moments(z)
        return np.concatenate([[matrix.shape[1]], sums, products]).astype(np.float64)


def split_moments(row: FloatArray) -> tuple[int, IntArray, IntArray]:
    """How many rows were summed, their d sums and d (d + 1) / 2 products, of a row of moments."""
    integers = row.astype(np.int64)
    # 1 + d + d (d + 1) / 2 cells
    d = (math.isqrt(8 * len(row) + 1) - 3) // 2
    return int(integers[0]), integers[1 : 1 + d], integers[1 + d :]


@dataclass(frozen=True)
class GridLayout:
    """The rows that events are counted in.

    Attributes
    ----------
    id : of the cells; counts lie under it
    numeric : columns of numbers as they come, then those that describers make
    plain : how many of them come as numbers
    categorical, presence : the other columns
    moments : None where fewer than two columns have any
    estimates : what is summed to estimate performance; None where the baseline has no labels
    positive_class : whose probability is counted, where it comes as an object
    per_column_sums : 4 where values beyond the range are summed too, else 2
    coarse_from : the baseline, of which segments have a coarser layout; None in that one
    cell_maps : of a coarse layout: coarse cell of each cell of a categorical row, by row
    """

    id: str
    numeric: tuple[NumericColumn, ...]
    plain: int
    categorical: tuple[CategoricalColumn, ...]
    presence: tuple[PresenceColumn, ...]
    moments: MomentColumns | None = None
    estimates: Estimates | None = None
    positive_class: str = POSITIVE_CLASS
    per_column_sums: int = 4
    coarse_from: Baseline | None = None
    cell_maps: Mapping[int, IntArray] = field(default_factory=dict)

    @cached_property
    def scales(self) -> FloatArray:
        """Units per 1.0 of each numeric column, shape ``(numeric, 1)``."""
        return np.array([[2.0**-column.grid.scale_exponent] for column in self.numeric])

    @property
    def beyond_sums(self) -> bool:
        """Whether it is summed by how much values lie beyond the baseline's range."""
        return self.per_column_sums > 2  # noqa: PLR2004  # those of values and of squares

    @cached_property
    def row_cells(self) -> tuple[int, ...]:
        """Number of cells of each row, in the order of rows."""
        cells = {c.row: c.grid.cells for c in self.numeric}
        cells |= {c.row: c.cells for c in self.categorical}
        cells |= {c.row: PRESENCE_CELLS for c in self.presence}
        return tuple(cells[row] for row in range(len(cells)))

    @cached_property
    def row_offsets(self) -> IntArray:
        """First cell of each row in the concatenation of all rows, and the total last."""
        return np.concatenate([[0], np.cumsum(self.row_cells)]).astype(np.int64)

    @cached_property
    def numeric_features(self) -> frozenset[str]:
        """Names of the features that are counted as numbers."""
        return frozenset(c.name for c in self.numeric[: self.plain] if c.role == FEATURE)

    @cached_property
    def other_features(self) -> frozenset[str]:
        """Names of the other features."""
        columns: tuple[CategoricalColumn | PresenceColumn, ...] = self.categorical + self.presence
        return frozenset(c.name for c in columns if c.role == FEATURE)

    @cached_property
    def coarse(self) -> "GridLayout":
        """The layout of segments: the same rows, of few cells each, no sums over columns."""
        assert self.coarse_from is not None, "a coarse layout has no coarser one"
        maps = [
            Reference.from_baseline(row.reference).coarsened(SEGMENT_CELLS_MAX)[1]
            for row in reference_rows(self.coarse_from)
        ]
        return GridLayout(
            id=self.id,
            numeric=tuple(replace(c, grid=c.grid.coarsened(maps[c.row])) for c in self.numeric),
            plain=self.plain,
            categorical=tuple(replace(c, cells=int(maps[c.row][-1]) + 1) for c in self.categorical),
            presence=self.presence,
            positive_class=self.positive_class,
            per_column_sums=2,
            cell_maps={c.row: maps[c.row] for c in self.categorical},
        )


def _has_numbers(codes: Mapping[Any, int]) -> bool:
    """Whether a category is a number: then another number is unseen, else it is a mismatch."""
    return any(not isinstance(value, str) for value in codes)


def layout_id(baseline: Baseline) -> str:
    """Name of a baseline's grid: a hash of what decides in which cell a value is counted."""
    cells = [
        [
            row.role,
            row.name,
            row.reference.kind if row.reference.kind in PRESENCE_KINDS else "",
            row.reference.edges,
            row.reference.scale_exponent,
            row.reference.categories,
            row.reference.other_categories,
            row.reference.vocabulary,
            row.reference.centroid,
        ]
        for row in reference_rows(baseline)
    ]
    content = [cells, _standardised(baseline)]
    if (positive := _positive_class(baseline)) != POSITIVE_CLASS:
        content.append(positive)
    return sha256_of(content)[:_ID_CHARACTERS]


def _performance(baseline: Baseline) -> BaselinePerformance | None:
    return baseline.performance or None


def _positive_class(baseline: Baseline) -> str:
    performance = _performance(baseline)
    return POSITIVE_CLASS if performance is None else performance.positive_class


def _standardised(baseline: Baseline) -> list[tuple[str, float, float]]:
    """What the second moments of a baseline's grid are standardised by."""
    moments = baseline.moments
    if moments is None:
        return []
    return list(zip(moments.features, moments.means, moments.stds, strict=True))


def compile_layout(baseline: Baseline) -> GridLayout:
    """Compile the layout of a baseline."""
    numeric: list[NumericColumn] = []
    described: list[NumericColumn] = []
    categorical: list[CategoricalColumn] = []
    presence: list[tuple[int, RowSource]] = []
    for number, row in enumerate(reference_rows(baseline)):
        reference = row.reference
        if reference.edges:
            grid = NumericGrid.from_baseline(reference)
            column = NumericColumn(number, row.role, row.name, grid)
            (described if row.described else numeric).append(column)
        elif reference.kind in PRESENCE_KINDS:
            presence.append((number, row))
        else:
            codes = category_codes(reference.categories, reference.other_categories)
            cells = category_cells(reference)
            categorical.append(
                CategoricalColumn(number, row.role, row.name, codes, cells, _has_numbers(codes))
            )
    return GridLayout(
        id=layout_id(baseline),
        numeric=(*numeric, *described),
        plain=len(numeric),
        categorical=tuple(categorical),
        presence=_presence_columns(presence, len(numeric)),
        moments=_moment_columns(baseline, numeric),
        estimates=_estimates(baseline, numeric, categorical),
        positive_class=_positive_class(baseline),
        coarse_from=baseline,
    )


def _presence_columns(rows: list[tuple[int, RowSource]], first: int) -> tuple[PresenceColumn, ...]:
    columns = []
    for number, row in rows:
        count = len(row.reference.descriptors)
        describer = compile_describer(row.reference) if count else None
        columns.append(PresenceColumn(number, row.role, row.name, describer, first))
        first += count
    return tuple(columns)


def _moment_columns(baseline: Baseline, numeric: list[NumericColumn]) -> MomentColumns | None:
    moments = baseline.moments
    if moments is None:
        return None
    place = {c.name: k for k, c in enumerate(numeric) if c.role == FEATURE}
    return MomentColumns(
        np.array([place[name] for name in moments.features], dtype=np.int64),
        np.array(moments.means),
        1.0 / np.array(moments.stds),
    )


def _estimates(
    baseline: Baseline, numeric: list[NumericColumn], categorical: list[CategoricalColumn]
) -> Estimates | None:
    predictions = [column for column in categorical if column.role == PREDICTION]
    if not predictions or baseline.prediction is None:
        return None
    scores = [place for place, column in enumerate(numeric) if column.role == PROBABILITY]
    return estimates_of(
        _performance(baseline),
        prediction_row=predictions[0].row,
        categories=baseline.prediction.categories,
        prediction_cells=predictions[0].cells,
        probability=scores[0] if scores else None,
    )
