from typing import Any

import numpy as np
import pytest

from schemas.features import DriftMetric, FeatureDriftConfig
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.fixed_threshold import exceeds
from stream.stats.drift.wasserstein import wasserstein
from stream.stats.reference import Reference

NORMAL = build_baseline(
    {"x": np.random.default_rng(0).normal(10, 2, 5_000)}, model_name="m", model_version="1"
).features["x"]
REFERENCE = Reference.from_baseline(NORMAL)


def counted(values: Any) -> Any:
    return NumericGrid.from_baseline(NORMAL).count_sorted(np.sort(np.asarray(values, float)))


def test_a_window_like_the_reference_is_at_no_distance() -> None:
    found = wasserstein(REFERENCE, REFERENCE.counts[:-2].cumsum())
    assert found is not None
    assert found.distance == 0.0
    assert found.error_max > 0.0


def test_values_beyond_the_range_need_their_excess() -> None:
    row = counted([9.0, 10.0, 100.0])
    assert wasserstein(REFERENCE, row[:-2].cumsum()) is None
    assert "wasserstein" not in drift_figures(REFERENCE, row).figures
    near, far = (
        wasserstein(REFERENCE, row[:-2].cumsum(), excess=(0.0, excess)) for excess in (80.0, 110.0)
    )
    assert near is not None
    assert far is not None
    assert far.distance - near.distance == pytest.approx(10.0)


def test_a_reference_beyond_its_own_edges_has_no_distance() -> None:
    """A baseline promoted from a window keeps the grid of its predecessor."""
    counts = list(NORMAL.counts)
    counts[10] = 5
    shifted = NORMAL.__class__(
        kind=NORMAL.kind, edges=NORMAL.edges, counts=tuple(counts), std=NORMAL.std
    )
    row = counted([9.0, 10.0])
    assert wasserstein(Reference.from_baseline(shifted), row[:-2].cumsum(), (0.0, 0.0)) is None


def test_it_is_in_standard_deviations_too() -> None:
    figures = drift_figures(REFERENCE, counted(np.linspace(8, 14, 200))).figures
    std = NORMAL.std or 0.0
    assert figures["wasserstein_std"] == pytest.approx(figures["wasserstein"] / std)
    assert figures["wasserstein_bound"] < 0.1 * std
    constant = build_baseline({"x": np.full(50, 3.0)}, model_name="m", model_version="1")
    reference = Reference.from_baseline(constant.features["x"])
    figures = drift_figures(reference, reference.counts).figures
    assert figures["wasserstein"] == 0.0
    assert "wasserstein_std" not in figures


@pytest.mark.parametrize("metric", list(DriftMetric))
def test_a_fixed_threshold_may_be_on_any_distance(metric: DriftMetric) -> None:
    figures = drift_figures(REFERENCE, counted(np.linspace(8, 14, 200))).figures
    distance = figures[metric]
    below, above = (
        FeatureDriftConfig(metric=metric, threshold=factor * distance) for factor in (0.9, 1.1)
    )
    assert exceeds(figures, below) is True
    assert exceeds(figures, above) is False
