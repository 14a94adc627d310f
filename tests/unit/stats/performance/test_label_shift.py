"""Drift of labels against the baseline's."""

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.stats.drift.psi import psi
from stream.stats.performance.label_shift import class_label_psi, numeric_label_psi
from stream.stats.reference import Reference

CLASSES = Reference.from_baseline(
    FeatureBaseline(
        kind=FeatureKind.CATEGORICAL,
        categories=("a", "b"),
        other_categories=("c", "d"),
        counts=(60, 30, 10, 0, 0, 0),
    )
)
NUMBERS = Reference.from_baseline(
    build_baseline(
        {"y": np.random.default_rng(1).normal(size=4_000)}, model_name="m", model_version="1"
    ).features["y"]
)


def test_the_same_classes_do_not_drift() -> None:
    assert class_label_psi(CLASSES, {"a": 6, "b": 3, "c": 1}) == pytest.approx(0, abs=1e-12)


def test_rare_classes_share_a_cell_and_new_ones_another() -> None:
    expected = psi(np.array([0.5, 0.2, 0.2, 0.1]), np.array([0.6, 0.3, 0.1, 0.0]))
    found = class_label_psi(CLASSES, {"a": 50, "b": 20, "c": 12, "d": 8, "new": 10})
    assert found == pytest.approx(expected)


def test_numbers_are_compared_on_deciles() -> None:
    edges = np.array(NUMBERS.baseline.decile_edges)
    labels = np.random.default_rng(2).normal(0.5, 1, 2_000)
    counts = np.bincount(np.searchsorted(edges, labels), minlength=len(edges) + 1)
    found = numeric_label_psi(NUMBERS, counts)
    assert found == pytest.approx(psi(counts / 2_000, NUMBERS.tested.shares))
    assert found is not None
    assert 0.1 < found < 0.5


def test_no_labels_have_no_drift() -> None:
    assert class_label_psi(CLASSES, {}) is None
    assert numeric_label_psi(NUMBERS, np.zeros(10, dtype=np.int64)) is None


def test_classes_and_numbers_are_not_compared() -> None:
    assert class_label_psi(NUMBERS, {"1": 5}) is None
    assert numeric_label_psi(CLASSES, np.ones(10, dtype=np.int64)) is None


def test_labels_in_other_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="count them by its decile edges"):
        numeric_label_psi(NUMBERS, np.ones(7, dtype=np.int64))
