"""What labels say of concept drift, on demand and in words."""

from schemas.models import Task
from stream.reading.concept import concept_finding, concept_sentence
from stream.rollup.concept import ConceptState, advance
from stream.rollup.readmodel import Decided
from stream.stats.concept.error_pane import ErrorPane
from stream.stats.concept.moved_first import Mover
from stream.window.panes import DAY_MS


def state_after(usual_days: int, bad_days: int) -> ConceptState:
    wrong = [100 + day % 2 for day in range(usual_days)] + [250] * bad_days
    panes = [ErrorPane(i * DAY_MS, 1_000, float(n), float(n)) for i, n in enumerate(wrong)]
    return advance(ConceptState.of(Task.BINARY), panes)


def decided(since: dict[str, int]) -> Decided:
    return Decided(window_end=0, metrics={}, features={}, since=since)


def test_without_labels_nothing_is_said() -> None:
    assert concept_finding(None, decided({"age": 0})) is None


def test_too_few_days_are_no_verdict() -> None:
    found = concept_finding(state_after(3, 0), None)
    assert found is not None
    assert found.drifted is None
    assert concept_sentence(found) is None


def test_errors_that_stay_are_said_to_stay() -> None:
    found = concept_finding(state_after(40, 0), None)
    assert found is not None
    assert concept_sentence(found) == (
        "errors, as far as labels are in, are what they were: no concept drift"
    )


def test_features_that_moved_before_the_errors_are_named() -> None:
    found = concept_finding(state_after(40, 3), decided({"age": 30 * DAY_MS, "zip": 35 * DAY_MS}))
    assert found is not None
    assert found.moved_first is not None
    assert (found.direction, found.moved_first.mover) == ("up", Mover.FEATURES)
    told = concept_sentence(found)
    assert told is not None
    assert told.startswith("concept drift: the error rose from 0.1")
    assert "Feature age moved first" in told


def test_errors_that_moved_alone_speak_of_the_concept() -> None:
    found = concept_finding(state_after(40, 3), decided({}))
    assert found is not None
    assert found.moved_first is not None
    assert found.moved_first.mover is Mover.PERFORMANCE
