import numpy as np

from schemas.features import FeatureKind
from stream.baseline.columns import Classes, Numbers
from stream.baseline.features import categorical_baseline, numeric_baseline
from stream.baseline.seasons import SEASON_CELLS_MAX, season_cells, seasons_of
from stream.baseline.times import TimeOrder

HOUR_MS = 3_600_000
MONDAY_MS = 1_578_268_800_000
WEEKS = 3
ORDER = TimeOrder(MONDAY_MS + HOUR_MS * np.arange(168 * WEEKS))
RNG = np.random.default_rng(2)


def test_numbers_are_counted_by_hour_and_decile() -> None:
    hours = np.tile(np.arange(168.0), WEEKS)
    column = Numbers(np.where(hours % 24 == 3, np.nan, hours))
    reference = numeric_baseline("x", column)
    seasons = np.array(seasons_of(reference, column, ORDER))
    assert seasons.shape == (168, len(reference.decile_edges) + 2)
    assert (seasons.sum(axis=1) == WEEKS).all()
    assert (seasons[3::24, -1] == WEEKS).all()
    for hour in (0, 50, 167):
        cell = np.searchsorted(reference.decile_edges, hour)
        assert seasons[hour, cell] == WEEKS


def test_classes_are_counted_by_hour_and_category() -> None:
    names = ("night", "day")
    codes = np.where(ORDER.hours % 24 < 6, 0, 1)
    codes[7] = -1
    column = Classes(names, codes)
    reference = categorical_baseline(column)
    seasons = np.array(seasons_of(reference, column, ORDER))
    assert reference.categories == ("day", "night")
    assert seasons[0].tolist() == [0, WEEKS, 0, 0]
    assert seasons[7].tolist() == [WEEKS - 1, 0, 0, 1]
    assert seasons.sum(axis=0)[[0, 1, 3]].tolist() == [
        reference.counts[0],
        reference.counts[1],
        reference.counts[-1],
    ]


def test_rows_without_a_time_are_left_out() -> None:
    column = Numbers(RNG.normal(size=168 * WEEKS + 40))
    seasons = seasons_of(numeric_baseline("x", column), column, ORDER)
    assert sum(map(sum, seasons)) == 168 * WEEKS


def test_a_discrete_feature_of_32_values_has_seasons_and_many_categories_have_none() -> None:
    column = Numbers(RNG.integers(0, 32, 168 * WEEKS).astype(float))
    reference = numeric_baseline("x", column, kind=FeatureKind.DISCRETE)
    assert season_cells(reference, column)[1] == SEASON_CELLS_MAX
    assert len(seasons_of(reference, column, ORDER)) == 168
    classes = Classes(tuple(f"c{i}" for i in range(SEASON_CELLS_MAX)), ORDER.hours % 66)
    assert seasons_of(categorical_baseline(classes), classes, ORDER) == ()
