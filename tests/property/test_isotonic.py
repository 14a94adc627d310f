"""What an isotonic fit is, whatever it is fitted to."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.stats.isotonic import KNOTS_MAX, fit_isotonic

finite = st.floats(-1e6, 1e6)
rows = st.lists(st.tuples(st.floats(0, 1), finite), min_size=1, max_size=60)


@given(rows, st.integers(2, 12))
def test_a_fit_ascends_and_is_right_on_average(rows: Any, knots_max: Any) -> None:
    x, y = np.array(rows).T
    fitted = fit_isotonic(x, y, knots_max=knots_max)
    assert 1 <= len(fitted.x) <= knots_max
    assert np.all(np.diff(fitted.x) > 0)
    assert np.all(np.diff(fitted.y) >= 0)
    assert fitted.x[0] == x.min()
    assert fitted.x[-1] == x.max()
    if len(np.unique(x)) <= knots_max // 2:
        scale = 1 + np.abs(y).max()
        assert abs(fitted(x).mean() - y.mean()) <= 1e-9 * scale


@given(rows)
def test_the_order_of_rows_does_not_matter(rows: Any) -> None:
    labelled = [(x, float(y > 0)) for x, y in rows]
    forward = fit_isotonic(*np.array(labelled).T)
    backward = fit_isotonic(*np.array(labelled[::-1]).T)
    assert forward.x.tolist() == backward.x.tolist()
    assert forward.y.tolist() == backward.y.tolist()


def test_many_knots_are_joined_where_that_moves_little() -> None:
    rng = np.random.default_rng(5)
    x = rng.random(50_000)
    y = (rng.random(50_000) < x**2).astype(np.float64)
    every, few = fit_isotonic(x, y, knots_max=10**6), fit_isotonic(x, y, knots_max=40)
    assert len(every.x) > KNOTS_MAX / 2
    assert len(few.x) == 40
    assert np.abs(few(x) - every(x)).mean() < 0.01
    assert abs(few(x).mean() - every(x).mean()) < 1e-12
