"""A window's counts become a baseline that knows the window's own figures."""

import numpy as np
import pytest

from schemas.baselines import Baseline, BaselineOrigin
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.merge import GridCounts, PaneCounts, decode_pane
from stream.rollup.promotion import counted_rows, promoted_window
from stream.window.delta import GridValues, PaneDelta
from stream.window.layout import compile_layout

RNG = np.random.default_rng(5)
ROWS = 2_000
REFERENCE = build_baseline(
    {
        "age": RNG.normal(40, 10, ROWS),
        "income": RNG.lognormal(8, 1, ROWS),
        "country": RNG.choice(["DE", "FR"], ROWS).astype(object),
        "probability": RNG.random(ROWS),
    },
    model_name="credit",
    model_version="1",
)
AGES, INCOMES = RNG.normal(44, 12, 500), RNG.lognormal(8.5, 1, 500)
PROBABILITIES = RNG.random(500) ** 2


def window() -> PaneCounts:
    """500 events, one in five of them from a country that the reference does not have."""
    layout = compile_layout(REFERENCE)
    by_name = {"age": AGES, "income": INCOMES, "probability": PROBABILITIES}
    matrix = np.array([by_name[column.name] for column in layout.numeric])
    matrix[[column.name for column in layout.numeric].index("age"), :50] = np.nan
    (country,) = layout.categorical
    codes = np.where(np.arange(500) % 5 == 0, country.unseen, np.arange(500) % 2)
    made = PaneDelta()
    unseen = {country.row: {"IT": 100}}
    made.grid(layout).add(GridValues(matrix, {country.row: codes}, unseen))
    part = GridValues(matrix[:, :120], {country.row: codes[:120]})
    made.segments["site=a"] = PaneDelta()
    made.segments["site=a"].grid(layout.coarse).add(part)
    return decode_pane({name.encode(): row for name, row in made.rows()})


def promoted(counts: PaneCounts, learn: bool = False) -> Baseline:
    return promoted_window(
        CompiledBaseline("ab" * 32, REFERENCE, 0),
        counts,
        model_version="2",
        start_ms=1_000,
        end_ms=2_000,
        learn_categories=learn,
        origin=BaselineOrigin.PROMOTED,
    )


def test_the_figures_are_those_of_the_windows_values() -> None:
    made = promoted(window())
    assert (made.rows, made.model_version, made.origin) == (500, "2", BaselineOrigin.PROMOTED)
    assert (made.start_ms, made.end_ms) == (1_000, 2_000)
    assert made.probability is not None
    for reference, values in (
        (made.features["age"], AGES[50:]),
        (made.features["income"], INCOMES),
        (made.probability, PROBABILITIES),
    ):
        assert reference.mean == pytest.approx(values.mean(), rel=1e-5)
        assert reference.std == pytest.approx(values.std(), rel=1e-2)
        assert (reference.min, reference.max) == (values.min(), values.max())
    assert made.features["age"].missing_count == 50
    assert made.features["country"].counts == (200, 200, 100, 0, 0)


def test_the_window_is_on_the_same_grid_unless_categories_are_learned() -> None:
    same = compile_layout(REFERENCE).id
    assert compile_layout(promoted(window())).id == same
    learned = promoted(window(), learn=True)
    assert learned.features["country"].categories == ("DE", "FR", "IT")
    assert compile_layout(learned).id != same


def test_moments_are_the_windows_on_the_references_scale() -> None:
    made = promoted(window())
    assert made.moments is not None
    assert REFERENCE.moments is not None
    assert made.moments.rows == 500
    assert made.moments.means == REFERENCE.moments.means
    assert made.moments.sums != REFERENCE.moments.sums


def test_segments_of_the_window_are_those_of_the_baseline() -> None:
    made = promoted(window())
    (rows,) = made.segments.values()
    layout = compile_layout(made)
    assert [sum(row) for row in rows] == [120] * len(layout.row_cells)
    assert [len(row) for row in rows] == list(layout.coarse.row_cells)
    assert promoted(window(), learn=True).segments == {}


def test_a_window_without_counts_on_the_grid_is_refused() -> None:
    assert counted_rows(CompiledBaseline("ab" * 32, REFERENCE, 0), GridCounts()) == {}
    with pytest.raises(BaselineError, match="no rows"):
        promoted(PaneCounts())
