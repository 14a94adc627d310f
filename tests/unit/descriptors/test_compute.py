from typing import Any

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.descriptors.compute import DESCRIPTORS, compile_describer

ROWS = 120
COLUMNS: dict[FeatureKind, list[Any]] = {
    FeatureKind.TEXT: [f"word{'x' * (i % 7)} and thing {'y' * i}" for i in range(ROWS)],
    FeatureKind.EMBEDDING: np.random.default_rng(1).normal(size=(ROWS, 16)).tolist(),
    FeatureKind.SET: [["a", "b", f"c{i}"][: 1 + i % 3] for i in range(ROWS)],
}


def reference(kind: FeatureKind) -> FeatureBaseline:
    built = build_baseline({"x": COLUMNS[kind]}, model_name="m", model_version="1")
    return built.features["x"]


@pytest.mark.parametrize("kind", DESCRIPTORS)
def test_a_row_a_descriptor_in_sorted_order(kind: FeatureKind) -> None:
    describer = compile_describer(reference(kind))
    assert describer.names == tuple(sorted(DESCRIPTORS[kind])) == DESCRIPTORS[kind]
    described = describer.matrix([*COLUMNS[kind][:5], None, 7])
    assert described.shape == (len(describer.names), 7)
    assert np.isfinite(described[:, :5]).all()
    assert np.isnan(described[:, 5]).all()
    assert np.isposinf(described[:, 6]).all()


@pytest.mark.parametrize("kind", DESCRIPTORS)
def test_references_are_of_the_same_figures(kind: FeatureKind) -> None:
    built = reference(kind)
    described = compile_describer(built).matrix(COLUMNS[kind])
    for name, values in zip(DESCRIPTORS[kind], described, strict=True):
        if name in {"length", "words", "non_letter_share", "norm", "projection_3", "size"}:
            assert built.descriptors[name].mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
        assert sum(built.descriptors[name].counts) == ROWS


def test_descriptors_that_the_baseline_has_not_are_left_out() -> None:
    built = build_baseline(
        {"x": ["12 34 56"] * 40}, model_name="m", model_version="1", kinds={"x": FeatureKind.TEXT}
    ).features["x"]
    describer = compile_describer(built)
    assert describer.names == ("length", "non_letter_share", "words")
    assert describer.matrix(["ab 1"]).tolist() == [[4.0], [0.25], [1.0]]


def test_other_kinds_have_none() -> None:
    with pytest.raises(ValueError, match="kind id has no descriptors"):
        compile_describer(FeatureBaseline(kind=FeatureKind.ID))
