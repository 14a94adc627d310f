"""A window's counts against the baseline they were counted with: the figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from schemas.baselines import Baseline, BaselinePerformance, SecondMoments
from stream.arrays import FloatArray, IntArray
from stream.baseline.score_edges import score_edges_of, score_grid_id
from stream.rollup.estimating import cell_probabilities, estimated_figures
from stream.rollup.histogram import Bars, Histogram
from stream.rollup.merge import GridCounts, PaneCounts
from stream.rollup.quality import Figures, Metrics
from stream.sketches import cardinality
from stream.stats.confidence import confidence_figures
from stream.stats.descriptive import describe
from stream.stats.drift.decision import FeatureTest
from stream.stats.drift.figures import drift_figures
from stream.stats.imbalance import class_imbalance
from stream.stats.multivariate import ReferenceMoments, multivariate_figures
from stream.stats.quality import quality_figures
from stream.stats.reference import Reference
from stream.window.delta import ABOVE, BELOW, SQUARES, SUM
from stream.window.layout import (
    FEATURE,
    PREDICTION,
    PROBABILITY,
    SEGMENT_CELLS_MAX,
    GridLayout,
    compile_layout,
    reference_rows,
    split_moments,
)
from stream.window.segments import OTHER, segment_name, split_name

PREDICTION_KEY = "\0prediction"
PROBABILITY_KEY = "\0probability"
"""Keys among the tests that no feature can have."""
OUTPUT_KEYS = {PREDICTION: PREDICTION_KEY, PROBABILITY: PROBABILITY_KEY}
SEGMENT_ROWS_MIN = 100
"""A segment of fewer rows in the baseline shows figures, and is not decided."""
_OUTPUT_DISTANCES = (
    "psi",
    "js",
    "ks",
    "ks_p_value",
    "wasserstein",
    "hellinger",
    "chi2",
    "chi2_p_value",
    "l_infinity",
    "effect",
    "drift_p_value",
)
"""Figures of the prediction and the probability that are metrics of the window."""
_SEASONS_KEPT = 400
"""Seasonal references kept: those of two weeks of hours."""


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One row of the grid: what it counts, and what it is compared with.

    Attributes
    ----------
    coarse : the reference in the cells of segments
    numeric : the row's place among the numeric ones, or None
    described : whether it is a descriptor of another column
    """

    role: str
    name: str
    kind: str
    reference: Reference
    coarse: Reference
    numeric: int | None
    described: bool


