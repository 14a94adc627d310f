"""Whether a baseline holds together, as one that anybody may have put on the topic need not.

A worker counts on its grid, and the agents compare with its counts: neither may meet one of which
no grid can be made. What :mod:`stream.baseline.build` and :mod:`stream.baseline.promote` make
passes.
"""

import numpy as np

from schemas.baselines import Baseline, BaselinePerformance, FeatureBaseline, SecondMoments
from schemas.features import FeatureKind
from schemas.models import Task
from stream.arrays import IntArray
from stream.baseline.errors import BaselineError
from stream.descriptors.compute import DESCRIPTORS
from stream.descriptors.embedding import DIMENSIONS_MAX
from stream.sketches.sums import EXPONENT_MAX, EXPONENT_MIN
from stream.state.codec import CELLS_MAX
from stream.stats.isotonic import KNOTS_MAX
from stream.stats.multivariate import ReferenceMoments
from stream.stats.reference import Reference
from stream.window.estimates import CLASSES_MAX
from stream.window.layout import (
    PRESENCE_CELLS,
    PRESENCE_KINDS,
    RowSource,
    compile_layout,
    reference_rows,
)
from stream.window.segments import split_name

UNSOUND = (ValueError, LookupError, ArithmeticError, AssertionError, TypeError)
"""What comes of computing with what a stranger wrote."""
COUNT_MAX = 2**53
"""Counts and times are integers below: doubles, which Redis' Lua counts with, hold them."""
SCORE_EDGES_MAX = 4096
"""Four times as many as a model without labels has; what the join counts is a few kilobytes."""
_WHY_CHARACTERS_MAX = 200


def check_baseline(baseline: Baseline) -> None:
    """Refuse a baseline that nothing can be counted on or compared with.

    Raises
    ------
    BaselineError
        That says what is wrong with it.
    """
    try:
        _check(baseline)
    except UNSOUND as error:
        why = " ".join(str(error).split())[:_WHY_CHARACTERS_MAX].rstrip(".")
        raise BaselineError(
            f"the baseline of {baseline.model_name} {baseline.model_version} is not sound ({why}):"
            " build it again"
        ) from error


def _check(baseline: Baseline) -> None:
    numbers = (baseline.rows, baseline.start_ms or 0, baseline.end_ms or 0)
    _require(all(0 <= n < COUNT_MAX for n in numbers), "its rows or times are out of range")
    rows = reference_rows(baseline)
    for row in rows:
        _check_row(row)
    references = [Reference.from_baseline(row.reference) for row in rows]
    for row, reference in zip(rows, references, strict=True):
        _check_cells(row, reference)
    if baseline.moments is not None:
        numeric = {name for name, of in baseline.features.items() if of.edges}
        _require(numeric.issuperset(baseline.moments.features), "its moments are of no features")
        _check_moments(baseline.moments)
    if baseline.figures:
        finite = all(np.isfinite(value) for value in baseline.figures.values())
        _require(finite, "means of its figures are no numbers")
    if baseline.performance:
        _check_performance(baseline.performance)
    compile_layout(baseline)
    if baseline.segments:
        _check_segments(baseline, [reference.coarsened()[0] for reference in references])


def _check_segments(baseline: Baseline, coarse: list[Reference]) -> None:
    """Segments of one name are parts of the whole, so that what is left is no less than nothing."""
    cells = [reference.cells for reference in coarse]
    together: dict[str, list[IntArray]] = {}
    for segment, rows in baseline.segments.items():
        _require([len(row) for row in rows] == cells, f"segment {segment!r} has other cells")
        _require(all(map(_are_counts, rows)), f"segment {segment!r} has no counts")
        sums = together.get(split_name(segment), [np.zeros(n, np.int64) for n in cells])
        together[split_name(segment)] = [a + b for a, b in zip(sums, rows, strict=True)]
    for name, sums in together.items():
        parts = all(np.all(of.counts >= total) for of, total in zip(coarse, sums, strict=True))
        _require(parts, f"the segments of {name} are more than the whole")


