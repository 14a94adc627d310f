from typing import Any

import numpy as np
import pytest

from stream.arrays import FloatArray
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.confidence import confidence_figures
from stream.stats.reference import Reference

RNG = np.random.default_rng(51)
BASELINE = build_baseline(
    {"probability": RNG.beta(0.5, 0.7, 4_000)}, model_name="m", model_version="1"
).probability
assert BASELINE is not None
REFERENCE = Reference.from_baseline(BASELINE)
GRID = NumericGrid.from_baseline(BASELINE)


@pytest.mark.parametrize(
    "p",
    [
        RNG.random(2_000),
        RNG.beta(0.2, 0.2, 2_000),
        RNG.beta(20.0, 20.0, 500),
        np.full(10, 0.5),
        np.array([0.0, 1.0, 1.0]),
        np.array([0.25, 0.75, 0.125, 0.5]),
        np.array([0.37]),
    ],
)
def test_figures_are_within_their_bounds(p: FloatArray) -> None:
    figures = confidence_figures(REFERENCE, GRID.count_sorted(np.sort(p)))
    confidence = np.maximum(p, 1 - p)
    assert figures["prediction_confidence_mean"] == pytest.approx(
        float(confidence.mean()), abs=1 / 512
    )
    for name, q in (("p05", 0.05), ("p50", 0.5)):
        true = float(np.quantile(confidence, q, method="inverted_cdf"))
        assert figures[f"prediction_confidence_{name}"] == pytest.approx(true, abs=1 / 256)
        assert 0.5 <= figures[f"prediction_confidence_{name}"] <= 1.0


def test_missing_and_mismatched_are_left_out() -> None:
    p = np.array([0.1, 0.4, 0.9, np.inf, np.nan])
    assert confidence_figures(REFERENCE, GRID.count_sorted(p)) == confidence_figures(
        REFERENCE, GRID.count_sorted(p[:3])
    )
    assert confidence_figures(REFERENCE, GRID.count_sorted(p[3:])) == {}


@pytest.mark.parametrize("values", [["a", "b", "a"], [1.5, 200.0, 31.0]])
def test_other_grids_have_none(values: Any) -> None:
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    reference = Reference.from_baseline(baseline)
    assert confidence_figures(reference, reference.counts) == {}
