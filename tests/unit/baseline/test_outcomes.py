"""Reference rows, counted as the label join counts them."""

from typing import Any

import numpy as np
import pytest

from stream.baseline.columns import Numbers, as_table, read_column
from stream.baseline.outcomes import (
    class_outcomes,
    count_classes,
    count_numbers,
    exact_sums,
    number_outcomes,
)
from stream.sketches.exact_sums import ExactSums
from stream.window.labelled import BRIER, ERROR, LOG_LOSS, RELATIVE, TARGET


def column(values: Any) -> Any:
    return read_column(as_table({"x": values}), "x")


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e9, 1e120])
def test_sums_are_those_of_one_value_at_a_time(scale: float) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=500) * scale
    values[:3] = (0.0, 1e-300, -scale * 1e12)
    assert exact_sums(values) == ExactSums.of(values.tolist())


def test_sums_know_the_largest_numbers_and_leave_infinite_ones_out() -> None:
    values = np.array([1.7e308, -1.7e308, np.inf, 3.0])
    assert exact_sums(values) == ExactSums.of([1.7e308, -1.7e308, 3.0])
    assert exact_sums(np.empty(0)) == ExactSums()


def test_classes_are_paired_whatever_their_types() -> None:
    outcomes = class_outcomes(column([True, False, None, True]), column(["1", "2", "1", None]), {})
    assert outcomes is not None
    assert outcomes.names == ("0", "1", "2")
    counts = count_classes(outcomes, None, np.array([0.5]))
    assert counts.confusion() == {("1", "1"): 1, ("0", "2"): 1}
    assert (counts.labelled, counts.registered, counts.scores) == (2, 2, {})


def test_probabilities_are_counted_where_there_are_any() -> None:
    scores = {"1": Numbers(np.array([0.2, 0.9, np.nan, 1.0]))}
    outcomes = class_outcomes(column([0, 1, 1, 0]), column([0, 1, 1, 0]), scores)
    assert outcomes is not None
    counts = count_classes(outcomes, "1", np.array([0.5]))
    assert counts.labelled == 4
    [by_class] = counts.scores.values()
    assert by_class["1"].tolist() == [1, 1, 0, 1]
    # The last row was sure, and wrong: its probability counts as the smallest there is.
    losses = -np.log([0.8, 0.9, np.finfo(float).eps])
    assert counts.sums[LOG_LOSS].total == pytest.approx(losses.sum())
    assert counts.sums[BRIER].total == pytest.approx(0.04 + 0.01 + 1.0)


def test_numbers_are_summed_and_targets_of_0_have_no_relative_error() -> None:
    outcomes = number_outcomes(column([1.0, 2.0, None, 5.0]), column([2.0, 0.0, 1.0, 4.0]))
    assert outcomes is not None
    sums = count_numbers(outcomes).sums
    assert {name: (of.count, of.total) for name, of in sums.items()} == {
        ERROR: (3, 2.0),
        TARGET: (3, 6.0),
        RELATIVE: (2, 0.75),
    }


def test_what_is_neither_classes_nor_numbers_is_none() -> None:
    texts, lists = column(["a", "b"]), column([["a"], ["b"]])
    assert class_outcomes(texts, lists, {}) is None
    assert number_outcomes(texts, column([1.0, 2.0])) is None
