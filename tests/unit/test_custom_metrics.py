"""Performance metrics of others: found by entry point; their faults cost their figures only."""

import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from schemas.metric_names import describe
from schemas.models import Task
from stream.custom_metrics import (
    FIGURES_MAX,
    GROUP,
    SLOW_CALLS,
    Failure,
    LabelledWindow,
    PerformanceMetrics,
    installed_metrics,
    load_metrics,
)
from stream.sketches.exact_sums import ExactSums
from stream.state.codec import NameCounts
from stream.window.labelled import PAIR_SEPARATOR, PAIRS_MAX, LabelCounts


def window(labelled: int = 10) -> LabelledWindow:
    pairs = {f"1{PAIR_SEPARATOR}1": labelled - 3, f"0{PAIR_SEPARATOR}1": 3}
    counts = LabelCounts(
        cells=np.array([12, labelled, 0, 0]),
        pairs=NameCounts(PAIRS_MAX, 0, pairs),
        sums={"metric.rating": ExactSums.of([2.0, 4.0, -3.0]), "error": ExactSums()},
    )
    return LabelledWindow.of(counts, "credit", "3", "country=FR", Task.BINARY, "1")


def cost(of: LabelledWindow) -> float:
    return 100.0 * of.confusion["0", "1"] / of.labelled


def rating(of: LabelledWindow) -> dict[str, float | None]:
    found = of.sums["metric.rating"]
    return {"mean": found.mean, "total": found.total, "none": None}


def raises(of: LabelledWindow) -> float:
    raise LookupError(f"{of.model_name} is a name that no log should show")


def exits(of: LabelledWindow) -> float:
    raise SystemExit(of.labelled)


def test_a_window_as_authors_see_it() -> None:
    seen = window()
    assert (seen.registered, seen.labelled, seen.segment) == (12, 10, "country=FR")
    assert (seen.task, seen.positive_class) == (Task.BINARY, "1")
    assert dict(seen.confusion) == {("1", "1"): 7, ("0", "1"): 3}
    assert seen.sums.keys() == {"metric.rating"}
    of = seen.sums["metric.rating"]
    assert (of.count, of.mean, of.total, of.absolute, of.squares) == (3, 1.0, 3.0, 9.0, 29.0)
    with pytest.raises(TypeError):
        seen.confusion["0", "0"] = 1  # type: ignore[index]


def test_numbers_become_figures_with_a_meaning() -> None:
    found = PerformanceMetrics({"cost": cost, "rating": rating}).figures(window())
    assert found == {
        "metric.cost.value": 30.0,
        "metric.rating.mean.value": 1.0,
        "metric.rating.total.value": 3.0,
    }
    assert all("registered" in getattr(describe(name), "meaning", "") for name in found)


@pytest.mark.parametrize("value", [1, 2.5, np.float32(0.5), np.int64(7), Fraction(1, 2)])
def test_any_real_number_is_one(value: Any) -> None:
    found = PerformanceMetrics({"x": lambda _: value}).figures(window())
    assert found == {"metric.x.value": float(value)}
    assert type(found["metric.x.value"]) is float


@pytest.mark.parametrize(
    "value",
    ["1", True, float("nan"), float("inf"), 10**400, Decimal(1), [1.0], np.array([1.0]), 1j],
)
def test_anything_else_is_no_number(value: Any) -> None:
    metrics = PerformanceMetrics({"x": lambda _: value, "cost": cost})
    assert metrics.figures(window()) == {"metric.cost.value": 30.0}
    assert metrics.failures == {("x", Failure.NO_NUMBER): 1}


def test_none_is_no_figure_and_no_failure() -> None:
    metrics = PerformanceMetrics({"x": lambda _: None, "y": lambda _: {}})
    assert metrics.figures(window()) == {}
    assert not metrics.failures


def test_of_a_mapping_what_is_wrong_costs_itself_only() -> None:
    odd = {"good": 1.0, "no name": 2.0, "": 3.0, 4: 4.0, None: 5.0, "text": "x"}
    metrics = PerformanceMetrics({"x": lambda _: odd})
    assert metrics.figures(window()) == {"metric.x.good.value": 1.0}
    assert metrics.failures == {("x", Failure.BAD_NAME): 4, ("x", Failure.NO_NUMBER): 1}


def test_a_mapping_has_so_many_figures() -> None:
    metrics = PerformanceMetrics({"x": lambda _: {f"{i}": i for i in range(FIGURES_MAX + 9)}})
    assert len(metrics.figures(window())) == FIGURES_MAX
    assert metrics.failures == {("x", Failure.TOO_MANY): 1}


