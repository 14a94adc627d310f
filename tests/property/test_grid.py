"""Counting on the grid: every value once, and the same whatever the order and the batches."""

import bisect
import math
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.baselines import baseline_id
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.reference import Reference
from stream.window.delta import GridDelta, GridValues
from stream.window.layout import compile_layout

FINITE = st.floats(-1e12, 1e12)
FEW = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 5e-324, 1e-9, 7.0])
VALUES = st.lists(FINITE | FEW, min_size=2, max_size=300)


def numeric(values: Any) -> Any:
    return build_baseline({"x": values}, model_name="m", model_version="1").features["x"]


@given(reference=VALUES, data=st.data())
@settings(max_examples=60, deadline=None)
def test_counting_a_sorted_column_is_counting_each_value(reference: Any, data: Any) -> None:
    grid = NumericGrid.from_baseline(numeric(reference))
    edges = grid.edges.tolist()
    odd = st.sampled_from(
        [math.nan, math.inf, *edges[:-1], *np.nextafter(edges[:-2], np.inf).tolist()]
    )
    column = np.array(data.draw(st.lists(FINITE | FEW | odd, max_size=100)), dtype=np.float64)
    expected = [0] * grid.cells
    for value in column.tolist():
        expected[-1 if math.isnan(value) else bisect.bisect_left(edges, value)] += 1
    assert grid.count_sorted(np.sort(column)).tolist() == expected


@given(reference=VALUES)
@settings(max_examples=60, deadline=None)
def test_the_grid_of_a_reference(reference: Any) -> None:
    baseline = numeric(reference)
    edges, values = np.array(baseline.edges), np.sort(np.array(reference) + 0.0)
    assert np.all(np.diff(edges) > 0)
    assert edges[0] < values[0] <= values[-1] <= edges[-1]
    assert edges[0] == math.nextafter(values[0], -math.inf)
    assert set(baseline.decile_edges) | set(baseline.doane_edges) <= set(baseline.edges)
    cells = np.searchsorted(edges, values)
    for cell in np.flatnonzero(np.bincount(cells) * 256 > len(values)):
        assert len(set(values[cells == cell].tolist())) == 1
    assert sum(baseline.counts) == len(values)


@given(reference=VALUES, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_baseline_is_the_same_in_any_order_of_rows(reference: Any, seed: Any) -> None:
    table = {"x": np.array(reference), "y": np.array([str(v) for v in reference])}
    order = np.random.default_rng(seed).permutation(len(reference))
    a = build_baseline(table, model_name="m", model_version="1")
    b = build_baseline(
        {name: values[order] for name, values in table.items()}, model_name="m", model_version="1"
    )
    assert baseline_id(a) == baseline_id(b)


BASELINE = build_baseline(
    {
        "x": np.random.default_rng(1).normal(size=500),
        "y": np.random.default_rng(2).poisson(2, 500).astype(float),
        "z": np.random.default_rng(3).choice(["a", "b", "c"], 500),
    },
    model_name="m",
    model_version="1",
)
LAYOUT = compile_layout(BASELINE)
ROWS = st.lists(
    st.tuples(
        FINITE | st.sampled_from([math.nan, math.inf]),
        FEW | st.just(math.nan),
        st.integers(0, LAYOUT.row_cells[2] - 1),
    ),
    max_size=80,
)


def counted(rows: Any) -> GridDelta:
    delta = GridDelta(LAYOUT)
    if rows:
        x, y, z = zip(*rows, strict=True)
        # -0.0 equals 0.0 and has other bytes: which of them an extreme keeps depends on the order.
        matrix = np.array([x, y], dtype=np.float64) + 0.0
        delta.add(GridValues(matrix, {2: np.array(z, dtype=np.int64)}))
    return delta


def merged(deltas: Any) -> GridDelta:
    out = GridDelta(LAYOUT)
    for delta in deltas:
        out.events += delta.events
        out.counts += delta.counts
        for into, more in zip(out.sums, delta.sums, strict=True):
            into[:] = [a + b for a, b in zip(into, more, strict=True)]
        out.maxima = np.maximum(out.maxima, delta.maxima)
        if out.moments is not None and delta.moments is not None:
            out.moments = out.moments + delta.moments
    return out


@given(rows=ROWS, cuts=st.lists(st.integers(0, 80), max_size=5), random=st.randoms())
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_batches_give_the_same_bytes(rows: Any, cuts: Any, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    bounds = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    parts = [counted(shuffled[i:j]) for i, j in pairwise(bounds)]
    assert merged(random.sample(parts, len(parts))).rows() == counted(rows).rows()


def test_the_reference_is_counted_as_windows_are() -> None:
    delta = GridDelta(LAYOUT)
    x = np.random.default_rng(1).normal(size=500)
    y = np.random.default_rng(2).poisson(2, 500).astype(float)
    delta.add(GridValues(np.array([x, y]), {2: np.zeros(500, dtype=np.int64)}))
    offsets = LAYOUT.row_offsets
    for row, name in enumerate(("x", "y")):
        found = delta.counts[offsets[row] : offsets[row + 1]]
        assert tuple(found.tolist()) == BASELINE.features[name].counts
        assert Reference.from_baseline(BASELINE.features[name]).cells == LAYOUT.row_cells[row]
