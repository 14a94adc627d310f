"""Confusion, precision, recall and F1: what is absent, and intervals that hold."""

from typing import Any

import numpy as np
import pytest

from stream.stats.performance.confusion import (
    Confusion,
    binary_figures,
    class_figures,
    is_binary,
)

RNG = np.random.default_rng(5)


def test_order_of_pairs_does_not_matter() -> None:
    pairs = {("b", "a"): 2, ("a", "a"): 3, ("a", "c"): 1}
    one, other = Confusion.of(pairs), Confusion.of(dict(reversed(pairs.items())))
    assert one.classes == other.classes == ("a", "b", "c")
    assert one.table() == other.table() == {"a": {"a": 3, "b": 2}, "c": {"a": 1}}


def test_pairs_without_requests_are_not_there() -> None:
    confusion = Confusion.of({("a", "a"): 3, ("b", "c"): 0})
    assert confusion.classes == ("a",)
    assert confusion.n == 3


@pytest.mark.parametrize(
    ("pairs", "absent"),
    [
        ({("0", "0"): 5}, {"precision", "recall", "f1"}),
        ({("0", "0"): 5, ("0", "1"): 2}, {"precision"}),
        ({("0", "0"): 5, ("1", "0"): 2}, {"recall"}),
        ({("1", "1"): 5}, set()),
        ({("cat", "cat"): 5, ("dog", "cat"): 1}, {"precision", "recall", "f1"}),
        ({}, {"accuracy", "precision", "recall", "f1"}),
    ],
)
def test_what_can_not_be_computed_is_absent(pairs: Any, absent: Any) -> None:
    found = binary_figures(Confusion.of(pairs), "1")
    assert set(found) == {"accuracy", "precision", "recall", "f1"} - absent


def test_f1_of_no_hit_is_zero() -> None:
    found = binary_figures(Confusion.of({("0", "0"): 5, ("0", "1"): 2}), "1")
    assert found["f1"].value == found["f1"].low == 0.0
    assert found["f1"].high is not None
    assert found["f1"].high > 0.5


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    found = class_figures(Confusion.of({("a", "a"): 4, ("a", "b"): 2}))
    assert found["b"] == {"recall": 0.0, "f1": 0.0, "support": 2}
    assert found["a"]["precision"] == 4 / 6
    assert class_figures(Confusion.of({})) == {}


@pytest.mark.parametrize(
    ("classes", "binary"),
    [((), True), (("0",), True), (("0", "1"), True), (("0", "2"), False), (("0", "1", "2"), False)],
)
def test_is_binary(classes: Any, binary: Any) -> None:
    assert is_binary(classes, "1") is binary


def test_intervals_of_f1_hold() -> None:
    shares = [0.02, 0.01, 0.02, 0.95]
    true = 2 * 0.02 / (2 * 0.02 + 0.03)
    pairs = [("1", "1"), ("1", "0"), ("0", "1"), ("0", "0")]
    held = 0
    for counts in RNG.multinomial(500, shares, 400):
        confusion = Confusion.of(dict(zip(pairs, counts.tolist(), strict=True)))
        figure = binary_figures(confusion, "1")["f1"]
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= true <= figure.high
    assert held >= 0.92 * 400
