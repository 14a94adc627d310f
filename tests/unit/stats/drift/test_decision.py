from typing import Any

import numpy as np
import pytest

from schemas.features import DriftMetric, FeatureDriftConfig
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.budget import DAY_MS, HOUR_MS, WEEK_MS, alpha, decision_window_ms
from stream.stats.drift.decision import FeatureTest, decide
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.fixed_threshold import exceeds
from stream.stats.reference import Reference


def values_only(p_value: Any, effect: Any = 1.0) -> Any:
    return FeatureTest(p_value, effect, None, 0.0)


def test_a_small_and_certain_shift_is_no_drift() -> None:
    assert not decide({"x": values_only(1e-12, effect=0.019)}, alpha=0.01)["x"].drifted
    assert decide({"x": values_only(1e-12, effect=0.02)}, alpha=0.01)["x"].drifted
    assert decide({"x": values_only(1e-12, effect=0.01)}, alpha=0.01, effect_min=0.01)["x"].drifted


def test_features_share_the_budget() -> None:
    tests = {"x": values_only(0.004), "y": values_only(0.5), "z": values_only(0.9)}
    decided = decide(tests, alpha=0.01)
    assert decided["x"].q_value == pytest.approx(0.012)
    assert not decided["x"].drifted
    assert decide({"x": tests["x"]}, alpha=0.01)["x"].drifted


def test_nothing_tested_decides_nothing() -> None:
    assert decide({}, alpha=0.01) == {}


@pytest.mark.parametrize(
    ("missing_p_value", "increase", "drifted"),
    [(1e-9, 0.02, True), (1e-9, 0.009, False), (1e-9, -0.5, False), (0.02, 0.5, False)],
)
def test_missing_values_have_their_own_floor(
    missing_p_value: Any, increase: Any, drifted: Any
) -> None:
    test = FeatureTest(0.4, 0.0, missing_p_value, increase)
    assert decide({"x": test}, alpha=0.01)["x"].drifted is drifted


def test_what_was_found_must_be_what_is_large() -> None:
    found_missing = FeatureTest(0.4, 5.0, 1e-9, 0.001)
    assert not decide({"x": found_missing}, alpha=0.01)["x"].drifted


def test_both_parts_are_paid_for() -> None:
    test = FeatureTest(0.006, 1.0, 0.5, 0.0)
    assert test.p_value == pytest.approx(0.012)
    assert not decide({"x": test}, alpha=0.01)["x"].drifted


def test_alpha_follows_the_window() -> None:
    assert alpha(1, WEEK_MS) == pytest.approx(7 / 30)
    assert alpha(2, DAY_MS) == pytest.approx(2 / 30)
    assert alpha(1000, WEEK_MS) == 1.0


@pytest.mark.parametrize(
    ("rows_per_hour", "window_ms"),
    [(200, HOUR_MS), (199, DAY_MS), (9, DAY_MS), (8, WEEK_MS), (0.01, WEEK_MS)],
)
def test_the_decision_window_holds_200_rows(rows_per_hour: Any, window_ms: Any) -> None:
    rows = 5_001
    assert decision_window_ms(rows, 0, round((rows - 1) / rows_per_hour * HOUR_MS)) == window_ms


@pytest.mark.parametrize("times", [(None, None), (5, 5)])
def test_without_time_order_a_day_decides(times: Any) -> None:
    assert decision_window_ms(1_000_000, *times) == DAY_MS


def test_a_fixed_threshold_decides_by_itself() -> None:
    config = FeatureDriftConfig(metric=DriftMetric.JS, threshold=0.1)
    assert exceeds({"js": 0.11}, config) is True
    assert exceeds({"js": 0.1}, config) is False
    assert exceeds({"psi": 3.0}, config) is None


@pytest.mark.parametrize("n", [50, 200, 1_000])
def test_false_alarms_stay_within_the_budget(n: Any) -> None:
    """Any-alarm share over 400 windows of 10 features; 4 standard deviations above 1.5 * 2 %."""
    rng = np.random.default_rng(n)
    windows, level, features = 400, 0.02, 10
    alarms = 0
    references = []
    for _ in range(features):
        data = {"x": rng.normal(size=5_000)}
        baseline = build_baseline(data, model_name="m", model_version="1").features["x"]
        references.append((Reference.from_baseline(baseline), NumericGrid.from_baseline(baseline)))
    for _ in range(windows):
        tests = {}
        for i, (reference, grid) in enumerate(references):
            counts = grid.count_sorted(np.sort(rng.normal(size=n)))
            test = drift_figures(reference, counts).test
            assert test is not None
            tests[str(i)] = test
        decided = decide(tests, level, effect_min=0.0)
        alarms += any(decision.drifted for decision in decided.values())
    bound = 1.5 * level
    assert alarms / windows <= bound + 4 * (bound * (1 - bound) / windows) ** 0.5
