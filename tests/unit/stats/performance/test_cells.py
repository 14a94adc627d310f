import numpy as np
import pytest

from stream.stats.performance.cells import ScoreCells


def test_values_lie_no_further_from_the_middle_than_half_the_width() -> None:
    edges = np.array([0.0, 0.1, np.nextafter(0.3, 0), 0.3, np.nextafter(1.0, 0)])
    cells = ScoreCells.between(edges)
    scores = np.array([0.0, 1e-300, 0.05, 0.1, 0.2, 0.3, 0.7, 1.0])
    of = np.searchsorted(edges, scores)
    assert np.all(np.abs(scores - cells.middles[of]) <= cells.half_widths[of] + 1e-16)
    assert cells.single.tolist() == [True, False, False, True, False, True]
    assert len(cells) == 6


def test_one_cell() -> None:
    cells = ScoreCells.between(np.empty(0))
    assert (cells.middles.tolist(), cells.half_widths.tolist()) == ([0.5], [0.5])
    assert not cells.single.any()


@pytest.mark.parametrize("edge", [0.0, 0.5, 1 - 2**-53])
def test_the_value_of_a_cell_of_one_is_its_middle(edge: float) -> None:
    cells = ScoreCells.between(np.array([edge]))
    assert np.array_equal(cells.middles[cells.single], cells.upper[cells.single])
    assert not cells.half_widths[cells.single].any()
