"""Our detectors of concept drift beside River's, on the same errors.

River is not installed here: what it detected was recorded, see `peers/README.md`.
"""

from functools import cache
from statistics import median
from typing import Any

import pytest

from stream.stats.concept.adaptive_window import WindowTest
from stream.stats.concept.error_pane import ErrorPane
from stream.stats.concept.page_hinkley import PageHinkley
from tests.golden.peers.errors import (
    CHANGE,
    CHANGED_ONCE,
    KINDS,
    PANE_REQUESTS,
    PANES,
    SEEDS,
    SETTINGS,
    STATIONARY,
    magnitudes,
    wrong,
)
from tests.golden.peers.ours import read_recording

RECORDED = read_recording("river.json")
CHANGED_AGAIN = CHANGE + 30  # of the kind `back`


@cache
def panes(kind: str, seed: int) -> list[ErrorPane]:
    """Wrong predictions by pane; a pane's start is its number."""
    errors = wrong(kind, seed)
    counts = [sum(errors[i * PANE_REQUESTS :][:PANE_REQUESTS]) for i in range(PANES)]
    return [ErrorPane(i, PANE_REQUESTS, float(n), float(n)) for i, n in enumerate(counts)]


def ours(kind: str, seed: int) -> list[tuple[int, int]]:
    """Panes in which a change showed, and those in which it is said to have begun."""
    test, found = WindowTest(), []
    for pane in panes(kind, seed):
        test, cut = test.updated(pane)
        if cut is not None:
            found.append((pane.start_ms, cut.since_ms))
    return found


def theirs(kind: str, seed: int) -> list[int]:
    """Panes in which River's ADWIN, given every request, detected a change."""
    return [place // PANE_REQUESTS for place in RECORDED["adwin"][kind][str(seed)]]


def first_after(places: list[int], change: int) -> int:
    return next(place for place in places if place >= change)


@pytest.mark.parametrize("kind", [*KINDS, "magnitudes"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_page_hinkley_detects_where_theirs_does(setting: Any, kind: Any) -> None:
    test, found = PageHinkley(**SETTINGS[setting]), []
    for place, error in enumerate(magnitudes(0) if kind == "magnitudes" else wrong(kind, 0)):
        test = test.updated(error)
        if test.drifted:
            found.append(place)
    assert found == RECORDED["page_hinkley"][setting][kind]


@pytest.mark.parametrize("kind", [*STATIONARY, *CHANGED_ONCE, "back"])
def test_page_hinkley_of_panes_detects_within_three_panes_of_theirs(kind: Any) -> None:
    test, found = PageHinkley(), []
    for pane in panes(kind, 0):
        test = test.updated(pane.mean, pane.requests)
        if test.drifted:
            found.append(pane.start_ms)
    expected = [place // PANE_REQUESTS for place in RECORDED["page_hinkley"]["defaults"][kind]]
    assert found == pytest.approx(expected, rel=0, abs=3)


@pytest.mark.parametrize("kind", STATIONARY)
def test_neither_window_is_cut_without_a_change(kind: Any) -> None:
    assert [theirs(kind, seed) for seed in SEEDS] == [[]] * len(SEEDS)
    assert [ours(kind, seed) for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize(
    ("kind", "later_median", "later_max"),
    [("abrupt", 1, 2), ("small", 2, 5), ("fall", 2, 3), ("gradual", 2, 5)],
)
def test_a_change_shows_a_few_panes_after_it_does_there(
    kind: Any, later_median: Any, later_max: Any
) -> None:
    """Ours waits for the end of a pane, and for more evidence than panes vary anyway."""
    later = []
    for seed in SEEDS:
        found = [place for place, _ in ours(kind, seed)]
        assert not [place for place in found if place < CHANGE]
        later.append(first_after(found, CHANGE) - first_after(theirs(kind, seed), CHANGE))
    assert median(later) <= later_median
    assert min(later) >= 0
    assert max(later) <= later_max


@pytest.mark.parametrize(("kind", "off_max"), [("abrupt", 4), ("small", 3), ("fall", 1)])
def test_the_change_is_dated(kind: Any, off_max: Any) -> None:
    found = [ours(kind, seed) for seed in SEEDS]
    assert {len(changes) for changes in found} == {1}
    begun = [changes[0][1] for changes in found]
    assert median(begun) == CHANGE
    assert max(abs(place - CHANGE) for place in begun) <= off_max


def test_a_change_back_shows_too() -> None:
    for seed in SEEDS:
        (_, first), (shown, second) = ours("back", seed)
        assert abs(first - CHANGE) <= 1
        assert second == CHANGED_AGAIN
        assert shown - first_after(theirs("back", seed), CHANGED_AGAIN) <= 5


def test_day_and_night_are_a_drift_there_and_none_here() -> None:
    """The dispersion of panes knows that hours differ."""
    assert min(len(theirs("daily", seed)) for seed in SEEDS) >= 4
    assert [ours("daily", seed) for seed in SEEDS] == [[]] * len(SEEDS)


def test_the_recording_is_of_the_pinned_version() -> None:
    assert RECORDED["versions"]["river"] == "0.26.1"
