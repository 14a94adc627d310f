"""The layout of a baseline: its rows, what its id depends on, and the coarse one of segments."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.window.delta import GridDelta, GridValues
from stream.window.layout import (
    SEGMENT_CELLS_MAX,
    GridLayout,
    compile_layout,
    layout_id,
    reference_rows,
    split_moments,
)

ROWS = 400
WORDS = ("calm", "river", "gauge", "flood", "level")
NAMES = [
    "age",
    "country",
    "flag",
    "text",
    "text.length",
    "text.non_letter_share",
    "text.out_of_vocabulary_share",
    "text.words",
    "token",
    "vector",
    *(f"vector.{name}" for name in ("cosine_distance", "norm")),
    *(f"vector.projection_{k}" for k in range(4)),
    "weight",
    "words",
    *(f"words.{name}" for name in ("coverage", "size", "unseen_share")),
    "prediction",
    "probability",
]


def columns(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    texts = [f"{WORDS[i % 5]} number {i} {WORDS[i % 3]}" for i in range(ROWS)]
    return {
        "age": rng.integers(18, 90, ROWS).astype(np.float64),
        "weight": rng.normal(70, 9, ROWS),
        "country": [f"c{i % 40:02d}" for i in range(ROWS)],
        "flag": [bool(i % 3) for i in range(ROWS)],
        "text": texts,
        "words": [text.split() for text in texts],
        "vector": rng.normal(size=(ROWS, 8)).tolist(),
        "token": [f"token-{seed}-{i}" for i in range(ROWS)],
        "prediction": [i % 2 for i in range(ROWS)],
        "probability": rng.random(ROWS),
    }


def build(given: dict[str, Any]) -> Baseline:
    return build_baseline(given, model_name="m", model_version="1")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build(columns())


@pytest.fixture(scope="module")
def layout(baseline: Baseline) -> GridLayout:
    return compile_layout(baseline)


def test_rows_are_features_by_name_with_their_descriptors_then_the_outputs(
    baseline: Baseline,
) -> None:
    rows = reference_rows(baseline)
    assert [row.name for row in rows] == NAMES
    assert [row.name for row in rows if row.described] == [name for name in NAMES if "." in name]


def test_every_row_is_in_one_column_and_has_its_cells(layout: GridLayout) -> None:
    every: list[Any] = [*layout.numeric, *layout.categorical, *layout.presence]
    assert sorted(column.row for column in every) == list(range(len(NAMES)))
    assert {NAMES[column.row]: column.name for column in every} == {n: n for n in NAMES}
    assert layout.row_offsets.tolist() == np.cumsum([0, *layout.row_cells]).tolist()
    assert layout.row_cells[NAMES.index("country")] == 40 + 3
    assert layout.row_cells[NAMES.index("token")] == 3


def test_descriptors_are_counted_where_their_column_says(layout: GridLayout) -> None:
    assert [c.name for c in layout.numeric[: layout.plain]] == ["age", "weight", "probability"]
    for column in layout.presence:
        if column.describer is not None:
            names = [f"{column.name}.{name}" for name in column.describer.names]
            places = range(column.first, column.first + len(names))
            assert [layout.numeric[place].name for place in places] == names
    assert layout.numeric_features == {"age", "weight"}
    assert layout.other_features == {"country", "flag", "text", "token", "vector", "words"}


def test_the_id_is_of_the_cells_alone(baseline: Baseline) -> None:
    known = layout_id(baseline)
    feature = baseline.features["age"]
    other_counts = msgspec.structs.replace(
        feature, counts=feature.counts[::-1], mean=7.0, missing_count=9, kind=FeatureKind.DISCRETE
    )
    changed = msgspec.structs.replace(
        baseline,
        rows=17,
        provisional=True,
        model_version="2",
        features={**baseline.features, "age": other_counts},
    )
    assert layout_id(changed) == known
    for field, value in {
        "edges": feature.edges[:-1],
        "scale_exponent": feature.scale_exponent + 1,
    }.items():
        moved = msgspec.structs.replace(feature, **{field: value})
        features = {**baseline.features, "age": moved}
        assert layout_id(msgspec.structs.replace(baseline, features=features)) != known, field
    fewer = {name: of for name, of in baseline.features.items() if name != "token"}
    assert layout_id(msgspec.structs.replace(baseline, features=fewer)) != known
    assert layout_id(build(columns(seed=1))) != known


def test_a_segment_counts_the_same_values_in_joined_cells(layout: GridLayout) -> None:
    rng = np.random.default_rng(5)
    events = 3_000
    matrix = rng.normal(60, 25, (len(layout.numeric), events))
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    matrix[rng.random(matrix.shape) < 0.02] = np.inf
    cells = {c.row: rng.integers(0, c.cells, events) for c in layout.categorical}
    cells |= {c.row: rng.integers(0, 3, events) for c in layout.presence}
    whole, part = GridDelta(layout), GridDelta(layout.coarse)
    whole.add(GridValues(matrix, cells))
    maps = layout.coarse.cell_maps
    part.add(GridValues(matrix, {r: maps[r][c] if r in maps else c for r, c in cells.items()}))
    coarse = layout.coarse
    assert coarse.id == layout.id
    for row in range(len(NAMES)):
        fine_row = whole.counts[layout.row_offsets[row] : layout.row_offsets[row + 1]]
        coarse_row = part.counts[coarse.row_offsets[row] : coarse.row_offsets[row + 1]]
        assert len(coarse_row) <= SEGMENT_CELLS_MAX + 3
        assert coarse_row.sum() == fine_row.sum() == events
        assert coarse_row[-2:].tolist() == fine_row[-2:].tolist(), "mismatched and missing"
    for fine_column, column in zip(layout.numeric, coarse.numeric, strict=True):
        assert np.isin(column.grid.edges, fine_column.grid.edges).all()
    assert part.sums == whole.sums[:2]
    assert part.maxima.tolist() == whole.maxima.tolist()
    assert part.moments is None


def test_moments_are_those_of_standardised_columns(layout: GridLayout) -> None:
    assert layout.moments is not None
    rng = np.random.default_rng(6)
    matrix = np.full((len(layout.numeric), 500), np.nan)
    matrix[layout.moments.places] = rng.normal(60, 10, (2, 500))
    matrix[0, :50] = np.nan
    matrix[0, 50:60] = np.inf
    row = layout.moments.of(matrix)
    assert len(row) == layout.moments.cells
    rows, sums, products = split_moments(row)
    z = (matrix[layout.moments.places] - layout.moments.means[:, None]) * (
        layout.moments.inverse_stds[:, None]
    )
    units = np.rint(np.clip(np.where(np.isfinite(z), z, 0.0), -8, 8) * 64)
    assert rows == 500
    assert sums.tolist() == units.sum(axis=1).tolist()
    assert products.tolist() == (units @ units.T)[np.triu_indices(2)].tolist()
    halves = [layout.moments.of(matrix[:, :123]), layout.moments.of(matrix[:, 123:])]
    assert (halves[0] + halves[1]).tolist() == row.tolist()