@dataclass(frozen=True)
class CompiledBaseline:
    """A baseline, compiled once for comparing many windows with it.

    ``segment_values`` are those of its activation: which values have segments of their own.
    """

    baseline_id: str
    baseline: Baseline
    effective_from_ms: int
    segment_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _seasons: dict[tuple[int, bytes], Reference | None] = field(default_factory=dict)

    @cached_property
    def layout(self) -> GridLayout:
        """What the worker counts."""
        return compile_layout(self.baseline)

    @property
    def grid_id(self) -> str:
        """Under which the worker's counts lie."""
        return self.layout.id

    @cached_property
    def rows(self) -> tuple[ReferenceRow, ...]:
        """Rows in the order of the layout."""
        place = {column.row: k for k, column in enumerate(self.layout.numeric)}
        rows = []
        for number, source in enumerate(reference_rows(self.baseline)):
            reference = Reference.from_baseline(source.reference)
            coarse, _ = reference.coarsened(SEGMENT_CELLS_MAX)
            rows.append(
                ReferenceRow(
                    source.role,
                    source.name,
                    str(source.reference.kind),
                    reference,
                    coarse,
                    place.get(number),
                    source.described,
                )
            )
        return tuple(rows)

    @property
    def performance(self) -> BaselinePerformance | None:
        """How the model did on the reference; None where that has no labels."""
        found = self.baseline.performance
        return found if isinstance(found, BaselinePerformance) else None

    @cached_property
    def score_cells(self) -> tuple[str, FloatArray]:
        """Name and inner edges of the cells in which the join counts probabilities."""
        edges = score_edges_of(self.baseline)
        return score_grid_id(edges), edges

    @property
    def figures(self) -> Mapping[str, float]:
        """Means of figures that are sent along, by the names of reports."""
        return self.baseline.figures or {}

    @cached_property
    def moments(self) -> ReferenceMoments | None:
        """How numeric features vary together."""
        found: SecondMoments | None = self.baseline.moments
        return None if found is None else ReferenceMoments.from_moments(found)

    @cached_property
    def cell_probabilities(self) -> FloatArray | None:
        """Calibrated probability in each cell of a binary model's score."""
        estimates = self.layout.estimates
        if estimates is None or estimates.probability is None:
            return None
        row = self.layout.numeric[estimates.probability].row
        return cell_probabilities(estimates, self.rows[row].reference)

    @cached_property
    def bars(self) -> dict[int, tuple[str, Bars]]:
        """Features that can be drawn, by row."""
        drawn = {}
        for number, source in enumerate(reference_rows(self.baseline)):
            bars = Bars.of(source.reference) if source.role == FEATURE else None
            if bars is not None:
                drawn[number] = (source.name, bars)
        return drawn

    @cached_property
    def segments(self) -> Mapping[str, tuple[Reference, ...]]:
        """References of the segments that the baseline knows, in the order of rows."""
        counts = {
            segment: [np.array(row) for row in rows]
            for segment, rows in self.baseline.segments.items()
        }
        for name, values in self.segment_values.items():
            named = [segment_name(name, value) for value in values]
            if all(segment in counts for segment in named):
                # The rest depends on which values have segments of their own.
                counts[segment_name(name, OTHER)] = [
                    row.coarse.counts - sum(counts[segment][number] for segment in named)
                    for number, row in enumerate(self.rows)
                ]
        return {
            segment: tuple(
                row.coarse.with_counts(of) for row, of in zip(self.rows, rows, strict=True)
            )
            for segment, rows in counts.items()
            if int(rows[0].sum()) >= SEGMENT_ROWS_MIN
        }

    def seasonal(self, number: int, hours: FloatArray) -> Reference | None:
        """Reference of a row for these hours of the week; None where there are too few rows."""
        key = (number, hours.tobytes())
        if key not in self._seasons:
            if len(self._seasons) >= _SEASONS_KEPT * len(self.rows):
                self._seasons.clear()
            self._seasons[key] = self.rows[number].reference.for_hours(hours)
        return self._seasons[key]


@dataclass(slots=True)
class Comparison:
    """What was found in one window, or in one segment of it.

    Attributes
    ----------
    metrics : figures of the whole, by the contract's names
    features : by feature, then by name
    tests : what a decision needs, by feature; outputs under keys of their own
    rows : what each tested feature was compared with, and its count row
    outputs : all figures of the prediction and of the probability, by role
    """

    metrics: Metrics
    features: Figures
    tests: dict[str, FeatureTest]
    rows: dict[str, tuple[Reference, IntArray]]
    outputs: Figures = field(default_factory=dict)


def histograms(compiled: CompiledBaseline, counts: PaneCounts) -> dict[str, Histogram]:
    """Draw the features of a window beside those of its baseline."""
    grid = counts.grids.get(compiled.grid_id, GridCounts())
    return {
        name: bars.draw(grid.rows[number])
        for number, (name, bars) in compiled.bars.items()
        if number in grid.rows
    }


