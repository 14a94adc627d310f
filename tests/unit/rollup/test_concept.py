"""Concept drift of a model version: when it begins, when it ends, what is shown of it."""

from typing import Any

import msgspec
import pytest

from schemas.metric_names import describe
from schemas.models import Task
from stream.rollup.concept import (
    NORMAL_AFTER_MS,
    ConceptState,
    advance,
    concept_metrics,
    error_pane,
)
from stream.sketches.exact_sums import ExactSums
from stream.state.codec import NameCounts
from stream.stats.concept.error_pane import ErrorPane
from stream.window.labelled import ERROR, NDCG, PAIRS_MAX, LabelCounts
from stream.window.panes import DAY_MS, HOUR_MS

USUAL, BAD, WORSE, GOOD = 100, 200, 300, 40
"""Wrong predictions of 1,000."""
WEEK = NORMAL_AFTER_MS // DAY_MS


def panes(*counts: tuple[int, int], first: int = 0, size_ms: int = DAY_MS) -> list[ErrorPane]:
    """Panes of 1,000 labelled requests: (wrong, how many such panes) after each other."""
    wrong = [n for n, times in counts for _ in range(times)]
    return [
        ErrorPane((first + i) * size_ms, 1_000, float(n + i % 2), float(n + i % 2))
        for i, n in enumerate(wrong)
    ]


def after(*counts: tuple[int, int]) -> ConceptState:
    return advance(ConceptState.of(Task.BINARY), panes(*counts))


def test_nothing_is_known_before_the_first_pane() -> None:
    assert concept_metrics(ConceptState.of(Task.BINARY)) == {}


def test_no_verdict_before_one_is_possible() -> None:
    assert "concept_drift" not in concept_metrics(after((USUAL, 19)))
    assert concept_metrics(after((USUAL, 20)))["concept_drift"] is False


def test_without_drift_there_are_no_times_and_no_levels() -> None:
    metrics = concept_metrics(after((USUAL, 100)))
    assert set(metrics) == {"concept_drift", "page_hinkley"}


def test_a_drift_tells_since_when_and_from_where_to_where() -> None:
    state = after((USUAL, 40), (BAD, 3))
    assert state.direction == "up"
    assert state.episode is not None
    assert state.episode.since_ms == 40 * DAY_MS
    assert 40 * DAY_MS <= state.episode.drifted_at_ms <= 42 * DAY_MS
    metrics = concept_metrics(state)
    assert metrics["concept_drift"] is True
    assert metrics["concept_drift_since"] == 40 * DAY_MS
    assert metrics["concept_error_before"] == pytest.approx(0.1005)
    assert metrics["concept_error_after"] == pytest.approx(0.2, abs=0.001)


def test_page_hinkley_is_above_its_threshold_in_the_pane_that_shows_a_change() -> None:
    shown = [concept_metrics(after((USUAL, 40), (BAD, n)))["page_hinkley"] for n in range(3)]
    assert shown[0] < 50 < shown[1]
    assert shown[2] < 50


def test_errors_that_vanish_are_a_drift_as_well() -> None:
    state = after((USUAL, 40), (GOOD, 3))
    assert state.drifted
    assert state.direction == "down"


def test_a_drift_ends_when_the_error_is_back() -> None:
    ends = [after((USUAL, 40), (BAD, 4), (USUAL, n)).drifted for n in range(6)]
    assert ends[0]
    assert not ends[-1]
    metrics = concept_metrics(after((USUAL, 40), (BAD, 4), (USUAL, 5)))
    assert metrics["concept_drift"] is False
    assert "concept_drift_since" not in metrics


