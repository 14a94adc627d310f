"""Two windows side by side: what is tested, what is marked, and what can't be compared."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from schemas.baselines import Baseline
from schemas.models import ModelConfig
from stream.baseline.build import build_baseline
from stream.reading.columns import Row
from stream.reading.errors import ReadingError
from stream.reading.side_by_side import SIGNIFICANT_Q_MAX, Side, important, side_by_side

N = 1_500


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    rng = np.random.default_rng(0)
    data = {
        "age": rng.normal(41, 13, 3_000),
        "city": rng.choice(["Oslo", "Rome"], 3_000),
        "prediction": rng.integers(0, 2, 3_000),
    }
    return build_baseline(data, model_name="credit", model_version="1")


def events(seed: int, shift: float = 0.0, n: int = N, **more: Any) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "features": {"age": float(rng.normal(41 + shift, 13)), "city": str(city)},
            "prediction": int(rng.integers(0, 2)),
            "latency_ms": float(rng.lognormal(3, 0.5)),
            **more,
        }
        for city in rng.choice(["Oslo", "Rome"], n)
    ]


def rows_of(found: Any) -> dict[tuple[str | None, str], Row]:
    return {(row.column, row.figure): row for row in found.rows}


def test_versions_that_do_the_same_are_not_told_apart(
    counted_window: Any, baseline: Baseline
) -> None:
    a = counted_window(baseline, events(1))
    b = counted_window(baseline, events(2), version="2")
    found = side_by_side(Side(a), Side(b))
    assert not [row for row in found.rows if row.significant]
    assert (found.first.model_version, found.second.model_version) == ("1", "2")
    assert (found.first.count, found.distributions_not_compared, found.notes) == (N, [], [])
    assert [row.figure for row in important(found.rows)[:2]] == ["count", "throughput_per_s"]


def test_what_differs_is_marked_and_comes_first(counted_window: Any, baseline: Baseline) -> None:
    first = events(1)
    second = [dict(event) for event in events(2, shift=4.0)]
    for event in second[:150]:
        del event["prediction"]
        event["error"] = "timeout"
    a = counted_window(baseline, first)
    b = counted_window(baseline, second, version="2")
    found = side_by_side(Side(a), Side(b))
    rows = rows_of(found)
    marked = {key for key, row in rows.items() if row.significant}
    assert {(None, "error_rate"), ("age", "mean"), ("age", "distribution")} <= marked
    assert ("city", "share of Oslo") not in marked
    shown = important(found.rows)
    assert {(row.column, row.figure) for row in shown} >= marked
    error = rows[None, "error_rate"]
    assert error.difference == pytest.approx(0.1)
    assert error.low is not None
    assert error.high is not None
    assert error.low < 0.1 < error.high


def test_figures_are_those_of_scipy(counted_window: Any, baseline: Baseline) -> None:
    first, second = events(1), events(2, shift=1.0)
    found = side_by_side(
        Side(counted_window(baseline, first)), Side(counted_window(baseline, second, version="2"))
    )
    ages = [[event["features"]["age"] for event in some] for some in (first, second)]
    rows = rows_of(found)
    mean = rows["age", "mean"]
    assert mean.p_value == pytest.approx(
        stats.ttest_ind(ages[0], ages[1], equal_var=False).pvalue, rel=1e-4
    )
    assert mean.difference == pytest.approx(np.mean(ages[1]) - np.mean(ages[0]), abs=1e-4)
    gap = stats.ks_2samp(*ages).statistic
    assert gap - 1 / 256 <= rows["age", "distribution"].difference <= gap + 1e-12
    tested = [row for row in found.rows if row.p_value is not None]
    adjusted = stats.false_discovery_control([row.p_value for row in tested])
    assert [row.q_value for row in tested] == pytest.approx(adjusted.tolist())
    assert all(row.significant == ((row.q_value or 0) <= SIGNIFICANT_Q_MAX) for row in tested)
    median = rows["age", "p50"]
    assert median.low is not None
    assert median.high is not None
    assert median.low < float(np.median(ages[1]) - np.median(ages[0])) < median.high


def test_the_order_of_the_two_only_turns_signs(counted_window: Any, baseline: Baseline) -> None:
    a = Side(counted_window(baseline, events(1)))
    b = Side(counted_window(baseline, events(2, shift=2.0), version="2"))
    one, other = rows_of(side_by_side(a, b)), rows_of(side_by_side(b, a))
    assert one.keys() == other.keys()
    for key, row in one.items():
        turned = other[key]
        assert row.first == turned.second
        assert (row.p_value is None) == (turned.p_value is None)
        if row.p_value is not None and turned.p_value is not None:
            assert math.isclose(row.p_value, turned.p_value, rel_tol=1e-9, abs_tol=1e-300)
        if row.first is not None:
            assert row.difference == pytest.approx(-turned.difference)


def test_two_segments_of_one_version(counted_window: Any, baseline: Baseline) -> None:
    both = events(1, tags={"env": "live"}) + events(2, shift=6.0, tags={"env": "staging"})
    window = counted_window(
        baseline,
        both,
        config=ModelConfig(model_name="credit", segments=("tags.env",)),
        segment_values={"tags.env": ("live", "staging")},
    )
    found = side_by_side(Side(window, "tags.env=live"), Side(window, "tags.env=staging"))
    rows = rows_of(found)
    assert (found.first.count, found.second.count) == (N, N)
    assert rows["age", "distribution"].significant
    assert rows["age", "mean"].significant
    assert not rows["city", "share of Oslo"].significant
    with pytest.raises(ReadingError, match=r"in the segment 'tags.env=test': the segments are tag"):
        side_by_side(Side(window, "tags.env=test"), Side(window, "tags.env=live"))


def test_other_cells_leave_distributions_out_and_say_so(
    counted_window: Any, baseline: Baseline
) -> None:
    rng = np.random.default_rng(9)
    data = {
        "age": rng.normal(60, 5, 3_000),
        "city": rng.choice(["Oslo", "Rome"], 3_000),
        "prediction": rng.integers(0, 2, 3_000),
    }
    other = build_baseline(data, model_name="credit", model_version="2")
    found = side_by_side(
        Side(counted_window(baseline, events(1))),
        Side(counted_window(other, events(2), version="2")),
    )
    rows = rows_of(found)
    assert found.distributions_not_compared == ["age"]
    assert ("age", "distribution") not in rows
    assert rows["age", "mean"].p_value is not None
    # Categories are the same in both baselines, whatever their numbers.
    assert rows["city", "distribution"].p_value is not None
    # Beyond the range of 60 ± 5 is another question than beyond that of 41 ± 13.
    assert rows["age", "below_range_rate"].p_value is None
    assert any("not compared: age" in note for note in found.notes)
    assert any("against its own baseline" in note for note in found.notes)


def test_without_baselines_traffic_is_compared(counted_window: Any) -> None:
    found = side_by_side(
        Side(counted_window(None, events(1))), Side(counted_window(None, events(2), version="2"))
    )
    rows = rows_of(found)
    assert rows[None, "latency_distribution"].p_value is not None
    assert rows["age", "missing_rate"].difference == 0.0
    assert rows["age", "missing_rate"].p_value is None
    assert found.notes == ["without a baseline only kinds of values are counted: 1 and 2"]
