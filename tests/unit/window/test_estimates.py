"""Sums of calibrated probabilities by predicted class."""

from typing import Any

import numpy as np
import pytest

from schemas.baselines import BaselinePerformance, Calibration
from schemas.models import Task
from stream.window.estimates import CLASSES_MAX, UNIT_BITS, Estimates, estimates_of

HALVED = Calibration(x=(0.0, 1.0), y=(0.0, 0.5))


def performance(**changes: Any) -> BaselinePerformance:
    of: dict[str, Any] = {
        "task": Task.BINARY,
        "positive_class": "1",
        "labelled": 10,
        "figures": {},
        "classes": ("1",),
    }
    return BaselinePerformance(**(of | changes))


def binary(**changes: Any) -> Estimates:
    found = estimates_of(
        performance(**changes),
        prediction_row=0,
        categories=("0", "1"),
        prediction_cells=5,
        probability=0,
    )
    assert found is not None
    return found


def many(classes: tuple[str, ...] = ("a", "b"), **changes: Any) -> Estimates:
    found = estimates_of(
        performance(task=Task.MULTICLASS, classes=classes, **changes),
        prediction_row=0,
        categories=("a", "b", "z"),
        prediction_cells=6,
        probability=None,
    )
    assert found is not None
    return found


def test_probabilities_are_calibrated_and_summed_by_predicted_class() -> None:
    estimates = binary(calibration={"1": HALVED})
    scores = np.array([[0.25, 0.5, 1.0, 0.5]])
    matrix = estimates.matrix(estimates.sums(scores, np.array([0, 0, 1, 1])))
    assert matrix.tolist() == [[2, 0.375], [2, 0.75]]


def test_rows_without_probability_or_known_class_are_left_out() -> None:
    estimates = binary()
    scores = np.array([[0.5, np.nan, np.inf, -0.1, 1.1, 0.5, 0.5, 0.5]])
    cells = np.array([1, 1, 1, 1, 1, 2, 3, 4])  # the last three: unseen, mismatched, missing
    assert estimates.matrix(estimates.sums(scores, cells)).tolist() == [[0, 0], [1, 0.5]]
    assert not estimates.sums(np.empty((1, 0)), np.empty(0, dtype=np.int64)).any()


def test_the_order_and_the_batches_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    estimates = binary(calibration={"1": Calibration(x=(0.1, 0.3, 0.9), y=(0.01, 0.35, 0.7))})
    scores, cells = rng.random((1, 5_000)), rng.integers(0, 2, 5_000)
    whole = estimates.sums(scores, cells)
    order = rng.permutation(5_000)
    parts = np.split(order, [1, 700, 4_000])
    assert np.array_equal(sum(estimates.sums(scores[:, p], cells[p]) for p in parts), whole)
    assert np.array_equal(whole, np.rint(whole))
    exact = estimates.probabilities_of(scores)[0]
    found = estimates.matrix(whole)[:, 1]
    assert found == pytest.approx(np.bincount(cells, exact), abs=5_000 * 2.0 ** -(UNIT_BITS + 1))


def test_probabilities_of_many_classes_add_up_to_1_once_calibrated() -> None:
    estimates = many(calibration={"a": HALVED})
    scores = np.array([[0.4, 0.0, 1.0], [0.6, 0.0, 0.0]])
    summed = estimates.probabilities_of(scores).T
    expected = [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]
    assert summed == pytest.approx(np.array(expected))
    matrix = estimates.matrix(estimates.sums(scores, np.array([0, 1, 2])))
    assert matrix.tolist() == [[1, 0.25, 0.75], [1, 0.5, 0.5]]  # z has no probability


def test_sums_of_another_calibration_have_another_name() -> None:
    names = {
        binary().id,
        binary(calibration={"1": HALVED}).id,
        binary(calibration={"1": Calibration(x=(0.0, 1.0), y=(0.0, 0.6))}).id,
        many().id,
        many(("a", "z")).id,
    }
    assert len(names) == 5
    assert binary(figures={"accuracy": 0.9}, labelled=7).id == binary().id


@pytest.mark.parametrize(
    ("of", "probability"),
    [
        (None, 0),
        (performance(classes=()), 0),
        (performance(), None),
        (performance(task=Task.REGRESSION, classes=()), None),
        (
            performance(
                task=Task.MULTICLASS, classes=tuple(f"{k:02}" for k in range(CLASSES_MAX + 1))
            ),
            None,
        ),
    ],
    ids=["no labels", "no probabilities", "no column", "no classes", "too many classes"],
)
def test_nothing_is_summed_where_something_is_missing(of: Any, probability: Any) -> None:
    found = estimates_of(
        of, prediction_row=0, categories=("0", "1"), prediction_cells=5, probability=probability
    )
    assert found is None
