from typing import Any

import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.stats.imbalance import class_imbalance
from stream.stats.reference import Reference


def of(counts: Any, **fields: Any) -> Reference:
    names = tuple("abcdefgh"[: len(counts) - 3 - ("other_categories" in fields)])
    return Reference.from_baseline(
        FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=names, counts=tuple(counts), **fields
        )
    )


THREE = of([50, 30, 20, 0, 0, 0])


@pytest.mark.parametrize(
    ("counts", "ratio"),
    [
        ([50, 30, 20, 0, 0, 0], 2.5),
        ([1, 1, 1, 900, 0, 50], 1.0),
        ([5, 0, 5, 0, 0, 0], None),
        ([0, 0, 0, 0, 0, 0], None),
    ],
)
def test_the_largest_by_the_smallest_class(counts: Any, ratio: Any) -> None:
    assert class_imbalance(THREE, np.array(counts)) == ratio


def test_classes_the_reference_has_no_rows_of_are_none() -> None:
    """A boolean prediction has the classes 0 and 1, also where one never occurred."""
    assert class_imbalance(of([10, 5, 0, 0, 0, 0]), np.array([6, 2, 0, 0, 0, 0])) == 3.0
    assert class_imbalance(of([10, 0, 0, 0, 0]), np.array([6, 2, 0, 0, 0])) is None


def test_rare_classes_in_one_cell_are_no_class() -> None:
    reference = of([10, 5, 2, 0, 0, 0], other_categories=("z",))
    assert class_imbalance(reference, np.array([8, 4, 1, 0, 0, 0])) == 2.0


def test_numbers_have_no_classes() -> None:
    numeric = Reference.from_baseline(FeatureBaseline(kind=FeatureKind.NUMERIC, edges=(0.0, 1.0)))
    assert class_imbalance(numeric, np.zeros(numeric.cells, dtype=np.int64)) is None
