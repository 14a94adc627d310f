"""The window test: the bound, what it is made of, and how a window is kept."""

import math

import msgspec
import numpy as np
import pytest

from stream.arrays import FloatArray
from stream.stats.concept.adaptive_window import (
    PANES_MAX,
    PANES_MIN,
    Cut,
    WindowTest,
    pane_dispersion,
)
from stream.stats.concept.error_pane import ErrorLevel, ErrorPane


def of_classes(counts: list[int], requests: int, first: int = 0) -> list[ErrorPane]:
    return [
        ErrorPane(first + i, requests, float(wrong), float(wrong)) for i, wrong in enumerate(counts)
    ]


def of_numbers(start: int, errors: FloatArray) -> ErrorPane:
    return ErrorPane(start, len(errors), float(errors.sum()), float((errors * errors).sum()))


def run(test: WindowTest, panes: list[ErrorPane]) -> tuple[WindowTest, list[tuple[int, Cut]]]:
    """State after the panes, and the changes by the pane in which they showed."""
    found = []
    for pane in panes:
        test, cut = test.updated(pane)
        if cut is not None:
            found.append((pane.start_ms, cut))
    return test, found


def test_the_bound_is_that_of_the_paper() -> None:
    """30 panes of 100 with 10 wrong, then one with just too few or just enough."""
    even = of_classes([10] * 30, 100)

    def bound(wrong: int) -> float:
        n0, n1, total = 3_000, 100, 300 + wrong
        share = total / 3_100
        variance = share * (1 - share)
        between = n0 * (0.1 - share) ** 2 + n1 * (wrong / 100 - share) ** 2
        dispersion = max(1.0, between / (30 * variance))
        inverse, logarithm = 1 / n0 + 1 / n1, math.log(2 * math.log(3_100) / 0.002)
        return (
            math.sqrt(2 * inverse * dispersion * variance * logarithm) + 2 / 3 * inverse * logarithm
        )

    enough = next(wrong for wrong in range(10, 100) if wrong / 100 - 0.1 > bound(wrong))
    for wrong in (enough - 1, enough):
        _, found = run(WindowTest(), [*even, *of_classes([wrong], 100, first=30)])
        assert [pane for pane, _ in found] == ([30] if wrong == enough else [])


def test_a_cut_tells_what_was_before_and_drops_it() -> None:
    test, found = run(WindowTest(), of_classes([10] * 30 + [40] * 3, 100))
    (shown, cut), *further = found
    assert not further
    assert shown == 30
    assert cut == Cut(30, ErrorLevel(3_000, 300.0, 300.0))
    assert [pane.start_ms for pane in test.panes] == [30, 31, 32]
    assert test.level.mean == 0.4
    assert test.differs_from(cut.before)
    assert not test.differs_from(ErrorLevel(3_000, 1_200.0, 1_200.0))


def test_a_first_window_is_not_cut_before_it_knows_how_panes_vary() -> None:
    panes = of_classes([10] * (PANES_MIN - 2) + [9_000] * 5, 10_000)
    test, found = run(WindowTest(), panes[: PANES_MIN - 1])
    assert not test.ready
    assert not found
    test, found = run(test, panes[PANES_MIN - 1 :])
    assert test.ready
    assert [(shown, cut.since_ms) for shown, cut in found] == [(PANES_MIN - 1, PANES_MIN - 2)]


def test_a_short_window_after_a_cut_is_ready_at_once() -> None:
    test, found = run(WindowTest(), of_classes([100] * 40 + [400] * 5 + [100] * 2, 1_000))
    assert [(shown, cut.since_ms) for shown, cut in found] == [(40, 40), (46, 45)]
    assert test.ready
    assert [pane.start_ms for pane in test.panes] == [45, 46]


def test_panes_that_vary_anyway_hide_what_would_show_among_even_ones() -> None:
    even, uneven = [100] * 40, [60, 140] * 20
    later = [140] * 3
    assert run(WindowTest(), of_classes(even + later, 1_000))[1]
    assert not run(WindowTest(), of_classes(uneven + later, 1_000))[1]


@pytest.mark.parametrize("wrong", [0, 50])
def test_errors_that_never_vary_are_not_cut(wrong: int) -> None:
    _, found = run(WindowTest(), of_classes([wrong] * 40, 50))
    assert not found


def test_a_single_pane_has_no_dispersion() -> None:
    assert pane_dispersion((ErrorPane(0, 5, 2.0, 2.0),)) == 1.0


def test_the_oldest_panes_are_forgotten() -> None:
    test, _ = run(WindowTest(), of_classes([10, 11] * (PANES_MAX // 2) + [10], 100))
    assert len(test.panes) == PANES_MAX
    assert test.panes[0].start_ms == 1


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_numbers_are_cut_alike_in_any_unit(unit: float) -> None:
    rng = np.random.default_rng(5)
    scales = [1.0] * 40 + [1.5] * 6
    errors = [np.abs(rng.normal(0, scale, 200)) for scale in scales]
    panes = [of_numbers(i, unit * each) for i, each in enumerate(errors)]
    _, found = run(WindowTest(bounded=False), panes)
    assert [(shown, cut.since_ms) for shown, cut in found] == [(41, 40)]


def test_long_tails_of_errors_are_no_change() -> None:
    rng = np.random.default_rng(6)
    panes = [of_numbers(i, rng.exponential(3.0, 40)) for i in range(400)]
    assert not run(WindowTest(bounded=False), panes)[1]


def test_false_alarms_are_rare_without_a_change() -> None:
    """Panes of different sizes, whose shares vary by chance more than independent requests do."""
    rng = np.random.default_rng(7)
    cut = 0
    for _ in range(20):
        sizes = rng.integers(20, 2_000, 100)
        wrong = rng.binomial(sizes, rng.beta(20, 180, 100))
        panes = [
            ErrorPane(i, int(n), float(w), float(w))
            for i, (n, w) in enumerate(zip(sizes, wrong, strict=True))
        ]
        cut += bool(run(WindowTest(), panes)[1])
    assert cut <= 1


def test_worse_weekends_are_no_change_of_days() -> None:
    rng = np.random.default_rng(8)
    shares = [0.13 if day % 7 in {5, 6} else 0.1 for day in range(200)]
    panes = of_classes(rng.binomial(20_000, shares).tolist(), 20_000)
    assert not run(WindowTest(), panes)[1]


def test_it_can_be_stored_and_continued() -> None:
    panes = of_classes([10] * 30 + [40] * 3, 100)
    test, _ = run(WindowTest(), panes[:32])
    stored = msgspec.json.decode(msgspec.json.encode(test), type=WindowTest)
    assert run(stored, panes[32:]) == run(test, panes[32:])