@pytest.mark.parametrize("fails", [raises, exits])
def test_what_raises_costs_its_figure_and_is_logged_once(
    fails: Callable[[LabelledWindow], float],
) -> None:
    metrics = PerformanceMetrics({"bad": fails, "cost": cost})
    with capture_logs() as logs:
        for _ in range(3):
            assert metrics.figures(window()) == {"metric.cost.value": 30.0}
    assert metrics.failures == {("bad", Failure.RAISED): 3}
    (line,) = logs
    assert (line["metric"], line["reason"]) == ("bad", "raised")
    assert "test_custom_metrics.py:" in line["detail"]
    assert "credit" not in str(line)


class Waits:
    """A metric that returns when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0

    def __call__(self, _: LabelledWindow) -> float:
        self.calls += 1
        assert self.go.wait(60)
        return 1.0

    def let_go(self) -> None:
        """Let the call end that runs, and wait until it has."""
        self.go.set()
        for thread in threading.enumerate():
            if thread.name == "performance metric slow":
                thread.join()
        self.go.clear()


def test_a_slow_metric_costs_its_figure_and_is_not_called_while_it_runs() -> None:
    slow = Waits()
    metrics = PerformanceMetrics({"slow": slow, "cost": cost}, timeout_s=0.01)
    with capture_logs() as logs:
        for _ in range(5):
            assert metrics.figures(window())["metric.cost.value"] == 30.0
    assert slow.calls == 1
    assert metrics.failures["slow", Failure.SLOW] == 5
    assert [line["metric"] for line in logs] == ["slow"]
    slow.let_go()


def test_a_metric_that_is_always_slow_is_called_no_more() -> None:
    slow = Waits()
    metrics = PerformanceMetrics({"slow": slow}, timeout_s=0.001)
    for _ in range(SLOW_CALLS + 2):
        assert metrics.figures(window()) == {}
        slow.let_go()
    assert slow.calls == SLOW_CALLS
    assert metrics.failures == {("slow", Failure.SLOW): SLOW_CALLS}


def test_a_metric_that_was_slow_is_called_again() -> None:
    slow = Waits()
    metrics = PerformanceMetrics({"slow": slow}, timeout_s=0.001)
    for _ in range(SLOW_CALLS - 1):
        assert metrics.figures(window()) == {}
        slow.let_go()
    slow.go.set()
    metrics.timeout_s = 60
    assert metrics.figures(window()) == {"metric.slow.value": 1.0}
    slow.go.clear()
    metrics.timeout_s = 0.001
    for _ in range(2 * SLOW_CALLS):
        assert metrics.figures(window()) == {}
        slow.let_go()
    assert slow.calls == SLOW_CALLS - 1 + 1 + SLOW_CALLS


# --- entry points --------------------------------------------------------------------------------


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make entry points visible as if packages that have them were installed."""

    def installed(**values: str) -> None:
        entries = [metadata.EntryPoint(name, value, GROUP) for name, value in values.items()]
        found = metadata.EntryPoints(entries)
        monkeypatch.setattr(metadata, "entry_points", found.select)

    package = SimpleNamespace(cost=cost, number=5)
    monkeypatch.setitem(sys.modules, "our_metrics", package)
    return installed


def test_metrics_are_found_by_entry_point(install: Callable[..., None]) -> None:
    install(cost="our_metrics:cost")
    metrics = load_metrics()
    assert metrics.figures(window()) == {"metric.cost.value": 30.0}
    assert not metrics.failures


def test_what_can_not_be_loaded_is_left_out_and_said(install: Callable[..., None]) -> None:
    entries = {
        "gone": "our_metrics:gone",
        "away": "no_such_module_at_all:x",
        "two words": "our_metrics:cost",
        "number": "our_metrics:number",
        "cost": "our_metrics:cost",
    }
    install(**entries)
    with capture_logs() as logs:
        metrics = load_metrics()
        assert metrics.figures(window()) == {"metric.cost.value": 30.0}
    assert metrics.failures == {
        ("gone", Failure.NOT_LOADED): 1,
        ("away", Failure.NOT_LOADED): 1,
        ("two words", Failure.BAD_NAME): 1,
        ("number", Failure.RAISED): 1,
    }
    details = {line["metric"]: line["detail"] for line in logs}
    assert "no_such_module_at_all" in details["away"]
    assert "our_metrics:gone" in details["gone"]


def test_of_two_with_one_name_the_first_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [metadata.EntryPoint("x", value, GROUP) for value in ("operator:sub", "math:sin")]
    monkeypatch.setattr(metadata, "entry_points", metadata.EntryPoints(twice).select)
    metrics = load_metrics()
    assert len(metrics) == 1
    assert metrics.failures == {("x", Failure.BAD_NAME): 1}


def test_nothing_installed_is_no_metric_and_is_looked_for_once(
    install: Callable[..., None],
) -> None:
    installed_metrics.cache_clear()
    install()
    metrics = installed_metrics()
    assert len(metrics) == 0
    assert metrics.figures(window()) == {}
    install(cost="our_metrics:cost")
    assert installed_metrics() is metrics
    installed_metrics.cache_clear()
