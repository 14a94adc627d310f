from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from stream.arrays import FloatArray
from stream.stats.estimated import estimated_binary, estimated_multiclass, estimated_roc_auc


def test_probabilities_of_0_and_1_make_the_measured_figures() -> None:
    rng = np.random.default_rng(1)
    actual, predicted = rng.integers(0, 2, (2, 500))
    rows = np.bincount(predicted, minlength=2).astype(float)
    positives: Any = np.bincount(predicted, actual, 2)
    figures = estimated_binary(rows, positives)
    for name, score in {
        "accuracy": accuracy_score,
        "precision": precision_score,
        "recall": recall_score,
        "f1": f1_score,
    }.items():
        assert figures[f"estimated_{name}"] == pytest.approx(score(actual, predicted))


def test_macro_averages_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    actual, predicted = rng.integers(0, 4, 300), rng.integers(0, 3, 300)  # 3 is never predicted
    sums = np.zeros((4, 4))
    np.add.at(sums, (predicted, actual), 1.0)
    figures = estimated_multiclass(sums.sum(axis=1), sums)
    options: dict[str, Any] = {"average": "macro", "zero_division": 0}
    assert figures["estimated_accuracy"] == pytest.approx(accuracy_score(actual, predicted))
    assert figures["estimated_precision"] == pytest.approx(
        precision_score(actual, predicted, **options)
    )
    assert figures["estimated_recall"] == pytest.approx(recall_score(actual, predicted, **options))
    assert figures["estimated_f1"] == pytest.approx(f1_score(actual, predicted, **options))


def test_what_has_no_denominator_is_absent() -> None:
    assert estimated_binary(np.zeros(2), np.zeros(2)) == {}
    nothing_positive = estimated_binary(np.array([10.0, 0.0]), np.array([0.0, 0.0]))
    assert set(nothing_positive) == {
        "estimated_accuracy",
        "estimated_accuracy_low",
        "estimated_accuracy_high",
    }
    assert estimated_multiclass(np.zeros(3), np.zeros((3, 3))) == {}
    assert estimated_roc_auc(np.array([5, 5]), np.array([0.0, 0.0])) == {}
    assert estimated_roc_auc(np.array([0, 0]), np.array([0.1, 0.9])) == {}


def test_the_area_of_labels_in_cells_is_theirs_and_its_bound_holds() -> None:
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 50, 2_000) / 50
    labels = rng.random(2_000) < scores
    # As if each label were known: cells of positives, then of negatives, one score after another.
    cells = 2 * np.rint(scores * 50).astype(int) + labels
    counts = np.bincount(cells, minlength=102)
    figures = estimated_roc_auc(counts, np.tile([0.0, 1.0], 51))
    exact = roc_auc_score(labels, cells)
    assert figures["estimated_roc_auc"] == pytest.approx(exact)
    coarse = np.bincount(cells // 12, minlength=9)
    positives = np.bincount(cells // 12, weights=labels, minlength=9)
    shares = positives / np.maximum(1, coarse)
    found = estimated_roc_auc(coarse, shares)
    lost = float((positives * (coarse - positives)).sum() / (2 * labels.sum() * (~labels).sum()))
    assert abs(found["estimated_roc_auc"] - exact) <= lost


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "roc_auc"])
def test_intervals_hold_the_measured_figure_of_calibrated_models(name: Any) -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        p = rng.beta(1, 2, 300)
        inside += _holds(name, p, rng.random(300) < p)
    # Of figures given the scores: they vary less than those of new rows, so more than 95 % hold.
    assert inside >= 188


def _holds(name: str, p: FloatArray, labels: Any) -> bool:
    predicted = (p > 0.4).astype(int)
    if name == "roc_auc":
        cells = np.floor(p * 200).astype(int)
        counts = np.bincount(cells, minlength=200)
        figures = estimated_roc_auc(counts, (np.arange(200) + 0.5) / 200)
        measured = roc_auc_score(labels, p)
    else:
        rows = np.bincount(predicted, minlength=2).astype(float)
        positives: Any = np.bincount(predicted, p, 2)
        figures = estimated_binary(rows, positives)
        score: Any = {
            "accuracy": accuracy_score,
            "precision": precision_score,
            "recall": recall_score,
            "f1": f1_score,
        }[name]
        measured = score(labels, predicted)
    low, high = figures[f"estimated_{name}_low"], figures[f"estimated_{name}_high"]
    assert 0 <= low <= figures[f"estimated_{name}"] <= high <= 1
    return bool(low <= measured <= high)
