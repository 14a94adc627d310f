"""Averages over classes: what counts as 0, and intervals that hold."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from stream.stats.performance.confusion import Confusion
from stream.stats.performance.macro import macro_figures

RNG = np.random.default_rng(7)


def test_no_request_has_no_average() -> None:
    assert macro_figures(Confusion.of({})) == {}


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    found = macro_figures(Confusion.of({("a", "a"): 4, ("a", "b"): 2}))
    assert found["precision"].value == pytest.approx(4 / 6 / 2)


def test_a_class_that_never_was_counts_as_zero() -> None:
    found = macro_figures(Confusion.of({("a", "a"): 4, ("b", "a"): 1}))
    assert found["recall"].value == pytest.approx(0.8 / 2)


def test_perfect_predictions_are_not_sure() -> None:
    found = macro_figures(Confusion.of({("a", "a"): 10, ("b", "b"): 10}))
    for name in ("precision", "recall", "f1"):
        low = found[name].low
        assert found[name].value == found[name].high == 1.0
        assert low is not None
        assert 0.7 < low < 0.95


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
