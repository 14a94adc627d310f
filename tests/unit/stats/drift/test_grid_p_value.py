"""p-values of Kolmogorov's distance on a grid, and those with an estimated variance."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from stream.stats.drift.chi_squared import chi_squared_p_value
from stream.stats.drift.kolmogorov_smirnov import grid_p_value, ks_p_value, typical_cell


@pytest.mark.parametrize("distance", [0.12, 0.2, 0.28])
@pytest.mark.parametrize("n", [50, 100, 250])
def test_small_samples_have_the_exact_p_value(distance: float, n: int) -> None:
    """Against the exact distribution for one sample; the limit alone is off by up to a half."""
    exact = float(stats.kstwo.sf(distance, n))
    found = grid_p_value(distance, n, 10**9, cell=0.0)
    assert found == pytest.approx(exact, rel=0.1, abs=1e-9)
    assert found < ks_p_value(distance, n, 10**9)


def test_a_coarse_grid_is_made_up_for() -> None:
    """Share of samples below a p-value of 5 %, seen at 16 places; bounds at 3 standard errors."""
    rng = np.random.default_rng(5)
    n, windows, cells = 400, 2_000, 16
    shares = rng.multinomial(n, [1 / cells] * cells, windows).cumsum(axis=1) / n
    distances = np.abs(shares - np.arange(1, cells + 1) / cells).max(axis=1)
    found = {
        cell: np.mean([grid_p_value(d, n, 10**9, cell) <= 0.05 for d in distances.tolist()])
        for cell in (0.0, 1 / cells)
    }
    error = math.sqrt(0.05 * 0.95 / windows)
    assert abs(found[1 / cells] - 0.05) <= 3 * error
    assert found[0.0] < 0.05 - 3 * error


@pytest.mark.parametrize("freedom", [5.0, 19.0, 400.0])
@pytest.mark.parametrize("distance", [0.05, 0.1, 0.2])
def test_an_estimated_variance_is_averaged_over(distance: float, freedom: float) -> None:
    def of_share(ratio: float) -> float:
        density = float(stats.chi2.pdf(ratio * freedom, freedom)) * freedom
        return density * grid_p_value(distance, 500, 5_000, 1 / 256, 2.0 / ratio)

    exact, _ = integrate.quad(of_share, 1e-9, 12.0, limit=400, points=[0.5, 1.0, 2.0])
    assert grid_p_value(distance, 500, 5_000, 1 / 256, 2.0, freedom) == pytest.approx(exact, 1e-5)


@pytest.mark.parametrize("degrees", [1, 9])
def test_the_same_of_chi_squared(degrees: int) -> None:
    certain = chi_squared_p_value(30.0, degrees, phi=1.5)
    assert chi_squared_p_value(30.0, degrees, 1.5, 1e9) == pytest.approx(certain, rel=1e-6)
    assert chi_squared_p_value(30.0, degrees, 1.5, 19.0) == pytest.approx(
        float(stats.f.sf(20.0 / degrees, degrees, 19.0))
    )


def test_no_distance_is_no_evidence() -> None:
    assert grid_p_value(0.0, 500, 5_000, 0.0) == 1.0
    assert grid_p_value(0.0, 500, 5_000, 0.0, 2.0, 19.0) == 1.0


def test_cells_of_one_value_lose_nothing() -> None:
    uppers = np.array([np.nextafter(0.0, -1.0), 0.0, 2.0, 3.0])
    assert typical_cell(np.array([0.0, 0.5, 0.75, 1.0]), uppers) == 0.25
    assert typical_cell(np.array([0.0, 1.0]), uppers[:2]) == 0.0
