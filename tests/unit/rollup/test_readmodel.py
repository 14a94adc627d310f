"""What is kept of decisions: since when each feature has drifted."""

from typing import Any

from schemas.metrics import Window, WindowReport
from stream.rollup.readmodel import Decided, decisions_of


def report(start: int, drifted: dict[str, bool]) -> WindowReport:
    features: dict[str, dict[str, Any]] = {name: {"drifted": it} for name, it in drifted.items()}
    return WindowReport(
        id="",
        model_name="credit",
        model_version="1",
        segment=None,
        window=Window(name="1d", size_ms=10, start=start, end=start + 10, tumbling=True),
        revision=1,
        complete=True,
        exact=True,
        count=1,
        sampled_count=1,
        label_count=0,
        baseline=None,
        config_id=None,
        metrics={"drift_share": 0.5},
        features=features,
    )


def after(*windows: dict[str, bool]) -> Decided:
    decided = None
    for i, drifted in enumerate(windows):
        decided = decisions_of(report(10 * i, drifted), decided)
    assert decided is not None
    return decided


def test_a_feature_has_drifted_since_the_first_window_of_its_run() -> None:
    assert after({"age": False}, {"age": True}, {"age": True}).since == {"age": 10}


def test_a_window_without_drift_ends_the_run() -> None:
    assert after({"age": True}, {"age": False}).since == {}
    assert after({"age": True}, {"age": False}, {"age": True}).since == {"age": 20}


def test_deciding_a_window_again_changes_nothing() -> None:
    once = after({"age": True}, {"age": True})
    assert decisions_of(report(10, {"age": True}), once) == once


def test_reports_that_decide_nothing_have_no_decisions() -> None:
    bare = report(0, {})
    assert decisions_of(WindowReport(**{**_fields(bare), "metrics": {}})) is None


def _fields(made: WindowReport) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__struct_fields__}
