"""The stated blind spot is where a simulation finds it."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.decision import decide
from stream.stats.drift.detectable import min_detectable_shift
from stream.stats.drift.figures import drift_figures
from stream.stats.reference import Reference

ALPHA = 1e-3
RNG = np.random.default_rng(12)


def continuous(values: FloatArray, move: float) -> FloatArray:
    return values + move


def steps(values: FloatArray, move: float) -> FloatArray:
    """A share of rows moves on by one."""
    moved: FloatArray = values + np.sign(move) * (RNG.random(len(values)) < abs(move))
    return moved


SHAPES: dict[str, tuple[Callable[[int], FloatArray], Callable[[FloatArray, float], FloatArray]]] = {
    "normal": (lambda n: RNG.normal(size=n), continuous),
    "uniform": (RNG.random, continuous),
    "lognormal": (lambda n: RNG.lognormal(size=n), continuous),
    "discrete": (lambda n: RNG.poisson(3, n).astype(float), steps),
}


def reference_of(values: Any) -> Reference:
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    return Reference.from_baseline(baseline)


def smallest(reference: Reference, n: int, **terms: float) -> float:
    found = min_detectable_shift(
        reference,
        n,
        terms.get("alpha", ALPHA),
        terms.get("effect_min", 0.02),
        terms.get("phi", 1.0),
    )
    assert found is not None
    return found


def found_share(shape: str, n: int, factor: float) -> float:
    """Windows found at this multiple of the stated shift, up or down: the worse one."""
    draw, move = SHAPES[shape]
    found = [0, 0]
    references, windows = 40, 5
    for _ in range(references):
        reference = reference_of(draw(5_000))
        std = reference.baseline.std or 0.0
        grid = NumericGrid.from_baseline(reference.baseline)
        shift = factor * smallest(reference, n) * std
        for side, sign in enumerate((1, -1)):
            for _ in range(windows):
                row = grid.count_sorted(np.sort(move(draw(n), sign * shift)))
                test = drift_figures(reference, row).test
                assert test is not None
                found[side] += decide({"x": test}, ALPHA)["x"].drifted
    return min(found) / (references * windows)


@pytest.mark.parametrize("n", [100, 1_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_shift_is_within_ten_percent(shape: str, n: int) -> None:
    """With 200 windows a share is good to 0.03; 0.9 and 1.1 of the shift lie 0.1 and more off."""
    assert found_share(shape, n, 0.9) < 0.8
    assert found_share(shape, n, 1.1) > 0.8


NORMAL = reference_of(np.random.default_rng(0).normal(size=5_000))


def test_more_rows_find_less_down_to_the_floor() -> None:
    shifts = [smallest(NORMAL, n) for n in (50, 200, 1_000, 10_000, 1_000_000)]
    assert shifts == sorted(shifts, reverse=True)
    assert 0.13 < shifts[-1] < 0.17  # the floor 0.02 is 0.14 standard deviations
    assert smallest(NORMAL, 10_000, effect_min=0.0) < 0.6 * shifts[3]


def test_a_stricter_level_and_a_restless_reference_find_less() -> None:
    usual = smallest(NORMAL, 1_000)
    assert smallest(NORMAL, 1_000, alpha=1e-6) > 1.1 * usual
    assert smallest(NORMAL, 1_000, phi=4.0) > 1.5 * usual


def test_missing_values_cost_half_the_level() -> None:
    counts = (*NORMAL.baseline.counts[:-1], 100)
    beside = Reference.from_baseline(msgspec.structs.replace(NORMAL.baseline, counts=counts))
    assert smallest(beside, 100) == smallest(NORMAL, 100, alpha=ALPHA / 2)


def test_windows_of_about_one_size_share_an_answer() -> None:
    assert smallest(NORMAL, 1_204) == smallest(NORMAL, 1_249)


def test_zeros_of_a_continuous_feature_stay() -> None:
    """Moving all zeros by a hair would be seen in any window, and is nothing that happens."""
    zeros = RNG.random(5_000) < 0.35
    inflated = reference_of(np.where(zeros, 0.0, RNG.normal(50.0, 5.0, 5_000)))
    assert smallest(inflated, 1_000) > 0.01


@pytest.mark.parametrize(
    "baseline",
    [
        FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=("a", "b"), counts=(50, 50, 0, 0, 0)
        ),
        FeatureBaseline(kind=FeatureKind.TEXT, counts=(100, 0, 0)),
        reference_of(np.full(100, 3.0)).baseline,
        msgspec.structs.replace(NORMAL.baseline, counts=()),
    ],
)
def test_no_shift_without_order_spread_or_rows(baseline: FeatureBaseline) -> None:
    reference = Reference.from_baseline(baseline)
    assert min_detectable_shift(reference, 1_000, ALPHA, 0.02, 1.0) is None


def test_too_few_rows_find_nothing() -> None:
    assert min_detectable_shift(NORMAL, 0, ALPHA, 0.02, 1.0) is None
    assert min_detectable_shift(NORMAL, 5, ALPHA, 0.02, 1.0) is None
