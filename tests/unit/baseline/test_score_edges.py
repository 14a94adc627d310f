import msgspec
import numpy as np
import pytest
from scipy.special import expit

from schemas.baselines import Baseline, BaselinePerformance
from stream.arrays import BoolArray, FloatArray
from stream.baseline.score_edges import (
    DEFAULT_SCORE_EDGES,
    score_edges,
    score_edges_of,
    score_grid_id,
)
from stream.stats.performance.average_precision import average_precision
from stream.stats.performance.cells import ScoreCells
from stream.stats.performance.roc_auc import roc_auc

BELOW_ONE = np.nextafter(1.0, 0.0)


def draw(n: int, rate: float, separation: float, seed: int) -> tuple[FloatArray, BoolArray]:
    """Calibrated scores of two normal classes."""
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < rate
    z = rng.normal(size=n) + separation * labels
    logits = separation * z - separation**2 / 2 + np.log(rate / (1 - rate))
    return np.asarray(expit(logits)), labels


def counted(edges: FloatArray, scores: FloatArray, labels: BoolArray) -> np.ndarray:
    cells = np.searchsorted(edges, scores)
    return np.stack([np.bincount(cells[labels == of], minlength=len(edges) + 1) for of in (0, 1)])


@pytest.mark.parametrize("separation", [1.0, 3.0], ids=["weak", "strong"])
@pytest.mark.parametrize("n", [20_000, 200_000])
def test_rare_positives_keep_their_figures(n: int, separation: float) -> None:
    edges = score_edges(*draw(n, 0.005, separation, seed=1))
    assert len(edges) < 590
    cells = ScoreCells.between(edges)
    counts = counted(edges, *draw(20_000, 0.005, separation, seed=2))
    area, precision = roc_auc(counts, cells.single), average_precision(counts, cells.single)
    assert area is not None
    assert precision is not None
    assert area.error_max <= 0.005
    assert precision.error_max <= 0.005


def test_edges_are_inside_and_leave_0_and_1_alone() -> None:
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.random(2_000), np.zeros(300), np.ones(300), np.full(300, 0.25)])
    for edges in (score_edges(scores, scores > 0.5), DEFAULT_SCORE_EDGES):
        assert np.all(np.diff(edges) > 0)
        assert edges[0] == 0.0
        assert edges[-1] == BELOW_ONE
    edges = score_edges(scores, scores > 0.5)
    around = [np.nextafter(0.25, 0.0), 0.25, np.nextafter(0.25, 1.0)]
    assert len(set(np.searchsorted(edges, around).tolist())) == 3


def test_few_valued_scores_have_a_cell_each() -> None:
    scores = np.tile(np.arange(101) / 100, 20)
    edges = score_edges(scores, scores > 0.5)
    cells = ScoreCells.between(edges)
    assert bool(cells.single[np.searchsorted(edges, scores)].all())
    assert len(edges) <= 2 * 101


@pytest.mark.parametrize("n", [1, 2, 9, 300])
def test_few_rows_have_edges_too(n: int) -> None:
    rng = np.random.default_rng(n)
    edges = score_edges(rng.random(n), rng.random(n) < 0.5)
    assert np.all(np.diff(edges) > 0)
    assert len(score_edges(np.full(n, 0.3), np.zeros(n, dtype=np.bool_))) <= 574


def test_a_baseline_without_labels_has_the_default_ones() -> None:
    bare = Baseline(model_name="m", model_version="1", rows=2, features={})
    labelled = BaselinePerformance(
        task="binary",  # type: ignore[arg-type]  # as its text
        positive_class="1",
        labelled=2,
        figures={},
    )
    for of in (None, bare, msgspec.structs.replace(bare, performance=labelled)):
        assert score_edges_of(of) is DEFAULT_SCORE_EDGES
    own = msgspec.structs.replace(labelled, score_edges=(0.0, 0.5))
    found = score_edges_of(msgspec.structs.replace(bare, performance=own))
    assert found.tolist() == [0.0, 0.5]
    assert score_grid_id(found) != score_grid_id(DEFAULT_SCORE_EDGES)
    assert len(DEFAULT_SCORE_EDGES) < 1_030