def compare(
    compiled: CompiledBaseline,
    grid: GridCounts,
    *,
    hours: FloatArray | None = None,
    segment: str | None = None,
) -> Comparison:
    """Figures of a window, and of each feature; nothing is decided.

    Parameters
    ----------
    compiled : the baseline valid in the window
    grid : the window's counts on its grid
    hours : (168,) share of each hour of the week in the window, where the reference is seasonal
    segment : whose counts they are; None of all traffic

    Notes
    -----
    A segment is compared with the same segment of the baseline. One that the baseline does not know
    is compared with the whole of it, and has no tests: what makes a segment another one is no
    drift. Nor is the feature by which traffic is split tested in its own segments.
    """
    found = Comparison({}, {}, {}, {})
    compared: list[tuple[Reference, IntArray]] = []
    for number, row in enumerate(compiled.rows):
        counts = grid.rows.get(number)
        if counts is None:
            continue
        reference = row.reference if segment is None else row.coarse
        season = None if hours is None or segment else compiled.seasonal(number, hours)
        known = None if segment is None else compiled.segments.get(segment)
        against = season or (reference if known is None else known[number])
        tested = segment is None or (known is not None and row.name != split_name(segment))
        _compare_row(found, row, against, counts, sums_of(row, grid), tested=tested)
        if row.role != FEATURE:
            continue
        figures = found.features[row.name]
        if hours is not None and segment is None:
            figures["seasonal"] = season is not None
        if number in grid.registers:
            present = int(counts[0])
            estimate = round(cardinality.distinct(grid.registers[number]))
            figures["distinct"] = min(estimate, present)
        if not row.described:
            compared.append((reference, counts))
    found.metrics |= quality_figures(compared)
    if compiled.moments is not None and grid.moments is not None:
        found.metrics |= multivariate_figures(compiled.moments, *split_moments(grid.moments))
    if segment is None:
        found.metrics |= estimated_figures(compiled.layout, grid, compiled.cell_probabilities)
    return found


@dataclass(frozen=True, slots=True)
class RowSums:
    """Exact sums of a numeric row: of values and squares, beyond the range, and the extremes."""

    moments: tuple[int, int] | None = None
    beyond: tuple[float, float] | None = None
    extremes: tuple[float, float] | None = None


def sums_of(row: ReferenceRow, grid: GridCounts) -> RowSums:
    """Sums of a row of a grid; none where it holds no numbers."""
    place = row.numeric
    if place is None or grid.maxima is None:
        return RowSums()
    columns = len(grid.maxima) // 2
    low, high = grid.maxima[2 * place : 2 * place + 2].tolist()
    moments = (grid.sums[SUM * columns + place], grid.sums[SQUARES * columns + place])
    beyond = None
    if len(grid.sums) > BELOW * columns:
        unit = 2.0**row.reference.baseline.scale_exponent
        beyond = (
            grid.sums[BELOW * columns + place] * unit,
            grid.sums[ABOVE * columns + place] * unit,
        )
    return RowSums(moments, beyond, (0.0 - low, high))


def _compare_row(
    found: Comparison,
    row: ReferenceRow,
    reference: Reference,
    counts: IntArray,
    sums: RowSums,
    *,
    tested: bool,
) -> None:
    drift = drift_figures(reference, counts, excess=sums.beyond)
    values = describe(reference, counts, sums.moments, sums.extremes)
    if row.role == FEATURE:
        found.features[row.name] = {"kind": row.kind, **values, **drift.figures}
        key = row.name
    else:
        found.outputs[row.role] = {"kind": row.kind, **values, **drift.figures}
        key = OUTPUT_KEYS[row.role]
        found.metrics |= _output_metrics(row.role, values, drift.figures)
        if row.role == PROBABILITY:
            found.metrics |= confidence_figures(reference, counts)
        elif not reference.numeric and (ratio := class_imbalance(reference, counts)) is not None:
            found.metrics["class_imbalance"] = ratio
    test = drift.test
    if test is not None and row.described:
        # Missing is missing in every descriptor; the column itself is tested for it.
        test = replace(test, missing_p_value=None, missing_increase=0.0)
        test = None if test.value_p_value is None else test
    if test is not None and tested:
        found.tests[key] = test
        found.rows[key] = (reference, counts)


def _output_metrics(
    role: str, values: Mapping[str, int | float], drift: Mapping[str, float]
) -> Metrics:
    """Metrics of the prediction or the probability, under their prefixes."""
    moments = ("mean", "std", "p50") if role == PREDICTION else ()
    chosen = [(name, drift) for name in _OUTPUT_DISTANCES] + [(name, values) for name in moments]
    return {f"{role}_{name}": source[name] for name, source in chosen if name in source}
