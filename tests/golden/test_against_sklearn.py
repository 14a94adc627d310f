"""Performance figures from counts, cells and exact sums beside scikit-learn's from raw rows."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics
from sklearn.calibration import calibration_curve

from stream.arrays import BoolArray, FloatArray, IntArray
from stream.baseline.score_edges import DEFAULT_SCORE_EDGES, score_edges
from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.average_precision import average_precision
from stream.stats.performance.calibration import reliability_curve
from stream.stats.performance.cells import ScoreCells
from stream.stats.performance.confusion import (
    Confusion,
    binary_figures,
    class_figures,
)
from stream.stats.performance.losses import LOG_LOSS_CLIP, loss_figures
from stream.stats.performance.macro import macro_figures
from stream.stats.performance.ranking import ranking_figures
from stream.stats.performance.regression import regression_figures
from stream.stats.performance.roc_auc import roc_auc

EXACT = 1e-12
SUMMED = 1e-9
"""What is summed is good to 2**-33 of each value."""


def confusion_of(predicted: Any, actual: Any) -> Confusion:
    return Confusion.of(Counter(zip(predicted, actual, strict=True)))


def draw_binary(
    rows: int, share: float, distance: float, sharpness: float = 1.0, seed: int = 0
) -> tuple[FloatArray, BoolArray]:
    """Scores of a model whose classes are normals this far apart; calibrated if sharpness is 1."""
    rng = np.random.default_rng(seed)
    is_positive = rng.random(rows) < share
    is_positive[:2] = [False, True]
    latent = rng.normal(distance * is_positive)
    logits = distance * latent - distance**2 / 2 + logit(share)
    return expit(sharpness * logits), is_positive


def counted(
    edges: FloatArray, scores: FloatArray, is_positive: BoolArray
) -> tuple[IntArray, ScoreCells]:
    cells = np.searchsorted(edges, scores, side="left")
    rows = [np.bincount(cells[is_positive == kind], minlength=len(edges) + 1) for kind in (0, 1)]
    return np.stack(rows).astype(np.int64), ScoreCells.between(edges)


# --- classes


@pytest.mark.parametrize(
    ("rows", "share", "threshold"),
    [(1_000, 0.5, 0.5), (20_000, 0.005, 0.5), (20_000, 0.005, 0.02), (12, 0.3, 0.5)],
)
def test_binary(rows: Any, share: Any, threshold: Any) -> None:
    scores, is_positive = draw_binary(rows, share, 2.0)
    actual, predicted = is_positive.astype(int), (scores > threshold).astype(int)
    confusion = confusion_of(predicted.astype(str).tolist(), actual.astype(str).tolist())
    found = {name: f.value for name, f in binary_figures(confusion, "1").items()}
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(actual, predicted), abs=EXACT)
    assert found["recall"] == pytest.approx(metrics.recall_score(actual, predicted), abs=EXACT)
    assert found["f1"] == pytest.approx(metrics.f1_score(actual, predicted), abs=EXACT)
    assert ("precision" in found) == bool(predicted.any())
    if predicted.any():
        expected = metrics.precision_score(actual, predicted)
        assert found["precision"] == pytest.approx(expected, abs=EXACT)
    table = metrics.confusion_matrix(actual, predicted, labels=[0, 1])
    ours = confusion.table()
    assert [[ours.get(a, {}).get(p, 0) for p in "01"] for a in "01"] == table.tolist()


def draw_classes(rows: int, classes: int, seed: int) -> tuple[list[str], list[str]]:
    """Actual and predicted classes, of very different frequency, every third one wrong."""
    rng = np.random.default_rng(seed)
    frequencies = 1 / np.arange(1, classes + 1)
    actual = rng.choice(classes, rows, p=frequencies / frequencies.sum())
    wrong = rng.random(rows) < 1 / 3
    predicted = np.where(wrong, rng.integers(0, classes, rows), actual)
    return [f"c{i}" for i in actual], [f"c{i}" for i in predicted]


DRAWN = ((5_000, 3, 1), (5_000, 12, 2), (40, 12, 3))
HAND_MADE = {
    "a class that is never predicted": (list("aabbc"), list("aabba")),
    "a class that never was": (list("aabb"), list("aabc")),
    "all wrong": (list("ab"), list("ba")),
    "all right": (list("abc"), list("abc")),
    "no class in common": (list("aa"), list("bb")),
    "one class": (list("aaa"), list("aaa")),
}


@pytest.mark.parametrize(
    ("actual", "predicted"),
    [*(draw_classes(*drawn) for drawn in DRAWN), *HAND_MADE.values()],
    ids=[*(f"{rows} rows, {classes} classes" for rows, classes, _ in DRAWN), *HAND_MADE],
)
def test_many_classes(actual: Any, predicted: Any) -> None:
    confusion = confusion_of(predicted, actual)
    found = macro_figures(confusion)
    expected = metrics.precision_recall_fscore_support(
        actual, predicted, average="macro", zero_division=0.0
    )
    ours = [found[name].value for name in ("precision", "recall", "f1")]
    assert ours == pytest.approx(expected[:3], abs=EXACT)
    accuracy = metrics.accuracy_score(actual, predicted)
    assert found["accuracy"].value == pytest.approx(accuracy, abs=EXACT)
    by_class = metrics.precision_recall_fscore_support(
        actual, predicted, average=None, zero_division=np.nan
    )
    for name, precision, recall, f1, support in zip(confusion.classes, *by_class, strict=True):
        figures = class_figures(confusion)[name]
        assert figures.get("precision", np.nan) == pytest.approx(precision, abs=EXACT, nan_ok=True)
        assert figures.get("recall", np.nan) == pytest.approx(recall, abs=EXACT, nan_ok=True)
        assert figures["f1"] == pytest.approx(f1, abs=EXACT)
        assert figures["support"] == support


# --- scores

SHAPES = {
    "balanced": (2_000, 0.5, 1.0, 1.0),
    "rare, strong": (20_000, 0.005, 3.0, 1.0),
    "rare, weak": (20_000, 0.005, 1.0, 1.0),
    "rare, overconfident": (20_000, 0.005, 2.0, 3.0),
    "few": (30, 0.3, 1.0, 1.0),
    "useless": (2_000, 0.1, 0.0, 1.0),
    "told apart": (2_000, 0.2, 9.0, 1.0),
}


@pytest.fixture(scope="module", params=SHAPES)
def scored(request: Any) -> Any:
    rows, share, distance, sharpness = SHAPES[request.param]
    return draw_binary(rows, share, distance, sharpness)


@pytest.fixture(scope="module", params=["reference", "default", "ten equal"])
def edges(request: Any, scored: Any) -> Any:
    return {
        "reference": lambda: score_edges(*scored),
        "default": lambda: DEFAULT_SCORE_EDGES,
        "ten equal": lambda: np.arange(1, 10) / 10,
    }[request.param]()


def test_roc_auc_is_within_its_bound(scored: Any, edges: Any) -> None:
    scores, is_positive = scored
    exact = metrics.roc_auc_score(is_positive, scores)
    counts, cells = counted(edges, scores, is_positive)
    found = roc_auc(counts, cells.single)
    assert found is not None
    assert found.least - EXACT <= exact <= found.most + EXACT
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert found.error_max <= float(np.prod(shares, axis=0).sum()) / 2 + EXACT
    assert found.figure.low is not None
    assert found.figure.high is not None
    assert found.figure.low <= found.least <= found.value <= found.most <= found.figure.high


def test_average_precision_is_within_its_bound(scored: Any, edges: Any) -> None:
    scores, is_positive = scored
    exact = metrics.average_precision_score(is_positive, scores)
    counts, cells = counted(edges, scores, is_positive)
    found = average_precision(counts, cells.single)
    assert found is not None
    assert found.least - EXACT <= exact <= found.most + EXACT
    assert found.figure.low is not None
    assert found.figure.high is not None
    assert found.figure.low <= found.least <= found.value <= found.most <= found.figure.high


@pytest.mark.parametrize("shape", ["rare, strong", "rare, weak"])
def test_cells_of_a_reference_keep_scores_in_order(shape: Any) -> None:
    rows, share, distance, _ = SHAPES[shape]
    for seed in range(3):
        edges = score_edges(*draw_binary(rows, share, distance, seed=100 + seed))
        scores, is_positive = draw_binary(rows, share, distance, seed=seed)
        counts, cells = counted(edges, scores, is_positive)
        area, precision = roc_auc(counts, cells.single), average_precision(counts, cells.single)
        assert area is not None
        assert precision is not None
        assert area.error_max <= 0.005
        assert precision.error_max <= 0.005
        exact = metrics.average_precision_score(is_positive, scores)
        assert precision.value == pytest.approx(exact, abs=0.002)


def test_values_in_cells_of_their_own_lose_nothing() -> None:
    scores, is_positive = draw_binary(5_000, 0.1, 2.0)
    scores = np.round(scores, 2)
    values = np.unique(scores)
    edges = np.unique(np.concatenate([values, np.nextafter(values, -1)]))
    edges = edges[(edges >= 0) & (edges < 1)]
    counts, cells = counted(edges, scores, is_positive)
    area, precision = roc_auc(counts, cells.single), average_precision(counts, cells.single)
    assert area is not None
    assert precision is not None
    exact = metrics.roc_auc_score(is_positive, scores)
    assert area.value == pytest.approx(exact, abs=EXACT)
    exact = metrics.average_precision_score(is_positive, scores)
    assert precision.value == pytest.approx(exact, abs=EXACT)
    assert (area.error_max, precision.error_max) == (0.0, 0.0)


def test_reliability_is_that_of_bins_with_equally_many_rows() -> None:
    scores, is_positive = draw_binary(20_000, 0.3, 1.5, 2.0)
    observed, means = calibration_curve(is_positive, scores, n_bins=10, strategy="quantile")
    counts, cells = counted(score_edges(scores, is_positive), scores, is_positive)
    curve = reliability_curve(counts, cells)
    assert curve is not None
    assert len(curve.rows) == 10
    # Bins are unions of cells, which hold up to 1/64 of the rows.
    assert curve.rows.tolist() == pytest.approx([2_000] * 10, abs=2 * 20_000 / 64)
    assert curve.observed == pytest.approx(observed, abs=0.03)
    assert curve.means == pytest.approx(means, abs=0.03)


# --- sums


def test_losses_of_two_classes() -> None:
    scores, is_positive = draw_binary(3_000, 0.2, 2.0)
    scores[:4] = [0.0, 1.0, 0.0, 1.0]
    is_positive[:4] = [False, False, True, True]
    of_actual = np.clip(np.where(is_positive, scores, 1 - scores), LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    found = loss_figures(
        ExactSums.of(-np.log(of_actual)), ExactSums.of((scores - is_positive) ** 2)
    )
    expected = metrics.log_loss(is_positive, scores)
    assert found["log_loss"].value == pytest.approx(expected, abs=SUMMED)
    expected = metrics.brier_score_loss(is_positive, scores)
    assert found["brier"].value == pytest.approx(expected, abs=SUMMED)


@pytest.mark.parametrize("classes", [3, 12])
def test_losses_of_many_classes(classes: Any) -> None:
    rng = np.random.default_rng(classes)
    probabilities = rng.dirichlet(np.ones(classes), 2_000)
    actual = rng.integers(0, classes, 2_000)
    hit = np.eye(classes)[actual]
    found = loss_figures(
        ExactSums.of(-np.log(probabilities[hit == 1])),
        ExactSums.of(((probabilities - hit) ** 2).sum(axis=1)),
    )
    expected = metrics.log_loss(actual, probabilities)
    assert found["log_loss"].value == pytest.approx(expected, abs=SUMMED)
    expected = metrics.brier_score_loss(actual, probabilities, labels=list(range(classes)))
    assert found["brier"].value == pytest.approx(expected, abs=SUMMED)


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (3e5, 7e4), (1e9, 10.0), (-0.01, 1e-4)])
def test_regression(offset: Any, scale: Any) -> None:
    rng = np.random.default_rng(9)
    targets = offset + scale * rng.normal(size=2_000)
    predictions = targets + scale * rng.standard_t(3, 2_000) / 3
    errors = predictions - targets
    found = regression_figures(
        ExactSums.of(errors), ExactSums.of(targets), ExactSums.of(np.abs(errors / targets))
    )
    expected = {
        "mae": metrics.mean_absolute_error(targets, predictions),
        "mse": metrics.mean_squared_error(targets, predictions),
        "rmse": metrics.root_mean_squared_error(targets, predictions),
        "mape": metrics.mean_absolute_percentage_error(targets, predictions),
        "r2": metrics.r2_score(targets, predictions),
        "bias": float(errors.mean()),
    }
    # The unit of a target of 1e9 is 2**-16, a millionth of the scale there.
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-6, abs=1e-9 * scale), name


def test_ranking() -> None:
    rng = np.random.default_rng(3)
    ndcg, reciprocal, hits, expected = [], [], [], []
    discounts = 1 / np.log2(np.arange(10) + 2)
    for _ in range(200):
        relevance = rng.choice([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], 25)
        order = rng.permutation(25)
        expected.append(metrics.ndcg_score([relevance], [-np.argsort(order)], k=10))
        gains = relevance[order]
        best = np.sort(relevance)[::-1]
        ndcg.append(float(gains[:10] @ discounts / (best[:10] @ discounts)))
        first = int(np.flatnonzero(gains)[0])
        reciprocal.append(1 / (first + 1))
        hits.append(float(first < 10))
    found = ranking_figures(ExactSums.of(ndcg), ExactSums.of(reciprocal), ExactSums.of(hits))
    assert found["ndcg_at_10"].value == pytest.approx(np.mean(expected), abs=SUMMED)
    assert found["mrr"].value == pytest.approx(np.mean(reciprocal), abs=SUMMED)
    assert found["hit_rate_at_10"].value == np.mean(hits)
