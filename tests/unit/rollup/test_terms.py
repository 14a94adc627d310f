"""Which baseline and which hours a window is compared with, and which windows decide."""

import numpy as np
import pytest

from schemas.baselines import Baseline
from schemas.models import DriftConfig, ModelConfig
from schemas.windows import window_spec
from stream.baseline.build import build_baseline
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.terms import all_specs, decision_spec, decision_terms, seasonal_hours, valid_at
from stream.window.panes import DAY_MS, HOUR_MS

CREDIT = ModelConfig(model_name="credit")
DAY, HOUR = window_spec("1d"), window_spec("1h")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Without times, so it decides by the day."""
    return build_baseline({"age": np.arange(200.0)}, model_name="credit", model_version="1")


def test_the_baseline_that_counts_is_the_last_one_that_has_begun(baseline: Baseline) -> None:
    compiled = [CompiledBaseline(name, baseline, at) for name, at in (("a", 100), ("b", 200))]
    valid = [valid_at(compiled, time_ms) for time_ms in (99, 100, 199, 200)]
    assert [one and one.baseline_id for one in valid] == [None, "a", "a", "b"]


def test_only_tumbling_windows_of_the_decision_window_decide(baseline: Baseline) -> None:
    compiled = CompiledBaseline("a", baseline, 0)
    assert decision_spec(CREDIT, baseline).name == "1d"
    terms = decision_terms(CREDIT, compiled, DAY, 20 * DAY_MS)
    assert terms is not None
    assert terms.alpha == pytest.approx(1 / 30)
    assert decision_terms(CREDIT, compiled, DAY, 20 * DAY_MS + HOUR_MS) is None
    assert decision_terms(CREDIT, compiled, HOUR, 20 * DAY_MS) is None
    assert decision_terms(CREDIT, None, DAY, 20 * DAY_MS) is None


def test_the_configured_decision_window_is_reported_too(baseline: Baseline) -> None:
    config = ModelConfig(model_name="credit", drift=DriftConfig(decision_window="3h"))
    compiled = CompiledBaseline("a", baseline, 0)
    names = [spec.name for spec in all_specs(config, [compiled, compiled])]
    assert names == [*(spec.name for spec in all_specs(config, [])), "3h"]


def test_hours_are_those_of_the_window_where_it_is_compared_by_season(baseline: Baseline) -> None:
    compiled = CompiledBaseline("a", baseline, 0)
    seasonal = ModelConfig(model_name="credit", baseline="seasonal")
    hours = seasonal_hours(seasonal, compiled, 4 * DAY_MS + HOUR_MS, 4 * DAY_MS + 2 * HOUR_MS)
    assert hours is not None
    assert np.flatnonzero(hours).tolist() == [1]
    assert seasonal_hours(seasonal, None, 0, HOUR_MS) is None
    assert seasonal_hours(CREDIT, compiled, 0, HOUR_MS) is None
