"""Label counts to performance figures: tasks, absent figures, the baseline beside them."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import BaselinePerformance, FeatureBaseline
from schemas.features import FeatureKind
from schemas.metrics import describe
from schemas.models import Task
from stream.arrays import IntArray
from stream.baseline.build import build_baseline
from stream.baseline.score_edges import score_grid_id
from stream.rollup.performance import (
    CLASSES_SHOWN_MAX,
    Performance,
    PerformanceTerms,
    performance_figures,
    task_of,
)
from stream.sketches.exact_sums import ExactSums
from stream.state.codec import NameCounts
from stream.window.labelled import LabelCounts

RNG = np.random.default_rng(41)
EDGES = np.unique(np.concatenate([[0.0], np.arange(1, 64) / 64, [np.nextafter(1, 0)]]))
GRID = score_grid_id(EDGES)
TERMS = PerformanceTerms(edges={GRID: EDGES})
CLASS_FIGURES = {"accuracy", "precision", "recall", "f1"}
SCORE_FIGURES = {"roc_auc", "average_precision"}


def label_counts(
    *,
    pairs: dict[tuple[str, str], int] | None = None,
    sums: dict[str, list[float]] | None = None,
    scores: dict[str, dict[str, IntArray]] | None = None,
    other: int = 0,
    registered: int = 0,
    labelled: int = 0,
    unusable: int = 0,
) -> LabelCounts:
    names = {f"{predicted}\x1f{actual}": n for (predicted, actual), n in (pairs or {}).items()}
    labelled = labelled or sum(names.values())
    return LabelCounts(
        cells=np.array([registered or labelled, labelled, 0, unusable]),
        pairs=NameCounts(4096, other, names),
        scores=scores or {},
        sums={name: ExactSums.of(values) for name, values in (sums or {}).items()},
    )


def cells_of(scores: Any, hits: Any, edges: Any = EDGES) -> IntArray:
    of = np.searchsorted(edges, scores)
    rows = [np.bincount(of[hits == kind], minlength=len(edges) + 1) for kind in (0, 1)]
    return np.concatenate(rows)


def binary_counts(rows: int = 2_000) -> LabelCounts:
    scores = RNG.beta(1, 3, rows)
    hits = RNG.random(rows) < scores
    pairs: dict[tuple[str, str], int] = {}
    for score, hit in zip(scores, hits, strict=True):
        pair = (str(int(score > 0.5)), str(int(hit)))
        pairs[pair] = pairs.get(pair, 0) + 1
    of_actual = np.where(hits, scores, 1 - scores)
    return label_counts(
        pairs=pairs,
        sums={"log_loss": list(-np.log(of_actual)), "brier": list((scores - hits) ** 2)},
        scores={GRID: {"1": cells_of(scores, hits)}},
        registered=2 * rows,
    )


def class_counts(rows: int = 900) -> LabelCounts:
    probabilities = RNG.dirichlet([1, 1, 1], rows)
    actual = np.array([RNG.choice(3, p=p) for p in probabilities])
    pairs: dict[tuple[str, str], int] = {}
    for predicted, of in zip(probabilities.argmax(axis=1), actual, strict=True):
        pair = ("abc"[predicted], "abc"[of])
        pairs[pair] = pairs.get(pair, 0) + 1
    scores = {"abc"[k]: cells_of(probabilities[:, k], actual == k) for k in range(3)}
    return label_counts(pairs=pairs, scores={GRID: scores})


def regression_counts(rows: int = 300) -> LabelCounts:
    targets = RNG.normal(50, 10, rows)
    errors = RNG.normal(1, 2, rows)
    return label_counts(
        sums={
            "error": list(errors),
            "target": list(targets),
            "relative": list(abs(errors / targets)),
        },
        labelled=rows,
    )


def ranking_counts() -> LabelCounts:
    sums = {"ndcg": [0.5, 1.0], "reciprocal_rank": [0.5, 1.0, 0.0], "hit": [1.0, 1.0, 0.0]}
    return label_counts(sums=sums, labelled=3)


def names_of(found: Performance) -> set[str]:
    """Figures without the bounds of their intervals."""
    return {n for n in found.metrics if not n.endswith(("_low", "_high"))}


ALL = {
    "binary": binary_counts(),
    "classes": class_counts(),
    "regression": regression_counts(),
    "ranking": ranking_counts(),
    "nothing": LabelCounts(),
}


@pytest.mark.parametrize("name", ALL)
def test_every_figure_is_a_number_that_the_contract_knows(name: Any) -> None:
    baseline = BaselinePerformance(
        task=task_of(ALL[name], TERMS),
        positive_class="1",
        labelled=100,
        figures={"accuracy": 0.75, "rmse": 2.0, "mrr": 0.5, "roc_auc": 0.75},
    )
    terms = PerformanceTerms(edges=TERMS.edges, baseline=baseline)
    found = performance_figures(ALL[name], terms)
    assert all(describe(figure) is not None for figure in found.metrics)
    json.dumps(msgspec.to_builtins(found), allow_nan=False)
    for figure in names_of(found):
        if f"{figure}_low" in found.metrics:
            low, high = found.metrics[f"{figure}_low"], found.metrics[f"{figure}_high"]
            assert low <= found.metrics[figure] <= high


def test_binary_figures() -> None:
    found = performance_figures(ALL["binary"], TERMS)
    assert names_of(found) == {
        *CLASS_FIGURES,
        *SCORE_FIGURES,
        *("log_loss", "brier", "calibration_error", "brier_reliability", "brier_resolution"),
        "label_coverage",
    }
    assert found.metrics["label_coverage"] == 0.5
    assert set(found.confusion) == {"0", "1"}
    assert sum(n for row in found.confusion.values() for n in row.values()) == 2_000
    assert set(found.classes["1"]) == {"precision", "recall", "f1", "support", "roc_auc"}
    assert set(found.classes["0"]) == {"precision", "recall", "f1", "support"}
    assert found.classes["1"]["roc_auc"] == found.metrics["roc_auc"]
    assert sum(rows for _, _, rows in found.reliability) == 2_000
    assert [mean for mean, _, _ in found.reliability] == sorted(m for m, _, _ in found.reliability)


def test_figures_of_many_classes_are_averages() -> None:
    found = performance_figures(ALL["classes"], TERMS)
    assert names_of(found) == {
        *CLASS_FIGURES,
        *SCORE_FIGURES,
        "calibration_error",
        "label_coverage",
    }
    for name in ("precision", "recall", "f1", "roc_auc"):
        by_class = [figures[name] for figures in found.classes.values()]
        assert found.metrics[name] == pytest.approx(np.mean(by_class))
    # Each request is one of each class against the rest.
    assert sum(rows for _, _, rows in found.reliability) == 3 * 900


def test_regression_figures() -> None:
    found = performance_figures(ALL["regression"], TERMS)
    assert names_of(found) == {"mae", "mse", "rmse", "mape", "r2", "bias", "label_coverage"}
    assert found.metrics["bias"] == pytest.approx(1, abs=0.5)
    assert not found.confusion
    assert not found.classes
    assert not found.reliability


def test_ranking_figures() -> None:
    found = performance_figures(ALL["ranking"], TERMS)
    assert names_of(found) == {"ndcg_at_10", "mrr", "hit_rate_at_10", "label_coverage"}
    assert found.metrics["mrr"] == 0.5


def test_nothing_labelled_has_coverage_alone() -> None:
    found = performance_figures(label_counts(registered=50), TERMS)
    assert found.metrics == {"label_coverage": 0.0}
    assert performance_figures(LabelCounts(), TERMS) == Performance()


def test_delays() -> None:
    counts = label_counts(pairs={("1", "1"): 4})
    counts.delays[8 * 12] = 4
    found = performance_figures(counts, TERMS).metrics
    assert found["label_delay_p50_ms"] == 4096 * (1 + 1 / 16)
    assert 4096 <= found["label_delay_p50_ms"] < found["label_delay_p95_ms"] <= 4608


# --- tasks


@pytest.mark.parametrize(
    ("counts", "task"),
    [
        (ALL["binary"], Task.BINARY),
        (ALL["classes"], Task.MULTICLASS),
        (ALL["regression"], Task.REGRESSION),
        (ALL["ranking"], Task.RANKING),
        (label_counts(pairs={("cat", "dog"): 3}), Task.MULTICLASS),
        (label_counts(pairs={("0", "0"): 3}), Task.BINARY),
        (LabelCounts(), Task.BINARY),
    ],
)
def test_the_task_follows_from_the_counts(counts: Any, task: Any) -> None:
    assert task_of(counts, TERMS) is task


@pytest.mark.parametrize(
    ("classes", "paired", "unusable", "task"),
    [
        (2, 100, 0, Task.BINARY),
        (20, 100, 0, Task.MULTICLASS),
        (21, 100, 0, Task.REGRESSION),
        (2, 99, 0, Task.REGRESSION),
        (2, 99, 1, Task.BINARY),
    ],
)
def test_whole_numbers_are_classes_while_they_are_few(
    classes: Any, paired: Any, unusable: Any, task: Any
) -> None:
    pairs = {(str(k), str(k)): 1 for k in range(classes - 1)}
    pairs[str(classes - 1), "0"] = paired - len(pairs)
    counts = label_counts(
        pairs=pairs, sums={"error": [0.0] * paired}, labelled=100, unusable=unusable
    )
    assert task_of(counts, TERMS) is task


def test_what_is_configured_goes_before_the_baseline_and_that_before_the_counts() -> None:
    baseline = BaselinePerformance(
        task=Task.MULTICLASS, positive_class="1", labelled=10, figures={}
    )
    by_baseline = PerformanceTerms(baseline=baseline)
    assert task_of(ALL["binary"], by_baseline) is Task.MULTICLASS
    configured = PerformanceTerms(task=Task.BINARY, baseline=baseline)
    assert task_of(ALL["classes"], configured) is Task.BINARY


def test_probabilities_of_many_classes_are_no_binary_model() -> None:
    """A window in which two of three classes occur is still of the same model."""
    cells = cells_of(np.array([0.2, 0.6]), np.array([0, 1]))
    counts = label_counts(
        pairs={("1", "1"): 1, ("0", "0"): 1}, scores={GRID: dict.fromkeys("012", cells)}
    )
    assert task_of(counts, TERMS) is Task.MULTICLASS


def test_another_positive_class() -> None:
    counts = label_counts(pairs={("bad", "bad"): 3, ("good", "bad"): 1, ("good", "good"): 6})
    found = performance_figures(counts, PerformanceTerms(positive_class="bad")).metrics
    assert (found["precision"], found["recall"]) == (1.0, 0.75)


# --- what is absent


def test_pairs_beyond_the_bound_leave_no_confusion() -> None:
    counts = class_counts()
    counts.pairs = NameCounts(4096, 5, counts.pairs.names)
    found = performance_figures(counts, TERMS)
    assert not CLASS_FIGURES & set(found.metrics)
    assert not found.confusion
    assert set(found.metrics) >= SCORE_FIGURES


def test_one_actual_class_has_no_area() -> None:
    scores = np.array([0.2, 0.7, 0.9])
    counts = label_counts(
        pairs={("0", "0"): 1, ("1", "0"): 2},
        scores={GRID: {"1": cells_of(scores, np.zeros(3))}},
    )
    found = performance_figures(counts, TERMS).metrics
    assert not SCORE_FIGURES & set(found)
    assert found["calibration_error"] == pytest.approx(0.6, abs=1 / 64)


def test_a_class_that_does_not_occur_is_left_out_of_the_average() -> None:
    scores, hits = RNG.random(200), RNG.random(200) < 0.4
    by_class = {
        "a": cells_of(scores, hits),
        "b": cells_of(1 - scores, ~hits),
        "c": cells_of(np.zeros(200), np.zeros(200)),
    }
    counts = label_counts(pairs={("a", "a"): 80, ("b", "b"): 120}, scores={GRID: by_class})
    found = performance_figures(counts, PerformanceTerms(Task.MULTICLASS, edges=TERMS.edges))
    expected = performance_figures(
        label_counts(scores={GRID: {"a": by_class["a"], "b": by_class["b"]}}),
        PerformanceTerms(Task.MULTICLASS, edges=TERMS.edges),
    )
    assert found.metrics["roc_auc"] == expected.metrics["roc_auc"]


def test_scores_in_unknown_cells_are_left_out() -> None:
    counts = binary_counts(100)
    counts.scores = {"00000000": counts.scores[GRID]}
    assert not SCORE_FIGURES & set(performance_figures(counts, TERMS).metrics)


def test_the_grid_with_most_scores_is_taken() -> None:
    coarse = np.array([0.5])
    grids = {GRID: EDGES, score_grid_id(coarse): coarse}
    scores, hits = RNG.random(300), RNG.random(300) < 0.5
    counts = label_counts(
        pairs={("1", "1"): 300},
        scores={
            score_grid_id(coarse): {"1": cells_of(scores[:100], hits[:100], coarse)},
            GRID: {"1": cells_of(scores[100:], hits[100:])},
        },
    )
    found = performance_figures(counts, PerformanceTerms(edges=grids))
    assert sum(rows for _, _, rows in found.reliability) == 200


def test_a_report_shows_the_largest_classes() -> None:
    pairs = {(f"c{k:03}", f"c{k:03}"): 1 + k for k in range(150)}
    found = performance_figures(label_counts(pairs=pairs), TERMS)
    assert len(found.classes) == CLASSES_SHOWN_MAX
    assert min(found.classes) == "c050"
    assert len(found.confusion) == 150


# --- the baseline


def test_change_against_the_baseline() -> None:
    figures = {"accuracy": 0.5, "rmse": 3.0, "log_loss": 0.25}
    baseline = BaselinePerformance(
        task=Task.BINARY, positive_class="1", labelled=100, figures=figures
    )
    found = performance_figures(
        ALL["binary"], PerformanceTerms(edges=TERMS.edges, baseline=baseline)
    ).metrics
    changes = {name for name in found if name.endswith("_change")}
    assert changes == {"accuracy_change", "log_loss_change"}
    assert found["accuracy_change"] == found["accuracy"] - 0.5


def with_label(label: FeatureBaseline) -> PerformanceTerms:
    baseline = BaselinePerformance(
        task=Task.AUTO, positive_class="1", labelled=100, figures={}, label=label
    )
    return PerformanceTerms(baseline=baseline)


def test_drift_of_classes() -> None:
    label = FeatureBaseline(
        kind=FeatureKind.CATEGORICAL, categories=("0", "1"), counts=(50, 50, 0, 0, 0)
    )
    pairs = {("0", "0"): 20, ("1", "0"): 10, ("1", "1"): 60, ("0", "1"): 10}
    counts = label_counts(pairs=pairs)
    found = performance_figures(counts, with_label(label)).metrics
    assert found["label_psi"] == pytest.approx(0.1695, abs=1e-4)
    counts.pairs = NameCounts(4096, 3, counts.pairs.names)
    assert "label_psi" not in performance_figures(counts, with_label(label)).metrics


def test_drift_of_numbers() -> None:
    label = build_baseline(
        {"y": RNG.normal(size=3_000)}, model_name="m", model_version="1"
    ).features["y"]
    counts = regression_counts()
    assert "label_psi" not in performance_figures(counts, with_label(label)).metrics
    grid = score_grid_id(np.array(label.decile_edges))
    counts.targets[grid] = np.array([0, 0, 10, 10, 10, 10, 10, 10, 20, 20])
    assert performance_figures(counts, with_label(label)).metrics["label_psi"] > 0.2


# --- segments, order


def test_a_segment_is_read_like_all_traffic() -> None:
    counts = LabelCounts(segments={"country=FR": ALL["binary"]})
    found = performance_figures(counts.segments["country=FR"], TERMS)
    assert found == performance_figures(ALL["binary"], TERMS)


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_rows_does_not_matter(name: Any) -> None:
    counts = ALL[name]
    turned = LabelCounts(
        cells=counts.cells,
        pairs=NameCounts(4096, 0, dict(reversed(counts.pairs.names.items()))),
        scores={grid: dict(reversed(of.items())) for grid, of in counts.scores.items()},
        sums=dict(reversed(counts.sums.items())),
    )
    assert performance_figures(turned, TERMS) == performance_figures(counts, TERMS)
