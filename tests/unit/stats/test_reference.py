"""Compiled references: kinds without cells, seasons, coarse cells."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.descriptive import describe
from stream.stats.drift.figures import drift_figures
from stream.stats.reference import MISMATCH, SEASON_ROWS_MIN, Reference

RNG = np.random.default_rng(21)
SHAPES = {
    "normal": RNG.normal(size=5_000),
    "lognormal": RNG.lognormal(size=5_000),
    "zeros": np.where(RNG.random(5_000) < 0.4, 0.0, RNG.exponential(size=5_000)),
    "poisson": RNG.poisson(3, 5_000).astype(float),
    "two values": (RNG.random(5_000) < 0.2).astype(float),
    "constant": np.full(5_000, 7.0),
}


def numeric(values: Any) -> FeatureBaseline:
    return build_baseline({"x": values}, model_name="m", model_version="1").features["x"]


def row_of(baseline: FeatureBaseline, values: Any) -> Any:
    return NumericGrid.from_baseline(baseline).count_sorted(np.sort(np.asarray(values, float)))


def named(counts: Any, **fields: Any) -> FeatureBaseline:
    names = tuple(f"c{i:03d}" for i in range(len(counts) - 3 - ("other_categories" in fields)))
    return FeatureBaseline(
        kind=FeatureKind.CATEGORICAL, categories=names, counts=tuple(counts), **fields
    )


# --- kinds whose values have no cells


@pytest.mark.parametrize(
    "kind", [FeatureKind.TEXT, FeatureKind.EMBEDDING, FeatureKind.SET, FeatureKind.ID]
)
def test_values_without_cells_are_tested_for_missing_only(kind: FeatureKind) -> None:
    reference = Reference.from_baseline(FeatureBaseline(kind=kind, counts=(990, 0, 10)))
    assert not reference.tells_values
    assert drift_figures(reference, np.array([200, 0, 0])).figures.keys() == {
        "drift_p_value",
        "missing_increase",
    }
    lost = drift_figures(reference, np.array([100, 0, 100]))
    assert lost.test is not None
    assert lost.figures["drift_p_value"] < 1e-9
    assert lost.figures["missing_increase"] == pytest.approx(0.49)
    assert describe(reference, np.array([100, 4, 96])).keys() == {
        "count",
        "missing_rate",
        "type_mismatch_rate",
    }


def test_no_unseen_rate_of_a_text_that_the_baseline_has_no_rows_of() -> None:
    reference = Reference.from_baseline(FeatureBaseline(kind=FeatureKind.TEXT, counts=(0, 0, 9)))
    assert "unseen_rate" not in describe(reference, np.array([5, 0, 5]))


# --- seasons


def seasonal(by_hour: dict[int, Any]) -> FeatureBaseline:
    """A numeric baseline of 0 to 99 with these values at these hours."""
    baseline = numeric(np.concatenate(list(by_hour.values())))
    edges = np.array(baseline.decile_edges)
    seasons = [[0] * (len(edges) + 2) for _ in range(168)]
    for hour, values in by_hour.items():
        cells = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        seasons[hour] = [*cells.tolist(), 0]
    return msgspec.structs.replace(baseline, seasons=tuple(map(tuple, seasons)))


DAY, NIGHT = RNG.normal(1.0, 1.0, 3_000), RNG.normal(-1.0, 0.5, 1_000)
SEASONAL = Reference.from_baseline(seasonal({12: DAY, 3: NIGHT}))


def weights(**hours: float) -> Any:
    out = np.zeros(168)
    for name, weight in hours.items():
        out[int(name.removeprefix("h"))] = weight
    return out


def test_an_hours_reference_is_that_hours_rows() -> None:
    at_night = SEASONAL.for_hours(weights(h3=1.0))
    assert at_night is not None
    assert at_night.total == 1_000
    edges = np.array(SEASONAL.baseline.decile_edges)
    exact = np.bincount(np.searchsorted(edges, NIGHT), minlength=len(edges) + 1)
    assert np.array_equal(at_night.tested.counts, exact)
    night = row_of(SEASONAL.baseline, RNG.normal(-1.0, 0.5, 500))
    assert drift_figures(at_night, night).figures["drift_p_value"] > 0.001
    assert drift_figures(SEASONAL, night).figures["drift_p_value"] < 1e-9


def test_all_hours_alike_are_the_whole_reference() -> None:
    whole = SEASONAL.for_hours(np.full(168, 1 / 168))
    assert whole is not None
    assert np.array_equal(whole.counts, SEASONAL.counts)
    assert whole.rows == SEASONAL.rows


def test_rows_of_unequal_weight_count_less() -> None:
    mixed = SEASONAL.for_hours(weights(h12=0.1, h3=0.9))
    assert mixed is not None
    effective = (0.1 * 3_000 + 0.9 * 1_000) ** 2 / (0.01 * 3_000 + 0.81 * 1_000)
    assert mixed.total == pytest.approx(effective, abs=1)
    night_share = 0.9 * 1_000 / (0.1 * 3_000 + 0.9 * 1_000)
    edges = np.array(SEASONAL.baseline.decile_edges)
    shares = [
        np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) / len(x)
        for x in (DAY, NIGHT)
    ]
    expected = (1 - night_share) * shares[0] + night_share * shares[1]
    assert mixed.tested.shares == pytest.approx(expected, abs=2 / effective)


def test_missing_rows_have_their_seasons() -> None:
    seasons = [(0, 0, 0)] * 168
    seasons[5], seasons[6] = (400, 0, 100), (400, 0, 0)
    baseline = FeatureBaseline(
        kind=FeatureKind.CATEGORICAL,
        categories=("a",),
        counts=(800, 0, 0, 100),
        seasons=tuple(seasons),
    )
    reference = Reference.from_baseline(baseline).for_hours(weights(h5=1.0))
    assert reference is not None
    assert (reference.missing, reference.rows) == (100, 500)


def test_too_few_rows_are_no_reference() -> None:
    assert SEASONAL.for_hours(weights(h4=1.0)) is None
    assert Reference.from_baseline(numeric(DAY)).for_hours(weights(h4=1.0)) is None
    few = Reference.from_baseline(seasonal({12: DAY, 3: NIGHT[: SEASON_ROWS_MIN - 1]}))
    assert few.for_hours(weights(h3=1.0)) is None
    enough = Reference.from_baseline(seasonal({12: DAY, 3: NIGHT[:SEASON_ROWS_MIN]}))
    assert enough.for_hours(weights(h3=1.0)) is not None


def test_seasons_of_another_layout_are_refused() -> None:
    baseline = msgspec.structs.replace(numeric(DAY), seasons=((1, 2),) * 168)
    with pytest.raises(ValueError, match=r"seasons of \(168, 2\) cells"):
        Reference.from_baseline(baseline)


# --- coarse cells


@pytest.mark.parametrize("shape", SHAPES)
def test_a_coarse_reference_decides_the_same(shape: str) -> None:
    values = SHAPES[shape]
    fine = Reference.from_baseline(numeric(values))
    coarse, cell_map = fine.coarsened()
    assert coarse.cells - 2 <= 32
    assert np.all(np.diff(cell_map) >= 0)
    assert np.array_equal(np.bincount(cell_map, fine.counts), coarse.counts)
    current = np.append(RNG.choice(values, 400) * 1.1 + 0.05, [1e9, -1e9, np.nan, np.inf])
    row = row_of(fine.baseline, current)
    coarse_row = np.bincount(cell_map, row)
    a, b = drift_figures(fine, row).figures, drift_figures(coarse, coarse_row).figures
    for name in ("psi", "chi2", "chi2_p_value", "missing_increase"):
        assert b.get(name) == a.get(name)
    # The effect is the larger one of two, one of which rests on the distance at the edges.
    seen = 4 * (a["ks"] ** 2 - b["ks"] ** 2)
    assert 0 <= a["effect"] - b["effect"] <= seen + 1e-12
    assert a["ks"] - 2 / len(np.unique(coarse.cumulative_shares)) <= b["ks"] <= a["ks"]
    before, after = describe(fine, row), describe(coarse, coarse_row)
    for name in ("missing_rate", "type_mismatch_rate", "below_range_rate", "above_range_rate"):
        assert before[name] == after[name]
    assert before.get("outlier_rate") == after.get("outlier_rate")


def test_quantiles_of_coarse_cells_stay_near() -> None:
    fine = Reference.from_baseline(numeric(SHAPES["normal"]))
    coarse, cell_map = fine.coarsened()
    row = row_of(fine.baseline, RNG.normal(0.3, 1.0, 3_000))
    before, after = describe(fine, row), describe(coarse, np.bincount(cell_map, row))
    for name in ("p05", "p25", "p50", "p75", "p95"):
        assert after[name] == pytest.approx(before[name], abs=0.1)


def test_doanes_bins_are_kept_where_they_fit() -> None:
    few = Reference.from_baseline(numeric(SHAPES["two values"]))
    coarse, cell_map = few.coarsened(64)
    row = row_of(few.baseline, [0.0, 0.0, 1.0, 3.0])
    a, b = (
        drift_figures(*pair).figures for pair in ((few, row), (coarse, np.bincount(cell_map, row)))
    )
    assert [a[name] for name in ("js", "hellinger", "l_infinity")] == [
        b[name] for name in ("js", "hellinger", "l_infinity")
    ]


def test_what_does_not_fit_is_joined() -> None:
    baseline = numeric(np.repeat(np.arange(100.0), 10))
    every_value = msgspec.structs.replace(baseline, decile_edges=tuple(np.arange(100.0).tolist()))
    fine = Reference.from_baseline(every_value)
    assert len(fine.tested.last) == 101
    coarse, cell_map = fine.coarsened()
    assert coarse.cells - 2 <= 32
    assert len(coarse.tested.last) >= 20
    assert coarse.tested.shares[:-1].max() <= 0.1
    same = np.bincount(cell_map, fine.counts)
    assert drift_figures(coarse, same).figures["psi"] == 0.0


def test_coarse_seasons_are_those_of_the_fine_ones() -> None:
    coarse, cell_map = SEASONAL.coarsened()
    hours = weights(h3=0.5, h12=0.5)
    a, b = SEASONAL.for_hours(hours), coarse.for_hours(hours)
    assert a is not None
    assert b is not None
    assert np.abs(np.bincount(cell_map, a.counts) - b.counts).max() <= 1
    assert np.array_equal(a.tested.counts, b.tested.counts)


@pytest.mark.parametrize("other", [False, True])
def test_rare_categories_are_joined(other: bool) -> None:
    fields: Any = {"other_categories": ("z",)} if other else {}
    frequencies = np.arange(1, 101)
    baseline = named([*frequencies.tolist(), *([7] if other else []), 0, 3, 5], **fields)
    fine = Reference.from_baseline(baseline)
    coarse, cell_map = fine.coarsened()
    assert coarse.cells - 2 == 32
    assert coarse.counts[:30].tolist() == list(range(71, 101))
    assert coarse.counts[30:].tolist() == [frequencies[:70].sum() + 7 * other, 0, 3, 5]
    assert coarse.tells_unseen
    row = np.zeros(fine.cells, dtype=np.int64)
    row[-3] = 4
    row[0] = 6
    found = np.bincount(cell_map, row, minlength=coarse.cells)
    assert describe(coarse, found)["unseen_rate"] == 0.4


def test_few_categories_stay_as_they_are() -> None:
    fine = Reference.from_baseline(named([5, 4, 1, 0, 0, 2]))
    coarse, cell_map = fine.coarsened()
    assert coarse is fine
    assert cell_map.tolist() == list(range(6))


def test_too_small_a_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="allow at least 16"):
        Reference.from_baseline(numeric(DAY)).coarsened(15)


def test_a_grid_follows_its_coarse_reference() -> None:
    fine = Reference.from_baseline(numeric(SHAPES["zeros"]))
    coarse, cell_map = fine.coarsened()
    grid = NumericGrid.from_baseline(fine.baseline)
    values = np.append(np.sort(RNG.exponential(size=300)), [np.inf, np.nan])
    counted = grid.coarsened(cell_map).count_sorted(values)
    assert np.array_equal(counted, np.bincount(cell_map, grid.count_sorted(values)))
    assert np.array_equal(grid.coarsened(cell_map).edges[: MISMATCH + 1], coarse.uppers)
