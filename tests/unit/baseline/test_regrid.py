import numpy as np
import pytest

from stream.baseline.edges import doane_edges, grid_edges
from stream.baseline.regrid import carried_seasons, nearest_deciles, nearest_doane
from stream.baseline.seasons import SEASON_CELLS_MAX
from stream.sketches.grid import full_edges

RNG = np.random.default_rng(9)
EDGES = grid_edges(np.sort(RNG.normal(size=20_000)))
UPPERS = full_edges(EDGES)[:-1]


def test_deciles_of_a_shifted_window() -> None:
    values = RNG.normal(0.7, 0.5, 5000)
    counts = np.bincount(np.searchsorted(UPPERS, values), minlength=len(UPPERS))
    deciles = nearest_deciles(counts, UPPERS)
    assert set(deciles.tolist()) <= set(UPPERS.tolist())
    reached = np.searchsorted(np.sort(values), deciles, side="right") / 5000
    assert reached == pytest.approx(np.arange(1, 10) / 10, abs=0.01)


def test_deciles_of_a_window_beyond_the_range() -> None:
    values = RNG.normal(60, 10, 5000)
    counts = np.bincount(np.searchsorted(UPPERS, values), minlength=len(UPPERS))
    deciles = nearest_deciles(counts, UPPERS)
    assert len(deciles) >= 3
    assert np.isfinite(deciles).all()
    assert deciles.max() < np.finfo(float).max


def test_doane_edges_are_near_those_of_the_values() -> None:
    values = RNG.normal(0.3, 0.4, 5000)
    counts = np.bincount(np.searchsorted(UPPERS, values), minlength=len(UPPERS))
    nearest = nearest_doane(counts, UPPERS, EDGES)
    assert set(nearest.tolist()) <= set(EDGES.tolist())
    assert (nearest[0], nearest[-1]) == (EDGES[0], EDGES[-1])
    inner = nearest[1:-1]
    exact = doane_edges(np.sort(values))
    assert len(inner) == pytest.approx(len(exact), abs=2)
    assert np.diff(inner)[3:-3] == pytest.approx(np.diff(exact)[5], abs=0.05)


def test_doane_edges_of_one_value_are_the_range() -> None:
    counts = np.zeros(len(UPPERS), dtype=np.int64)
    counts[100] = 50
    assert nearest_doane(counts, UPPERS, EDGES).tolist() == [EDGES[0], EDGES[-1]]


def test_seasons_keep_the_share_of_each_hour() -> None:
    old = np.zeros((168, 3), dtype=np.int64)
    old[0], old[1] = [90, 10, 0], [30, 30, 0]
    seasons = tuple(map(tuple, old.tolist()))
    same = np.arange(3)
    new = np.array(carried_seasons(seasons, same, same, np.array([40, 80, 16])))
    assert new[:2].tolist() == [[30, 20, 10], [10, 60, 6]]
    assert new[2:].sum() == 0


def test_more_cells_than_seasons_may_have() -> None:
    seasons = ((1,),) * 168
    cells = np.arange(SEASON_CELLS_MAX + 1)
    ones = np.ones(len(cells), dtype=np.int64)
    assert carried_seasons(seasons, np.zeros_like(cells), cells, ones) == ()
    assert len(carried_seasons(seasons, np.zeros_like(cells[1:]), cells[:-1], ones[1:])) == 168
