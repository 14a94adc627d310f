import math
from typing import Any

import numpy as np
import pytest

from stream.baseline.edges import decile_edges, doane_edges, grid_edges, probability_edges


def counts(values: Any, edges: Any) -> Any:
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)


@pytest.mark.parametrize("seed", range(5))
def test_doane_cells_count_as_numpys_bins(seed: Any) -> None:
    values = np.sort(np.random.default_rng(seed).lognormal(size=700).round(2))
    edges = doane_edges(values)
    expected = np.histogram(values, bins="doane")[0]
    assert counts(values, edges)[1:-1].tolist() == expected.tolist()
    assert counts(values, edges)[[0, -1]].tolist() == [0, 0]


def test_an_atom_has_a_cell_of_its_own() -> None:
    values = np.sort(np.append(np.zeros(300), np.random.default_rng(0).normal(size=700)))
    edges = grid_edges(values)
    zero = np.searchsorted(edges, 0.0)
    assert edges[zero] == 0.0
    assert edges[zero - 1] == math.nextafter(0.0, -math.inf)
    assert counts(values, edges)[zero] == 300


def test_few_values_have_few_edges() -> None:
    values = np.repeat([1.0, 2.0, 3.0], 1_000)
    edges = grid_edges(values)
    assert len(edges) == 6
    assert counts(values, edges)[1:-1].tolist() == [1_000, 0, 1_000, 0, 1_000]


def test_a_decile_at_the_end_leaves_what_lies_beyond_alone() -> None:
    values = np.sort(np.append(np.zeros(200), np.linspace(1, 2, 800)))
    assert counts(values, decile_edges(values))[0] == 0
    assert counts(np.array([-1.0]), decile_edges(values))[0] == 1
    assert len(decile_edges(np.linspace(0, 1, 1_000))) == 9


def test_probability_cells() -> None:
    edges = probability_edges()
    assert edges[0] < 0 < edges[1] < 1e-11
    assert edges[-1] == 1
    assert 1 - edges[-2] < 1e-11
    assert np.diff(edges[1:]).max() <= 1 / 256
    assert set((np.arange(1, 257) / 256).tolist()) <= set(edges.tolist())