def _check_row(row: RowSource) -> None:
    """What must hold before the row's cells can be told."""
    of, name = row.reference, row.name
    _require(of.kind is not FeatureKind.IGNORE, f"{name} is ignored")
    described = DESCRIPTORS.get(of.kind, ())
    _require(of.descriptors.keys() <= set(described), f"{name} has unknown descriptors")
    _require(not (described and of.edges), f"{name} has both edges and descriptors")
    _require(bool(of.edges) or not row.described, f"descriptor {name} has no edges")
    for edges in (of.edges, of.decile_edges, of.doane_edges):
        _require(bool(np.all(np.diff(edges) > 0)), f"the edges of {name} do not ascend")
    _require(EXPONENT_MIN <= of.scale_exponent <= EXPONENT_MAX, f"{name} has no scale")
    if of.kind is FeatureKind.EMBEDDING:
        _require(0 < len(of.centroid) <= DIMENSIONS_MAX, f"{name} has no centroid")
    _check_dispersion(of, name)


def _check_dispersion(of: FeatureBaseline, name: str) -> None:
    found = of.dispersion
    if found is not None:
        inside = found.chunk_rows * COUNT_MAX >= 1 and 1 <= found.phi < COUNT_MAX
        _require(inside, f"the dispersion of {name} is out of range")


def _check_cells(row: RowSource, reference: Reference) -> None:
    of, name = row.reference, row.name
    if not of.edges and of.kind in PRESENCE_KINDS:
        _require(reference.cells == PRESENCE_CELLS, f"{name} has categories")
    ends = [*of.decile_edges, *of.doane_edges]
    on_grid = np.isin(ends, reference.uppers).all()
    _require(bool(on_grid), f"deciles or bins of {name} do not end where its cells do")
    _require(reference.cells <= CELLS_MAX, f"{name} has {reference.cells} cells")
    _require(all(map(_are_counts, [of.counts, *of.seasons])), f"{name} has no counts")
    if of.segment_cells:
        given = np.array(of.segment_cells)
        kept = 2 if reference.numeric else 3
        _require(len(given) == reference.cells, f"{name} has other cells in segments")
        _require(set(of.segment_cells) == set(range(int(given[-1]) + 1)), f"{name}: segment cells")
        _require(bool(np.all(np.diff(given[-kept - 1 :]) > 0)), f"{name}: segment cells")
        _require(not reference.numeric or bool(np.all(np.diff(given) >= 0)), f"{name}: order")


def _check_moments(moments: SecondMoments) -> None:
    sizes = {len(moments.features), len(moments.means), len(moments.stds), len(moments.sums)}
    _require(len(sizes) == 1, "its moments are of different features")
    _require(all(std > 0 for std in moments.stds), "its moments have no standard deviations")
    sums = (moments.rows, *moments.sums, *moments.products)
    _require(all(abs(n) < COUNT_MAX for n in sums), "its moments are out of range")
    ReferenceMoments.from_moments(moments)


def _check_performance(performance: BaselinePerformance) -> None:
    tasks = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    _require(performance.task in tasks, f"it has the performance of {performance.task}")
    _require(0 < performance.labelled < COUNT_MAX, "its labelled rows are out of range")
    finite = all(np.isfinite(value) for value in performance.figures.values())
    _require(finite, "figures of its performance are no numbers")
    classes = performance.classes
    _require(len(classes) <= CLASSES_MAX, f"it has probabilities of {len(classes)} classes")
    _require(list(classes) == sorted(set(classes)), "its classes are not in order")
    if performance.task is Task.BINARY:
        _require(
            set(classes) <= {performance.positive_class}, "its probability is of another class"
        )
    _require(performance.calibration.keys() <= set(classes), "it calibrates classes it has not")
    for name, found in performance.calibration.items():
        x, y = np.array(found.x), np.array(found.y)
        _require(0 < len(x) == len(y) <= KNOTS_MAX, f"the calibration of {name} has other knots")
        inside = 0 <= min(x[0], y[0]) <= max(x[-1], y[-1]) <= 1
        ascends = bool(np.all(np.diff(x) > 0) and np.all(np.diff(y) >= 0))
        _require(bool(inside) and ascends, f"the calibration of {name} does not ascend from 0 to 1")
    edges = np.array(performance.score_edges)
    _require(len(edges) <= SCORE_EDGES_MAX, f"it has {len(edges)} edges of scores")
    inside = bool(np.all((edges >= 0) & (edges < 1)))
    _require(inside and bool(np.all(np.diff(edges) > 0)), "edges of its scores do not ascend")
    if performance.label is not None:
        row = RowSource("label", "label", performance.label)
        _check_row(row)
        _check_cells(row, Reference.from_baseline(performance.label))


def _are_counts(counts: tuple[int, ...]) -> bool:
    return all(0 <= count < COUNT_MAX for count in counts)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