def test_a_drift_ends_when_its_level_has_become_usual() -> None:
    state = after((USUAL, 40), (BAD, 1))
    while not state.drifted:
        assert state.last_start_ms is not None
        state = advance(state, panes((BAD, 1), first=state.last_start_ms // DAY_MS + 1))
    shown = state.last_start_ms
    assert shown is not None
    day = shown // DAY_MS
    assert advance(state, panes((BAD, WEEK - 1), first=day + 1)).drifted
    assert not advance(state, panes((BAD, WEEK), first=day + 1)).drifted


def test_a_drift_that_goes_on_keeps_its_beginning_and_starts_its_week_anew() -> None:
    state = after((USUAL, 40), (BAD, 6), (WORSE, 6))
    assert state.drifted
    assert state.episode is not None
    assert state.episode.since_ms == 40 * DAY_MS
    assert state.episode.moved_at_ms > state.episode.drifted_at_ms
    metrics = concept_metrics(state)
    assert metrics["concept_error_before"] == pytest.approx(0.1005)
    assert metrics["concept_error_after"] == pytest.approx(0.3, abs=0.001)


def test_a_drift_that_is_half_undone_is_still_one() -> None:
    """It looks as if the error were back, until there are enough requests to tell."""
    told = [after((USUAL, 40), (WORSE, 4), (160, n)).drifted for n in range(4, 10)]
    assert not told[0]
    assert told[-1]
    metrics = concept_metrics(after((USUAL, 40), (WORSE, 4), (160, 9)))
    assert metrics["concept_drift_since"] == 40 * DAY_MS
    assert metrics["concept_error_after"] == pytest.approx(0.16, abs=0.001)


def test_the_next_drift_has_a_beginning_of_its_own() -> None:
    state = after((USUAL, 40), (BAD, 4), (USUAL, 30), (BAD, 4))
    assert state.drifted
    assert state.episode is not None
    assert state.episode.since_ms == 74 * DAY_MS


def test_each_pane_is_taken_once() -> None:
    all_of_them = panes((USUAL, 40), (BAD, 3))
    once = advance(ConceptState.of(Task.BINARY), all_of_them)
    again = advance(once, all_of_them)
    assert again == once
    overlapping = advance(advance(ConceptState.of(Task.BINARY), all_of_them[:30]), all_of_them[20:])
    assert overlapping == once


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_it_can_be_stored_and_continued(task: Task) -> None:
    all_of_them = panes((USUAL, 40), (BAD, 4), (USUAL, 3))
    state = ConceptState.of(task)
    for pane in all_of_them:
        stored = msgspec.json.encode(state)
        state = advance(msgspec.json.decode(stored, type=ConceptState), [pane])
    assert state == advance(ConceptState.of(task), all_of_them)


@pytest.mark.parametrize("size_ms", [HOUR_MS, DAY_MS])
def test_panes_may_be_hours_or_days(size_ms: int) -> None:
    found = advance(ConceptState.of(Task.BINARY), panes((USUAL, 40), (BAD, 3), size_ms=size_ms))
    assert concept_metrics(found)["concept_drift_since"] == 40 * size_ms


def numbers(start_ms: int, *errors: float) -> ErrorPane:
    counts = LabelCounts(sums={ERROR: ExactSums.of(errors)})
    pane = error_pane(start_ms, counts, Task.REGRESSION)
    assert pane is not None
    return pane


def regression(unit: float) -> ConceptState:
    """Errors of both signs, spread evenly, that become twice as large after 40 panes."""
    spread = [unit * (-1) ** i * i / 50 for i in range(101)]
    scales = [1 + i % 2 / 50 for i in range(40)] + [2.0] * 5
    panes = [numbers(i, *(scale * error for error in spread)) for i, scale in enumerate(scales)]
    return advance(ConceptState.of(Task.REGRESSION), panes)


@pytest.mark.parametrize("unit", [1e-3, 1e6])
def test_regression_drifts_alike_in_any_unit(unit: float) -> None:
    metrics, in_other_unit = concept_metrics(regression(unit)), concept_metrics(regression(1.0))
    assert metrics["concept_drift"] is True
    assert metrics["concept_drift_since"] == 40
    assert metrics["concept_error_before"] == pytest.approx(1.01 * unit)
    assert metrics["concept_error_after"] == pytest.approx(2 * unit)
    assert metrics["page_hinkley"] == pytest.approx(in_other_unit["page_hinkley"])


def test_a_regression_without_errors_is_not_divided_by() -> None:
    state = advance(ConceptState.of(Task.REGRESSION), [numbers(0, *[0.0] * 40)])
    assert "page_hinkley" not in concept_metrics(state)
    state = advance(state, [numbers(1, *[3.0] * 40)])
    assert state.unit == 3.0


def test_every_figure_is_registered() -> None:
    for name in concept_metrics(after((USUAL, 40), (BAD, 3))):
        metric = describe(name)
        assert metric is not None
        assert metric.group == "concept drift"


# --- panes


def test_the_error_of_classes_is_a_wrong_one() -> None:
    pairs = {"a\x1fa": 5, "a\x1fb": 2, "b\x1fb": 3, "c\x1fa": 1}
    counts = LabelCounts(pairs=NameCounts(PAIRS_MAX, 0, pairs))
    assert error_pane(7, counts, Task.MULTICLASS) == ErrorPane(7, 11, 3.0, 3.0)


def test_the_error_of_a_number_is_its_magnitude() -> None:
    assert numbers(7, 2.0, -3.0, 0.0) == ErrorPane(7, 3, 5.0, 13.0)


def test_the_error_of_a_ranking_is_what_its_gain_lacks() -> None:
    counts = LabelCounts(sums={NDCG: ExactSums.of([1.0, 0.75, 0.5])})
    assert error_pane(7, counts, Task.RANKING) == ErrorPane(7, 3, 0.75, 0.3125)


@pytest.mark.parametrize("task", [task for task in Task if task is not Task.AUTO])
def test_a_pane_without_labels_is_none(task: Any) -> None:
    assert error_pane(0, LabelCounts(), task) is None


def test_a_task_that_is_not_resolved_is_refused() -> None:
    with pytest.raises(ValueError, match="resolve the task first"):
        error_pane(0, LabelCounts(), Task.AUTO)
