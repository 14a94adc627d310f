"""Errors of numeric predictions: what is absent, and intervals that hold."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stream.arrays import FloatArray
from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.intervals import Figure
from stream.stats.performance.regression import regression_figures

RNG = np.random.default_rng(23)


def figures_of(predictions: Any, targets: Any) -> dict[str, Figure]:
    errors = np.subtract(predictions, targets)
    relative = [abs(e / y) for e, y in zip(errors, targets, strict=True) if y]
    return regression_figures(ExactSums.of(errors), ExactSums.of(targets), ExactSums.of(relative))


def test_nothing_summed_is_absent() -> None:
    assert figures_of([], []) == {}


def test_targets_of_zero_are_left_out_of_relative_errors() -> None:
    assert figures_of([1.0, 3.0], [0.0, 2.0])["mape"].value == 0.5
    assert "mape" not in figures_of([1.0, 2.0], [0.0, 0.0])


@pytest.mark.parametrize("targets", [[0.1, 0.1, 0.1], [7.0]])
def test_targets_that_do_not_vary_leave_nothing_to_explain(targets: Any) -> None:
    found = figures_of(np.add(targets, 1.0), targets)
    assert "r2" not in found
    assert found["bias"].value == pytest.approx(1.0)


def test_perfect_predictions() -> None:
    found = figures_of([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert {name: figure.value for name, figure in found.items()} == {
        **dict.fromkeys(("mae", "mse", "rmse", "mape", "bias"), 0.0),
        "r2": 1.0,
    }


def test_worse_than_the_mean_is_below_zero() -> None:
    assert figures_of([3.0, 2.0, 1.0], [1.0, 2.0, 3.0])["r2"].value == pytest.approx(-3.0)


def test_one_request_has_no_interval() -> None:
    found = figures_of([1.5], [1.0])
    assert all(figure.low is None and figure.high is None for figure in found.values())
    assert found["rmse"].value == pytest.approx(0.5)


def test_errors_whose_squares_are_beyond_doubles_have_no_mean_square() -> None:
    found = figures_of([1e200, -1e200, 0.0], [1.0, 2.0, 4.0])
    assert set(found) == {"mae", "mape", "bias"}
    assert found["mae"].low is None


SHAPES: dict[str, tuple[Callable[[int], FloatArray], float, float, float]] = {
    "normal": (lambda n: RNG.normal(0, 3, n), 9.0, 2 / math.sqrt(2 * math.pi) * 3, 0.91),
    "biased": (lambda n: RNG.normal(2, 1, n), 5.0, 2.016983, 0.91),
    "laplace": (lambda n: RNG.laplace(0, 1, n), 2.0, 1.0, 0.91),
    # Heavier than the generalised normal distribution of the same ratio.
    "student": (lambda n: RNG.standard_t(5, n), 5 / 3, 0.949037, 0.80),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_intervals_hold(shape: Any) -> None:
    draw, mean_square, mean_magnitude, least = SHAPES[shape]
    held = {"mse": 0, "rmse": 0, "mae": 0}
    true = {"mse": mean_square, "rmse": math.sqrt(mean_square), "mae": mean_magnitude}
    for _ in range(300):
        found = regression_figures(ExactSums.of(draw(200)), ExactSums(), ExactSums())
        for name in held:
            low, high = found[name].low, found[name].high
            assert low is not None
            assert high is not None
            held[name] += low <= true[name] <= high
    assert held["mse"] == held["rmse"]
    assert held["mse"] >= least * 300
    assert held["mae"] >= 0.91 * 300
