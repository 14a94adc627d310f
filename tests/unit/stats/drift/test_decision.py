from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

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


def test_unseen_values_have_their_own_floor() -> None:
    for size, drifted in ((0.019, False), (0.02, True)):
        test = FeatureTest(0.4, 0.0, None, 0.0, unseen_p_value=1e-9, unseen_effect=size)
        assert decide({"x": test}, alpha=0.01)["x"].drifted is drifted
    assert FeatureTest(0.004, 1.0, 0.5, 0.0, 0.6).p_value == pytest.approx(0.012)


def test_segments_are_keys_like_any_other() -> None:
    tests = {(None, "x"): values_only(0.004), ("DE", "x"): values_only(1e-9)}
    decided = decide(tests, alpha=0.01)
    assert decided[None, "x"].q_value == pytest.approx(0.004)
    assert decided["DE", "x"].drifted


def autoregressive(rng: Any, rho: float, shape: tuple[int, int]) -> Any:
    start = rho * rng.normal(size=(shape[0], 1))
    step = [np.sqrt(1 - rho * rho)]
    return lfilter(step, [1.0, -rho], rng.normal(size=shape), axis=1, zi=start)[0]


@pytest.mark.parametrize(("n", "rho"), [(50, 0.0), (1_000, 0.0), (50, 0.6), (250, 0.9)])
def test_false_alarms_stay_within_the_budget(n: int, rho: float) -> None:
    """Share of 300 windows of 10 features with any alarm: 3 standard errors above 1.5 * 5 %.

    Of twelve references in time order each; the floor is left out, which hides false alarms.
    """
    rng = np.random.default_rng([n, int(10 * rho)])
    level, models, windows, features = 0.05, 12, 25, 10
    times = 1_700_000_000_000 + np.arange(5_000) * (HOUR_MS if n >= 200 else WEEK_MS) // n
    alarms = 0
    for _ in range(models):
        data = {str(i): autoregressive(rng, rho, (1, 5_000))[0] for i in range(features)}
        baseline = build_baseline({**data, "timestamp": times}, model_name="m", model_version="1")
        compiled = [
            (Reference.from_baseline(of), NumericGrid.from_baseline(of))
            for of in baseline.features.values()
        ]
        drawn = np.sort([autoregressive(rng, rho, (windows, n)) for _ in range(features)], axis=2)
        for window in range(windows):
            tests = {}
            for i, (reference, grid) in enumerate(compiled):
                test = drift_figures(reference, grid.count_sorted(drawn[i, window])).test
                assert test is not None
                tests[i] = test
            decided = decide(tests, level, effect_min=0.0)
            alarms += any(decision.drifted for decision in decided.values())
    bound = 1.5 * level
    share = alarms / (models * windows)
    assert share <= bound + 3 * (bound * (1 - bound) / (models * windows)) ** 0.5
