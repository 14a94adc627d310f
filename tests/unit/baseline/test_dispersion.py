"""What the reference's time order tells about how it varies."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from schemas.baselines import Dispersion
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Numbers
from stream.baseline.dispersion import dispersion_of
from stream.baseline.features import categorical_baseline, numeric_baseline
from stream.baseline.times import TimeOrder
from stream.stats.drift.budget import HOUR_MS

HOURLY = 250


def order(rows: int, hourly: int = HOURLY) -> TimeOrder:
    return TimeOrder(np.arange(rows) * HOUR_MS // hourly)


def of_numbers(
    values: Any, hourly: int = HOURLY, kind: FeatureKind = FeatureKind.NUMERIC
) -> Dispersion:
    numbers = Numbers(np.asarray(values, dtype=np.float64))
    found = dispersion_of(
        numeric_baseline("x", numbers, kind=kind), numbers, order(len(values), hourly)
    )
    assert found is not None
    return found


def of_classes(codes: Any, names: str = "abcdefgh") -> Dispersion:
    classes = Classes(tuple(names), np.asarray(codes))
    found = dispersion_of(categorical_baseline(classes), classes, order(len(codes)))
    assert found is not None
    return found


def autoregressive(rng: np.random.Generator, rho: float, rows: int) -> FloatArray:
    noise = rng.standard_normal(rows + 200)
    values: FloatArray = lfilter([math.sqrt(1 - rho * rho)], [1.0, -rho], noise)[200:]
    return values


def arcsine(rho: float, rows: int) -> float:
    """Exact value at the median: two normals of correlation r agree in sign by arcsin(r)."""
    lags = np.arange(1, rows)
    return float(1 + 2 * np.sum((1 - lags / rows) * 2 / np.pi * np.arcsin(rho**lags)))


def test_independent_rows_have_about_one() -> None:
    found = [of_numbers(np.random.default_rng(k).normal(size=5_000)) for k in range(20)]
    assert {(one.chunks, one.chunk_rows) for one in found} == {(20, 240.0)}
    assert min(one.phi for one in found) == 1.0
    assert np.mean([one.phi for one in found]) < 1.1


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_neighbours_that_resemble_each_other(rho: float) -> None:
    """Below the median's, which varies most, and above half of it, which would do no good."""
    values = [autoregressive(np.random.default_rng(k), rho, 5_000) for k in range(20)]
    mean = np.mean([of_numbers(one).phi for one in values])
    assert 0.7 * arcsine(rho, 240) < mean < arcsine(rho, 240)


def test_hours_that_differ() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=24_000) + np.repeat(rng.normal(0, 0.5, 100), 240)
    assert of_numbers(values, hourly=240).phi > 20


def test_chunks_are_as_long_as_the_decision_window() -> None:
    values = np.random.default_rng(1).normal(size=100_000)
    found = of_numbers(values, hourly=400)
    assert (found.chunks, found.chunk_rows) == (260, 384.0)  # 12 * 2**5, to be halved
    sparse = np.where(np.arange(100_000) % 4 == 0, values, np.nan)
    assert of_numbers(sparse, hourly=400).chunk_rows == pytest.approx(100, abs=4)


def test_values_with_cells_of_their_own() -> None:
    rng = np.random.default_rng(2)
    steady = of_numbers(rng.poisson(3, 5_000), kind=FeatureKind.DISCRETE)
    level = np.repeat(rng.uniform(1, 6, 20), 250)
    moody = of_numbers(rng.poisson(level), kind=FeatureKind.DISCRETE)
    assert steady.phi < 1.3
    assert moody.phi > 5
    mostly = np.where(rng.random(5_000) < 0.97, 0.0, 1.0)
    assert of_numbers(mostly, kind=FeatureKind.DISCRETE).phi < 1.5


def test_classes_of_independent_rows_have_about_one() -> None:
    rng = np.random.default_rng(4)
    shares = [0.35, 0.25, 0.15, 0.1, 0.08, 0.05, 0.015, 0.005]
    found = [of_classes(rng.choice(8, 5_000, p=shares)).phi for _ in range(20)]
    assert np.mean(found) < 1.1


def test_classes_that_come_in_runs() -> None:
    rng = np.random.default_rng(5)
    runs = of_classes(np.repeat(rng.integers(0, 4, 500), 10), "abcd")
    assert 7 < runs.phi < 11  # ten equal rows tell as much as one
    together = np.repeat(np.arange(8), 625)
    assert of_classes(together).phi > 50


def test_one_restless_direction_counts_more_than_the_mean_of_all() -> None:
    """Two of eight classes take turns: Pearson's statistic has that one eigenvalue as its tail."""
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 8, 5_000)
    turn = np.repeat(rng.integers(0, 2, 50), 100)
    pair = codes < 2
    codes[pair] = turn[pair]
    chunks = np.stack([np.bincount(c, minlength=8) for c in codes[:4_800].reshape(20, 240)]) / 240
    mean = np.mean(chunks.var(axis=0, ddof=1) * 240 / (chunks.mean(axis=0) * (1 - chunks.mean(0))))
    assert of_classes(codes).phi > 1.5 * mean


@pytest.mark.parametrize("values", [np.zeros(5_000), np.append(np.zeros(4_999), 1.0)])
def test_what_does_not_vary_has_one(values: FloatArray) -> None:
    assert of_numbers(values).phi == pytest.approx(1.0, abs=0.1)
    assert of_classes(values.astype(np.int64)).phi == pytest.approx(1.0, abs=0.1)


def test_missing_values_and_rows_without_time_are_left_out() -> None:
    rng = np.random.default_rng(7)
    values = autoregressive(rng, 0.9, 5_000)
    numbers = Numbers(np.append(values, np.full(1_000, 50.0)))
    reference = numeric_baseline("x", numbers)
    found = dispersion_of(reference, numbers, order(5_000))
    assert found is not None
    assert found.phi == pytest.approx(of_numbers(values).phi, rel=0.2)
    assert found.chunks * found.chunk_rows <= 5_000


@pytest.mark.parametrize(("rows", "there"), [(199, 199), (5_000, 150), (5_000, 0)])
def test_too_few_values_tell_nothing(rows: int, there: int) -> None:
    values = np.full(rows, np.nan)
    values[:there] = np.random.default_rng(8).normal(size=there)
    reference = numeric_baseline("x", Numbers(np.random.default_rng(9).normal(size=500)))
    assert dispersion_of(reference, Numbers(values), order(rows)) is None
