from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Dispersion, FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.decision import decide
from stream.stats.drift.figures import drift_figures
from stream.stats.reference import Reference


def numeric(values: Any) -> Any:
    return build_baseline({"x": values}, model_name="m", model_version="1").features["x"]


def compared(baseline: Any, values: Any) -> Any:
    counts = NumericGrid.from_baseline(baseline).count_sorted(np.sort(np.asarray(values, float)))
    return drift_figures(Reference.from_baseline(baseline), counts)


def categories(counts: Any, **fields: Any) -> Any:
    names = tuple("abcdefgh"[: len(counts) - 3 - ("other_categories" in fields)])
    return Reference.from_baseline(
        FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=names, counts=tuple(counts), **fields
        )
    )


def drifted(result: Any) -> Any:
    return decide({"x": result.test}, alpha=0.001)["x"].drifted


NORMAL = numeric(np.random.default_rng(0).normal(size=5_000))


def test_an_empty_window_has_no_figures() -> None:
    result = compared(NORMAL, [])
    assert result.figures == {}
    assert result.test is None


def test_a_window_of_missing_values_is_tested_for_that_alone() -> None:
    result = compared(NORMAL, [np.nan] * 50)
    assert result.figures.keys() == {"drift_p_value", "missing_increase"}
    assert result.figures["missing_increase"] == 1.0
    assert drifted(result)


def test_mismatched_values_are_left_out() -> None:
    values = np.random.default_rng(1).normal(size=400)
    assert compared(NORMAL, values).figures == compared(NORMAL, [*values, np.inf]).figures


def test_a_baseline_without_counts_gives_no_figures() -> None:
    bare = FeatureBaseline(kind=FeatureKind.NUMERIC, edges=NORMAL.edges)
    assert compared(bare, [1.0, 2.0]).figures == {}


def test_a_row_of_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="3 cells"):
        drift_figures(Reference.from_baseline(NORMAL), np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="2 counts"):
        categories([1, 2], other_categories=("z",))


@pytest.mark.parametrize("constant", [0.0, 1.0, -3.5, 1e12])
@pytest.mark.parametrize("step", [-1.0, 1.0])
def test_a_constant_that_changes_is_drift(constant: Any, step: Any) -> None:
    baseline = numeric(np.full(1_000, constant))
    assert compared(baseline, np.full(200, constant)).figures["psi"] == 0.0
    assert not drifted(compared(baseline, np.full(200, constant)))
    changed = compared(baseline, np.full(200, constant + step))
    assert changed.figures["psi"] > 1
    assert changed.figures["js"] == pytest.approx(1.0)
    assert changed.figures["ks"] == 1.0
    assert drifted(changed)


def test_a_constant_category_that_changes_is_drift() -> None:
    reference = categories([1_000, 0, 0, 0])
    assert not drifted(drift_figures(reference, np.array([200, 0, 0, 0])))
    assert drifted(drift_figures(reference, np.array([150, 50, 0, 0])))


def test_all_unseen_is_drift() -> None:
    reference = categories([500, 500, 0, 0, 0])
    result = drift_figures(reference, np.array([0, 0, 200, 0, 0]))
    assert drifted(result)
    assert result.figures["js"] == pytest.approx(1.0)


def test_a_spread_that_changes_is_drift_though_the_middle_stays() -> None:
    narrow = np.random.default_rng(2).normal(0, 0.4, 300)
    assert drifted(compared(NORMAL, narrow))


def test_one_row_decides_nothing() -> None:
    result = compared(NORMAL, [0.0])
    assert "effect" not in result.figures
    assert not drifted(result)


def test_strong_drift_may_have_a_p_value_of_zero() -> None:
    result = compared(NORMAL, np.random.default_rng(3).normal(50, 1, 20_000))
    assert result.figures["ks_p_value"] == 0.0
    assert result.figures["drift_p_value"] == 0.0
    assert drifted(result)


def test_a_restless_reference_weakens_the_evidence() -> None:
    counts = NumericGrid.from_baseline(NORMAL).count_sorted(
        np.sort(np.random.default_rng(4).normal(0.2, 1, 1_000))
    )
    restless = Dispersion(chunks=20, chunk_rows=1_000.0, phi=4.0)
    plain, dependent = (
        drift_figures(Reference.from_baseline(baseline), counts).figures
        for baseline in (NORMAL, msgspec.structs.replace(NORMAL, dispersion=restless))
    )
    assert dependent["drift_p_value"] > plain["drift_p_value"]
    assert dependent["effect"] < plain["effect"]
    assert dependent["psi"] == plain["psi"]
