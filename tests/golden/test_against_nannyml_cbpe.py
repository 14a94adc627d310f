"""Our performance without labels beside NannyML's on California housing, week by week.

NannyML is not installed here: its numbers were recorded, see `peers/README.md`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from schemas.activations import Plan
from stream.arrays import FloatArray
from stream.baseline.build import build_baseline
from stream.ingest.decode import DecodedEvent
from stream.ingest.request_hash import request_hashes
from stream.rollup.comparison import CompiledBaseline, compare
from stream.rollup.merge import decode_pane
from stream.window.count import Batch, count_events
from stream.window.panes import DAY_MS, PaneId
from stream.window.plan import compile_plan
from tests.golden.peers.housing import read_outcomes, week_starts
from tests.golden.peers.ours import read_recording

RECORDED = read_recording("cbpe.json")
FIGURES = ("accuracy", "precision", "recall", "f1", "roc_auc")
REFERENCE = read_outcomes("reference")
BASELINE = build_baseline(
    {
        "prediction": REFERENCE["predicted"],
        "probability": REFERENCE["probability"],
        "label": REFERENCE["actual"],
    },
    model_name="housing",
    model_version="1",
)
COMPILED = CompiledBaseline("1", BASELINE, 0)


@cache
def weeks() -> list[Mapping[str, Any]]:
    """Figures of each week, its events counted as a worker counts them."""
    outcomes, starts = read_outcomes("analysis"), week_starts("analysis")
    return [figures(outcomes, starts == start) for start in np.unique(starts)]


def figures(outcomes: Mapping[str, Any], inside: Any) -> Mapping[str, Any]:
    rows = zip(
        outcomes["predicted"][inside].tolist(),
        outcomes["probability"][inside].tolist(),
        strict=True,
    )
    events = [DecodedEvent(prediction=y, probability=p) for y, p in rows]
    places = np.arange(len(events))
    hashes = request_hashes(events, places, places, places)
    known = np.zeros(len(events), dtype=np.bool_)
    panes: dict[PaneId, Any] = {}
    batch = Batch(events, np.zeros(len(events), dtype=np.int64), hashes, known, (), {})
    count_events(panes, batch, DAY_MS, compile_plan(Plan(), COMPILED.layout))
    [pane] = panes.values()
    counts = decode_pane({name.encode(): row for name, row in pane.rows()})
    grid = counts.grids[COMPILED.grid_id]
    assert COMPILED.layout.estimates
    sums = COMPILED.layout.estimates.matrix(grid.estimates[COMPILED.layout.estimates.id])
    (negative, missed), (positive, hits) = sums.tolist()
    confusion = {
        "true_positive": hits,
        "false_positive": positive - hits,
        "false_negative": missed,
        "true_negative": negative - missed,
    }
    return confusion | compare(COMPILED, grid).metrics


def ours(name: str) -> FloatArray:
    return np.array([week.get(name, np.nan) for week in weeks()], dtype=np.float64)


def theirs(kind: str, name: str) -> FloatArray:
    return np.array(RECORDED[kind][name], dtype=np.float64)


def test_both_calibrate() -> None:
    performance = BASELINE.performance
    assert performance
    assert RECORDED["needs_calibration"] is bool(performance.calibration) is True


@pytest.mark.parametrize(
    "name", ["true_positive", "false_positive", "false_negative", "true_negative"]
)
def test_expected_confusion_is_theirs(name: Any) -> None:
    assert ours(name) == pytest.approx(theirs("estimated", name), rel=0, abs=0.001)


@pytest.mark.parametrize("name", FIGURES)
def test_estimates_are_theirs(name: Any) -> None:
    mine, peers = ours(f"estimated_{name}"), theirs("estimated", name)
    # Precision of nothing predicted positive is absent here and 0 there.
    there = ~np.isnan(mine)
    assert np.all(peers[~there] == 0)
    assert there.sum() >= 34
    assert np.abs(mine - peers)[there].max() <= 1e-5


@pytest.mark.parametrize(
    ("name", "weeks_both", "mean"),
    [
        ("accuracy", 50, 0.182),
        ("precision", 33, 0.079),
        ("recall", 33, 0.046),
        ("f1", 33, 0.056),
        ("roc_auc", 49, 0.086),
    ],
)
def test_how_far_estimates_are_from_what_came_true(name: Any, weeks_both: Any, mean: Any) -> None:
    """Their distance is the data's: blocks are in the order of places, and so is what scores mean.

    Weeks without a predicted positive have no precision here, and no recall and F1 there.
    """
    apart = np.abs(ours(f"estimated_{name}") - theirs("realized", name))
    assert np.count_nonzero(~np.isnan(apart)) == weeks_both
    assert np.nanmean(apart) == pytest.approx(mean, abs=0.001)


@pytest.mark.parametrize(
    ("name", "inside", "inside_theirs"),
    [
        ("accuracy", 0.22, 0.22),
        ("precision", 0.85, 0.36),
        ("recall", 0.88, 0.91),
        ("f1", 0.94, 0.97),
        ("roc_auc", 0.57, 0.24),
    ],
)
def test_how_often_intervals_hold_what_came_true(
    name: Any, inside: Any, inside_theirs: Any
) -> None:
    """Ours are of the window's own estimate, theirs of the reference's labels."""
    true = theirs("realized", name)
    there = ~np.isnan(ours(f"estimated_{name}")) & ~np.isnan(true)
    held = (ours(f"estimated_{name}_low") <= true) & (true <= ours(f"estimated_{name}_high"))
    assert np.mean(held[there]) == pytest.approx(inside, abs=0.01)
    held = np.abs(theirs("estimated", name) - true) <= 1.96 * theirs("sampling_error", name)
    assert np.mean(held[there]) == pytest.approx(inside_theirs, abs=0.01)
