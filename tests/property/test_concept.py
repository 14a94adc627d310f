"""Concept drift does not depend on units, on what is called wrong, or on when it was stored."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream.rollup.concept import ConceptState, advance
from stream.stats.concept.adaptive_window import Cut, WindowTest
from stream.stats.concept.error_pane import ErrorPane
from stream.stats.concept.page_hinkley import PageHinkley

REQUESTS = 400
COUNTS = st.lists(st.integers(0, REQUESTS), min_size=1, max_size=6).flatmap(
    lambda levels: st.tuples(
        st.just(levels),
        st.lists(st.integers(1, 30), min_size=len(levels), max_size=len(levels)),
    )
)
"""Levels and for how many panes each holds: so that there is something to find."""


def panes_of(counts: tuple[list[int], list[int]], factor: float = 1.0) -> list[ErrorPane]:
    wrong = [n for n, times in zip(*counts, strict=True) for _ in range(times)]
    return [ErrorPane(i, REQUESTS, factor * n, factor * factor * n) for i, n in enumerate(wrong)]


def cuts(test: WindowTest, panes: list[ErrorPane]) -> list[tuple[int, Cut]]:
    found = []
    for pane in panes:
        test, cut = test.updated(pane)
        if cut is not None:
            found.append((pane.start_ms, cut))
    return found


@given(COUNTS)
def test_right_and_wrong_can_be_exchanged(counts: tuple[list[int], list[int]]) -> None:
    levels, times = counts
    flipped = ([REQUESTS - n for n in levels], times)
    ours = [(at, cut.since_ms) for at, cut in cuts(WindowTest(), panes_of(counts))]
    theirs = [(at, cut.since_ms) for at, cut in cuts(WindowTest(), panes_of(flipped))]
    assert ours == theirs


@given(COUNTS, st.integers(-20, 20))
def test_the_unit_of_numbers_does_not_matter(
    counts: tuple[list[int], list[int]], exponent: int
) -> None:
    """Powers of two, so that rounding is the same."""
    test = WindowTest(bounded=False)
    ours = [(at, cut.since_ms) for at, cut in cuts(test, panes_of(counts))]
    scaled = [(at, cut.since_ms) for at, cut in cuts(test, panes_of(counts, 2.0**exponent))]
    assert ours == scaled


@given(COUNTS, st.data())
def test_it_goes_on_from_where_it_was_stored(
    counts: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    panes = panes_of(counts)
    place = data.draw(st.integers(0, len(panes)))
    before = advance(ConceptState(), panes[:place])
    stored = msgspec.json.decode(msgspec.json.encode(before), type=ConceptState)
    assert advance(stored, panes) == advance(ConceptState(), panes)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 1_000))
def test_the_statistic_is_never_negative(values: list[float], weight: int) -> None:
    test = PageHinkley(min_instances=1, threshold=2.0)
    for value in values:
        test = test.updated(value, weight)
        assert test.statistic >= 0
        assert test.drifted == (test.statistic > test.threshold)
