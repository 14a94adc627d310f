"""Performance without labels, from events to figures."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline, Calibration
from stream.baseline.build import build_baseline
from stream.baseline.soundness import check_baseline
from stream.rollup.comparison import CompiledBaseline, compare
from stream.rollup.merge import GridCounts, merge_panes

ROWS = 4_000
THRESHOLD = 0.6


def outcomes(seed: int, n: int = ROWS, positive: str = "1") -> dict[str, Any]:
    """Of a model that is too sure of itself: the truth is the square of its scores."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    names = np.array(["0", positive])
    return {
        "prediction": names[(scores > THRESHOLD).astype(int)].tolist(),
        "probability": scores,
        "label": names[(rng.random(n) < scores**2).astype(int)].tolist(),
    }


def built(data: Any, **options: Any) -> Baseline:
    baseline = build_baseline(data, model_name="credit", model_version="1", **options)
    check_baseline(baseline)
    return baseline


def events(columns: Any) -> list[dict[str, Any]]:
    rows = zip(columns["prediction"], columns["probability"], strict=True)
    return [{"prediction": y, "probability": p} for y, p in rows]


def figures(window: Any) -> dict[str, Any]:
    counts = window.counts.grids.get(window.compiled.grid_id, GridCounts())
    metrics = compare(window.compiled, counts).metrics
    return {name: of for name, of in metrics.items() if name.startswith("estimated_")}


def test_estimates_are_what_labels_say_later(counted_window: Any) -> None:
    fresh = outcomes(2)
    found = figures(counted_window(built(outcomes(1)), events(fresh)))
    predicted, actual = (np.array(fresh[of]) == "1" for of in ("prediction", "label"))
    measured = {
        "accuracy": np.mean(predicted == actual),
        "precision": actual[predicted].mean(),
        "recall": predicted[actual].mean(),
    }
    assert set(found) == {
        f"estimated_{name}{end}"
        for name in ("accuracy", "precision", "recall", "f1", "roc_auc")
        for end in ("", "_low", "_high")
    }
    for name, value in measured.items():
        assert found[f"estimated_{name}"] == pytest.approx(value, abs=0.03)
        assert found[f"estimated_{name}_low"] < value < found[f"estimated_{name}_high"]


def test_without_labels_in_the_baseline_nothing_is_estimated(counted_window: Any) -> None:
    data = outcomes(1)
    del data["label"]
    assert figures(counted_window(built(data), events(outcomes(2)))) == {}


def test_a_window_without_probabilities_estimates_nothing(counted_window: Any) -> None:
    window = counted_window(built(outcomes(1)), [{"prediction": "1"}] * 10)
    assert figures(window) == {}
    assert figures(counted_window(built(outcomes(1)), [])) == {}


def test_calibrations_share_a_grid_and_never_mix(counted_window: Any) -> None:
    old = built(outcomes(1))
    assert old.performance
    calibration = {"1": Calibration(x=(0.0, 1.0), y=(0.5, 0.5))}
    changed = msgspec.structs.replace(old.performance, calibration=calibration)
    new = msgspec.structs.replace(old, performance=changed)
    parts = [
        counted_window(of, events(outcomes(seed, n=100)))
        for seed, of in enumerate((old, new), start=5)
    ]
    assert len({part.compiled.grid_id for part in parts}) == 1
    counts = merge_panes(part.counts for part in parts)
    for of, part in zip((old, new), parts, strict=True):
        compiled = CompiledBaseline("x", of, 0)
        grid = counts.grids[compiled.grid_id]
        assert grid.events == 200
        found = compare(compiled, grid).metrics
        assert found["estimated_accuracy"] == figures(part)["estimated_accuracy"]


def test_the_positive_class_may_have_any_name(counted_window: Any) -> None:
    options = {"positive_class": "fraud"}
    baseline = built(outcomes(1, positive="fraud"), **options)
    fresh = outcomes(2, positive="fraud")
    named = [
        event | {"probability": {"fraud": event["probability"], "0": 1 - event["probability"]}}
        for event in events(fresh)
    ]
    plain = figures(counted_window(baseline, events(fresh)))
    assert figures(counted_window(baseline, named)) == plain
    usual = figures(counted_window(built(outcomes(1)), events(outcomes(2))))
    assert plain == usual


def test_many_classes_are_estimated_from_objects(counted_window: Any) -> None:
    rng = np.random.default_rng(3)
    classes = np.array(["a", "b", "c"])

    def drawn(n: int) -> tuple[Any, Any]:
        p = rng.dirichlet(np.full(3, 0.7), n)
        label = classes[(p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)]
        return p, label

    p, label = drawn(ROWS)
    data = {f"score.{name}": p[:, k] for k, name in enumerate(classes)}
    data |= {"prediction": classes[p.argmax(axis=1)].tolist(), "label": label.tolist()}
    baseline = built(data, roles={"probability": "score"})
    assert baseline.performance
    assert baseline.performance.classes == ("a", "b", "c")
    assert not baseline.features
    p, label = drawn(ROWS)
    predicted = classes[p.argmax(axis=1)]
    sent = [
        {"prediction": y, "probability": dict(zip(classes.tolist(), row, strict=True))}
        for y, row in zip(predicted.tolist(), p.tolist(), strict=True)
    ]
    found = figures(counted_window(baseline, sent))
    assert found["estimated_accuracy"] == pytest.approx(np.mean(predicted == label), abs=0.03)
    recalls = [np.mean(predicted[label == name] == name) for name in classes]
    assert found["estimated_recall"] == pytest.approx(np.mean(recalls), abs=0.03)
    # The scores of classes are not counted in cells.
    assert "estimated_roc_auc" not in found
    half = [event | {"probability": {"a": 0.5}} for event in sent]
    assert figures(counted_window(baseline, half)) == {}
