"""Confusion, precision, recall and F1: what is absent, and intervals that hold."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from stream.stats.performance.confusion import (
    Confusion,
    binary_figures,
    class_figures,
    is_binary,
)
from stream.stats.performance.macro import macro_figures

RNG = np.random.default_rng(5)


def of(**pairs: int) -> Confusion:
    """Counts by predicted and actual class: `tp=3` is as good as ``{("t", "p"): 3}``."""
    return Confusion.of({(name[0], name[1]): n for name, n in pairs.items()})


def test_order_of_pairs_does_not_matter() -> None:
    pairs = {("b", "a"): 2, ("a", "a"): 3, ("a", "c"): 1}
    one, other = Confusion.of(pairs), Confusion.of(dict(reversed(pairs.items())))
    assert one.classes == other.classes == ("a", "b", "c")
    assert one.table() == other.table() == {"a": {"a": 3, "b": 2}, "c": {"a": 1}}
    assert macro_figures(one) == macro_figures(other)


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


def test_no_request_has_no_average() -> None:
    assert macro_figures(Confusion.of({})) == {}
    assert class_figures(Confusion.of({})) == {}


def test_a_class_that_is_never_predicted_has_no_precision_but_counts_as_zero() -> None:
    confusion = of(aa=4, ab=2)
    assert class_figures(confusion)["b"] == {"recall": 0.0, "f1": 0.0, "support": 2}
    assert macro_figures(confusion)["precision"].value == pytest.approx(4 / 6 / 2)


def test_perfect_predictions_are_not_sure() -> None:
    found = macro_figures(of(aa=10, bb=10, cc=10))
    for name in ("precision", "recall", "f1"):
        low = found[name].low
        assert found[name].value == found[name].high == 1.0
        assert low is not None
        assert 0.7 < low < 0.95


@pytest.mark.parametrize(
    ("classes", "binary"),
    [((), True), (("0",), True), (("0", "1"), True), (("0", "2"), False), (("0", "1", "2"), False)],
)
def test_is_binary(classes: Any, binary: Any) -> None:
    assert is_binary(classes, "1") is binary


SURE = np.array([[0.2, 0.05, 0.0], [0.02, 0.5, 0.03], [0.05, 0.05, 0.1]])
HARD = np.array([[0.1, 0.1, 0.1], [0.15, 0.3, 0.05], [0.1, 0.05, 0.05]])
RARE = np.array([[0.9, 0.02, 0.0], [0.02, 0.03, 0.0], [0.005, 0.005, 0.02]])


@pytest.mark.parametrize("shares", [SURE, HARD, RARE], ids=["sure", "hard", "rare"])
@pytest.mark.parametrize("n", [100, 2_000])
def test_intervals_of_averages_hold(shares: Any, n: Any) -> None:
    names = "abc"
    pairs = [(p, a) for p in names for a in names]

    def confusion_of(counts: Any) -> Confusion:
        return Confusion.of(dict(zip(pairs, counts.ravel().tolist(), strict=True)))

    true = {k: f.value for k, f in macro_figures(confusion_of((shares * 1e6).astype(int))).items()}
    held: Counter[str] = Counter()
    for counts in RNG.multinomial(n, shares.ravel(), 300):
        for name, figure in macro_figures(confusion_of(counts)).items():
            assert figure.low is not None
            assert figure.high is not None
            held[name] += figure.low <= true[name] <= figure.high
    # A class that a small sample misses is missed in the average, too.
    assert min(held.values()) >= (0.91 if n == 2_000 else 0.85) * 300


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
