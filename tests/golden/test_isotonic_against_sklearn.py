"""Isotonic regression is scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from stream.stats.isotonic import fit_isotonic

EVERYWHERE = np.linspace(-0.1, 1.1, 5_001)


@pytest.mark.parametrize("decimals", [1, 2, 15], ids=["few values", "rounded", "smooth"])
@pytest.mark.parametrize("n", [1, 2, 7, 300, 20_000])
@pytest.mark.parametrize("power", [0.3, 1.0, 4.0])
def test_fits_are_theirs(power: Any, n: Any, decimals: Any) -> None:
    rng = np.random.default_rng([n, decimals])
    x = np.round(rng.beta(1, 2, n), decimals)
    y = (rng.random(n) < x**power).astype(np.float64)
    ours = fit_isotonic(x, y, knots_max=10**6)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    assert ours.x == pytest.approx(theirs.X_thresholds_, rel=0, abs=0)
    assert ours.y == pytest.approx(theirs.y_thresholds_, rel=0, abs=1e-12)
    # Between two neighbouring floats the slope is that of rounding.
    assert ours(EVERYWHERE) == pytest.approx(theirs.predict(EVERYWHERE), rel=0, abs=1e-9)
