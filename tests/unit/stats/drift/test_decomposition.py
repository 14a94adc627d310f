from typing import Any

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.decomposition import decompose
from stream.stats.reference import Reference

RNG = np.random.default_rng(31)
NORMAL = build_baseline(
    {"x": np.append(RNG.normal(size=5_000), [np.nan] * 50)}, model_name="m", model_version="1"
).features["x"]
REFERENCE = Reference.from_baseline(NORMAL)


def decomposed(values: Any) -> dict[str, float]:
    row = NumericGrid.from_baseline(NORMAL).count_sorted(np.sort(np.asarray(values, float)))
    return decompose(REFERENCE, row)


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        (np.append(RNG.normal(size=1_000), np.full(300, np.nan)), "missing"),
        (np.append(RNG.normal(size=1_000), np.full(300, -50.0)), "below"),
        (np.append(RNG.normal(size=1_000), np.full(300, 50.0)), "above"),
        (RNG.normal(0.3, 0.8, 1_000), "shape"),
    ],
)
def test_one_cause_is_nearly_all(values: Any, cause: str) -> None:
    found = decomposed(values)
    assert sum(found.values()) == pytest.approx(1.0)
    assert found[f"drift_from_{cause}"] > 0.8


def test_shape_is_of_what_is_there() -> None:
    """Half of the values missing halves every other cell, and changes no shape."""
    found = decomposed(np.append(RNG.normal(size=2_000), np.full(2_000, np.nan)))
    assert found["drift_from_shape"] < 0.02


def test_chance_in_a_small_window_is_no_shape() -> None:
    shares = [
        decomposed(np.append(RNG.normal(size=180), np.full(20, np.nan)))["drift_from_missing"]
        for _ in range(40)
    ]
    assert np.median(shares) > 0.85


def test_two_causes_share() -> None:
    found = decomposed(
        np.concatenate([RNG.normal(size=1_000), np.full(150, np.nan), np.full(150, 50.0)])
    )
    assert 0.3 < found["drift_from_missing"] < 0.6
    assert 0.4 < found["drift_from_above"] < 0.7


def test_nothing_to_compare() -> None:
    assert decompose(REFERENCE, np.zeros(REFERENCE.cells, dtype=np.int64)) == {}
    assert decompose(REFERENCE, REFERENCE.counts) == {}


def test_unseen_rows_of_a_partial_baseline_are_shape() -> None:
    """Where the baseline could not name all, its own rows lie in that cell."""
    partial = FeatureBaseline(
        kind=FeatureKind.CATEGORICAL, categories=("a", "b"), counts=(500, 400, 100, 0, 0)
    )
    found = decompose(Reference.from_baseline(partial), np.array([100, 100, 800, 0, 0]))
    assert found == {"drift_from_missing": 0.0, "drift_from_shape": 1.0}


def test_a_text_drifts_by_what_is_missing() -> None:
    text = Reference.from_baseline(FeatureBaseline(kind=FeatureKind.TEXT, counts=(990, 0, 10)))
    found = decompose(text, np.array([100, 0, 100]))
    assert found == {"drift_from_missing": 1.0, "drift_from_shape": 0.0}


def test_the_terms_are_the_whole_divergence() -> None:
    """Chain rule: the questions' terms add up to the divergence over all cells together."""
    rows = np.array([[10, 25, 30, 35], [40, 25, 20, 15]]) * 1_000_000  # chance is next to nothing
    reference, window = ([a, b, c, 0, 0, missing] for a, b, c, missing in rows.tolist())
    found = decompose(
        Reference.from_baseline(
            FeatureBaseline(
                kind=FeatureKind.CATEGORICAL, categories=("a", "b", "c"), counts=tuple(reference)
            )
        ),
        np.array(window),
    )
    absent = np.stack([rows[:, :3].sum(axis=1), rows[:, 3]], axis=1)
    assert found["drift_from_missing"] == pytest.approx(
        divergence(absent) / divergence(rows), rel=1e-4
    )


def divergence(rows: Any) -> float:
    shares = rows / rows.sum(axis=1, keepdims=True)
    return float(np.sum(shares * np.log2(shares / shares.mean(axis=0)))) / 2
