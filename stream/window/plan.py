"""Counting plans: which cells the columns of a model version are counted in.

A plan is compiled from a baseline and valid from an instant of event time on (its activation). A
model version without a baseline runs on :data:`DEFAULT_PLAN`, which counts kinds of values only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.baselines import Baseline, FeatureBaseline
from stream.arrays import FloatArray, IntArray
from stream.sketches.grid import NumericGrid, category_cells, category_codes
from stream.state.keys import VersionId
from stream.window.panes import MINUTE_MS

PREDICTION = "prediction"
PROBABILITY = "probability"
FEATURE = "feature"
_GRID_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A column counted on a numeric grid. ``row`` is its place among the rows of the plan."""

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


@dataclass(frozen=True)
class CountingPlan:
    """The rows a model version's events are counted in."""

    grid_id: str
    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]

    @cached_property
    def scales(self) -> FloatArray:
        """Units per 1.0 of each numeric column, shape ``(numeric, 1)``."""
        return np.array([[2.0**-column.grid.scale_exponent] for column in self.numeric])

    @cached_property
    def row_cells(self) -> tuple[int, ...]:
        """Number of cells of each row, in the order of rows."""
        cells = {c.row: c.grid.cells for c in self.numeric}
        cells |= {c.row: c.cells for c in self.categorical}
        return tuple(cells[row] for row in range(len(cells)))

    @cached_property
    def row_offsets(self) -> IntArray:
        """First cell of each row in the concatenation of all rows, and the total last."""
        return np.concatenate([[0], np.cumsum(self.row_cells)]).astype(np.int64)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order of rows."""
        columns: list[NumericColumn | CategoricalColumn] = [*self.numeric, *self.categorical]
        return tuple(c.name for c in sorted(columns, key=lambda c: c.row) if c.role == FEATURE)


DEFAULT_PLAN = CountingPlan("", (), ())


def _has_numbers(codes: Mapping[Any, int]) -> bool:
    """Whether a category is a number: then another number is unseen, else it is a mismatch."""
    return any(not isinstance(value, str) for value in codes)


def grid_id_of(baseline_id: str) -> str:
    """Name of a baseline's grid: enough of its id to tell all baselines of a model apart."""
    return baseline_id[:_GRID_ID_CHARACTERS]


def reference_rows(baseline: Baseline) -> list[tuple[str, str, FeatureBaseline]]:
    """Rows of a baseline's grid: features by name, then the prediction, then the probability.

    Each is (role, name, reference).
    """
    rows = [(FEATURE, name, baseline.features[name]) for name in sorted(baseline.features)]
    if baseline.prediction is not None:
        rows.append((PREDICTION, PREDICTION, baseline.prediction))
    if baseline.probability is not None:
        rows.append((PROBABILITY, PROBABILITY, baseline.probability))
    return rows


def compile_plan(baseline: Baseline, baseline_id: str) -> CountingPlan:
    """Compile the plan of a baseline."""
    numeric: list[NumericColumn] = []
    categorical: list[CategoricalColumn] = []
    for row, (role, name, reference) in enumerate(reference_rows(baseline)):
        if reference.edges:
            grid = NumericGrid.from_baseline(reference)
            numeric.append(NumericColumn(row, role, name, grid))
        else:
            codes = category_codes(reference.categories, reference.other_categories)
            cells = category_cells(reference)
            numbers = _has_numbers(codes)
            categorical.append(CategoricalColumn(row, role, name, codes, cells, numbers))
    return CountingPlan(grid_id_of(baseline_id), tuple(numeric), tuple(categorical))


@dataclass(frozen=True, slots=True)
class Activation:
    """From an instant of event time on, a plan counts."""

    effective_from_ms: int
    plan: CountingPlan


class PlanBook:
    """Which plan counts which events: what a worker knows of the registry at one moment."""

    def __init__(
        self,
        activations: Mapping[VersionId, Sequence[Activation]] | None = None,
        tier_ms: Callable[[VersionId], int] | None = None,
    ) -> None:
        self._activations = {
            version: sorted(given, key=lambda a: a.effective_from_ms)
            for version, given in (activations or {}).items()
        }
        self._tier_ms = tier_ms
        self.sample_bounds: dict[VersionId, float | None] = {}

    def tier_ms(self, version: VersionId) -> int:
        """Length of the panes that events of this version are counted in."""
        return MINUTE_MS if self._tier_ms is None else self._tier_ms(version)

    def learns(self, version: VersionId) -> bool:
        """Whether a baseline is still to be learned from this version's events."""
        return version not in self._activations

    def split(
        self, version: VersionId, times_ms: IntArray
    ) -> list[tuple[CountingPlan, npt.NDArray[np.intp]]]:
        """Positions of events by the plan valid at their event time."""
        activations = self._activations.get(version, [])
        starts = np.array([a.effective_from_ms for a in activations], dtype=np.int64)
        chosen = np.searchsorted(starts, times_ms, side="right") - 1
        return [
            (activations[k].plan if k >= 0 else DEFAULT_PLAN, np.flatnonzero(chosen == k))
            for k in np.unique(chosen).tolist()
        ]
