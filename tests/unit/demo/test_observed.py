"""What came out of the demo, counted."""

from typing import Any

import msgspec

from stream.demo.observed import Observed, latest


def test_events_and_labels_are_those_of_windows_that_do_not_overlap(make_report: Any) -> None:
    one, two = make_report(0, {}), make_report(1, {}, label_count=5)
    between = msgspec.structs.replace(
        one.window, start=one.window.start + 1, end=one.window.end + 1, tumbling=False
    )
    overlapping = msgspec.structs.replace(one, window=between)
    observed = Observed([two, overlapping, one])
    assert observed.tumbling("30d") == [one, two]
    assert observed.counted("30d") == 1_440
    assert observed.labelled("30d") == 725
    assert observed.counted("7d") == 0


def test_mature_windows_have_enough_labels(make_report: Any) -> None:
    one, two = make_report(0, {"label_coverage": 1.0}), make_report(1, {"label_coverage": 0.9})
    assert Observed([one, two]).mature("30d", 1.0) == [one]


def test_of_a_window_the_highest_revision_counts(make_report: Any) -> None:
    first, other = make_report(0, {}, revision=720), make_report(1, {}, revision=720)
    labelled = make_report(0, {}, revision=1_440)
    foreign = make_report(0, {}, model_name="credit", revision=9_999)
    assert latest([first, labelled, other, first, foreign]) == [labelled, other]


def test_an_episode_is_what_began_and_what_ended_it(make_alert: Any) -> None:
    fell, over = make_alert("accuracy-drop", 60), make_alert("accuracy-drop", 60, ends=90)
    again = make_alert("accuracy-drop", 120)
    observed = Observed([], [fell, over, again])
    assert [(e.began, e.over) for e in observed.episodes()] == [(fell, over), (again, None)]
