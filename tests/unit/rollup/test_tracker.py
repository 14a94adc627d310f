"""What may be taken over when, and which windows stand in the way of rolling up."""

from schemas.models import ModelConfig, window_specs
from stream.rollup.finality import settled_from_ms
from stream.rollup.merge import PaneCounts
from stream.rollup.tracker import Confirmation, PaneTracker
from stream.window.panes import MINUTE_MS, PaneId

SPECS = window_specs(ModelConfig(model_name="credit"))


def test_a_value_holds_when_every_partition_was_read_as_far() -> None:
    confirmation = Confirmation()
    assert confirmation.take(value_ms=500, needed_ms=1_000, clock_ms=900) == 0
    assert confirmation.take(value_ms=600, needed_ms=1_100, clock_ms=999) == 0
    assert confirmation.take(value_ms=700, needed_ms=1_200, clock_ms=1_000) == 500
    assert confirmation.take(value_ms=800, needed_ms=1_300, clock_ms=1_150) == 500
    assert confirmation.take(value_ms=800, needed_ms=1_300, clock_ms=1_300) == 800


def test_a_partition_that_brings_older_events_takes_a_value_back() -> None:
    confirmation = Confirmation()
    assert confirmation.take(value_ms=500, needed_ms=1_000, clock_ms=1_000) == 500
    assert confirmation.take(value_ms=100, needed_ms=1_001, clock_ms=1_000) == 100


def test_nothing_holds_while_an_emptied_redis_is_filled_again() -> None:
    confirmation = Confirmation()
    assert confirmation.take(value_ms=500, needed_ms=1_000, clock_ms=2_000) == 500
    assert confirmation.take(value_ms=500, needed_ms=1_000, clock_ms=0) == 0
    assert confirmation.take(value_ms=500, needed_ms=1_000, clock_ms=1_000) == 500


def test_panes_that_join_the_same_one_are_settled_together() -> None:
    for minute in range(60, 120):
        pane = PaneId(MINUTE_MS, minute * MINUTE_MS)
        parent = pane.parent()
        assert parent is not None
        first = PaneId(MINUTE_MS, parent.start_ms)
        assert settled_from_ms(pane, SPECS, 0) == settled_from_ms(first, SPECS, 0)


def test_a_window_that_is_due_keeps_all_panes_apart_that_join_the_same_one() -> None:
    tracker = PaneTracker()
    for minute in (0, 4):
        tracker.put(PaneId(MINUTE_MS, minute * MINUTE_MS), PaneCounts(), 1, SPECS)
    for spec in SPECS:
        for end_ms in list(tracker.due[spec]):
            if (spec.name, end_ms) != ("1m", MINUTE_MS):
                tracker.done(spec, end_ms)
    assert tracker.is_due_in(PaneId(MINUTE_MS, 0), SPECS)
    assert tracker.is_due_in(PaneId(MINUTE_MS, 4 * MINUTE_MS), SPECS), "1m@1m is still due"
    tracker.done(SPECS[0], MINUTE_MS)
    assert not tracker.is_due_in(PaneId(MINUTE_MS, 4 * MINUTE_MS), SPECS)


def test_a_long_window_that_is_open_does_not_keep_short_panes() -> None:
    tracker = PaneTracker()
    pane = PaneId(MINUTE_MS, 0)
    tracker.put(pane, PaneCounts(), 1, SPECS)
    for spec in SPECS[:2]:
        for end_ms in tracker.due_until(spec, 10 * MINUTE_MS):
            tracker.done(spec, end_ms)
    assert tracker.due[SPECS[-1]], "the week is open"
    assert not tracker.is_due_in(pane, SPECS)


def test_what_was_reported_is_forgotten_when_it_cannot_be_computed_again() -> None:
    tracker = PaneTracker()
    five = 5 * MINUTE_MS
    for pane in (PaneId(five, five), PaneId(five, 2 * five), PaneId(MINUTE_MS, 3 * five)):
        tracker.put(pane, PaneCounts(), 1, SPECS)
    ends = {f"5m:{minute * MINUTE_MS}": minute for minute in range(4, 20)}
    gone = [ends[name] for name in tracker.out_of_reach(ends, SPECS)]
    assert gone == [4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19]
    for minute in gone[2:]:
        assert tracker.window(minute * MINUTE_MS - five, minute * MINUTE_MS) is None
    assert "no longer:600000" not in tracker.out_of_reach(["no longer:600000"], SPECS)
