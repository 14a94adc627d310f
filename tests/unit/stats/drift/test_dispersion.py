import math

import pytest

from schemas.baselines import Dispersion
from stream.stats.drift.dispersion import freedom_at, phi_at

RESTLESS = Dispersion(chunks=20, chunk_rows=250.0, phi=3.0)
STEADY = Dispersion(chunks=20, chunk_rows=250.0, phi=1.0)


@pytest.mark.parametrize("n", [1, 250, 1_000_000])
def test_independent_rows_vary_as_they_do_at_any_size(n: int) -> None:
    for dispersion in (None, STEADY):
        assert phi_at(dispersion, n) == 1.0
        assert freedom_at(dispersion, n) == math.inf


def test_beyond_a_chunk_the_worst_is_assumed() -> None:
    assert [phi_at(RESTLESS, n) for n in (1, 250, 500, 2_500)] == [3.0, 3.0, 5.0, 21.0]


def test_what_was_estimated_is_known_by_the_number_of_chunks() -> None:
    assert freedom_at(RESTLESS, 250) == pytest.approx(19 * 1.5**2)
    assert freedom_at(RESTLESS, 10**9) == pytest.approx(19, rel=1e-6)
