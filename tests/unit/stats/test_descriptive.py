import math
from typing import Any

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches import sums
from stream.sketches.grid import NumericGrid
from stream.stats.descriptive import describe
from stream.stats.moments import UNITS_MAX, mean_std
from stream.stats.quality import quality_figures
from stream.stats.reference import Reference

UNIFORM = build_baseline(
    {"x": np.random.default_rng(0).random(5_000)}, model_name="m", model_version="1"
).features["x"]


def counted(baseline: Any, values: Any) -> Any:
    values = np.sort(np.asarray(values, dtype=float))
    counts = NumericGrid.from_baseline(baseline).count_sorted(values)
    present = values[np.isfinite(values)]
    scale = np.array([[2.0**-baseline.scale_exponent]])
    total, squares = sums.add_up(sums.quantise(present[None], scale))
    return counts, (total[0], squares[0]), (present[0], present[-1])


def described(baseline: Any, values: Any) -> Any:
    return describe(Reference.from_baseline(baseline), *counted(baseline, values))


def test_figures_of_raw_values() -> None:
    values = np.random.default_rng(1).random(3_000)
    figures = described(UNIFORM, values)
    assert figures["count"] == 3_000
    assert figures["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert figures["std"] == pytest.approx(values.std(ddof=1), abs=1e-6)
    assert (figures["min"], figures["max"]) == (values.min(), values.max())
    for name, q in {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}.items():
        assert figures[name] == pytest.approx(np.quantile(values, q), abs=0.005)
    assert all(type(value) in {int, float} for value in figures.values())


def test_rates_are_of_the_count() -> None:
    values = [-1.0, 0.5, 0.5, 2.0, 3.0, math.nan, math.inf, math.nan]
    figures = described(UNIFORM, values)
    assert figures["count"] == 8
    assert figures["missing_rate"] == 2 / 8
    assert figures["type_mismatch_rate"] == 1 / 8
    assert figures["below_range_rate"] == 1 / 8
    assert figures["above_range_rate"] == 2 / 8
    assert figures["max"] == 3.0


def test_a_quantile_beyond_the_range_is_absent_unless_bounded() -> None:
    figures = described(UNIFORM, [*np.linspace(0.1, 0.9, 50), *np.geomspace(10, 1e6, 50)])
    assert "p25" in figures
    assert "p75" not in figures  # other values lie further out
    bounded = described(UNIFORM, [*np.linspace(0.1, 0.9, 50), *np.full(50, 10.0)])
    assert 5 < bounded["p95"] <= 10.0


def test_an_atom_is_its_own_quantile() -> None:
    baseline = build_baseline(
        {"x": np.repeat([0.1, 0.7, 3.0], 100)}, model_name="m", model_version="1"
    ).features["x"]
    assert described(baseline, np.repeat([0.1, 0.7], [60, 40]))["p50"] == 0.1


def test_nothing_but_counts_without_values() -> None:
    reference = Reference.from_baseline(UNIFORM)
    empty = np.zeros(reference.cells, dtype=np.int64)
    assert describe(reference, empty) == {"count": 0}
    empty[-1] = 4
    figures = describe(reference, empty, (0, 0), (math.inf, -math.inf))
    assert figures["missing_rate"] == 1.0
    assert not {"mean", "std", "min", "max", "p50"} & figures.keys()


def test_moments_are_absent_where_sums_saturated() -> None:
    assert sums.quantise(np.array([1e300]), np.array([1.0])).tolist() == [int(UNITS_MAX)]
    figures = described(UNIFORM, [0.5, 1e12])
    assert figures["max"] == 1e12
    assert not {"mean", "std"} & figures.keys()


def test_one_value_has_a_mean_and_no_deviation() -> None:
    assert mean_std(8, 64, n=1, scale_exponent=-2, extremes=(2.0, 2.0)) == (2.0, None)


def test_a_large_offset_does_not_cancel() -> None:
    values = 1.7e9 + np.random.default_rng(2).normal(size=2_000)
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    figures = described(baseline, values)
    assert figures["std"] == pytest.approx(values.std(ddof=1), rel=1e-3)
    assert figures["mean"] == pytest.approx(values.mean(), abs=1e-3)


def test_unseen_is_absent_where_the_baseline_could_not_name_all() -> None:
    whole = FeatureBaseline(kind=FeatureKind.CATEGORICAL, categories=("a",), counts=(9, 0, 0, 1))
    partial = FeatureBaseline(kind=FeatureKind.CATEGORICAL, categories=("a",), counts=(9, 3, 0, 1))
    counts = np.array([4, 4, 0, 2])
    assert describe(Reference.from_baseline(whole), counts)["unseen_rate"] == 0.4
    assert "unseen_rate" not in describe(Reference.from_baseline(partial), counts)


def test_quality_over_all_features() -> None:
    categorical = Reference.from_baseline(
        FeatureBaseline(kind=FeatureKind.CATEGORICAL, categories=("a",), counts=(9, 0, 0, 1))
    )
    numeric = Reference.from_baseline(UNIFORM)
    row, _, _ = counted(UNIFORM, [-5.0, 0.5, math.nan, math.inf])
    figures = quality_figures([(categorical, np.array([1, 2, 0, 1])), (numeric, row)])
    assert figures == {
        "missing_rate": 2 / 8,
        "type_mismatch_rate": 1 / 8,
        "unseen_rate": 2 / 4,
        "out_of_range_rate": 1 / 4,
        "outlier_rate": 1 / 4,
    }
    assert quality_figures([]) == {}


def test_outliers_are_far_beyond_the_quartiles() -> None:
    """Of a uniform reference the fences are -1.25 and 2.25; cells that they cut are not counted."""
    values = [-9.0, -1.2, 0.5, 0.5, 1.2, 2.2, 9.0, math.nan]
    figures = described(UNIFORM, values)
    assert figures["outlier_rate"] == 2 / 8
    assert figures["below_range_rate"] == 2 / 8


def test_outliers_inside_the_range_are_counted_to_a_cell() -> None:
    values = np.random.default_rng(3).standard_t(2, 5_000)
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    first, third = np.quantile(values, [0.25, 0.75])
    far = (values < first - 3 * (third - first)) | (values > third + 3 * (third - first))
    found = described(baseline, values)["outlier_rate"]
    assert found <= far.mean() <= found + 2 / 256
    assert found > 0.01


def test_nothing_is_far_from_half_of_the_reference() -> None:
    values = np.append(np.zeros(800), np.arange(200.0))
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    assert "outlier_rate" not in described(baseline, values)
    reference = Reference.from_baseline(baseline)
    assert "outlier_rate" not in quality_figures([(reference, reference.counts)])
