"""The course of the model's performance, as the demo's last screen tells it."""

import io
from typing import Any

import pytest
from rich.console import Console

from stream.demo.performance import (
    Course,
    courses,
    month,
    performance_sentences,
    performance_table,
)

DELAY_MS = 21 * 86_400_000


@pytest.fixture
def windows(make_report: Any) -> Any:
    """Accuracy falls, the estimate does not see all of it, and the last labels are missing."""

    def figures(accuracy: float, estimated: float) -> dict[str, float]:
        return {
            "accuracy": accuracy,
            "accuracy_low": accuracy - 0.03,
            "accuracy_high": accuracy + 0.03,
            "accuracy_change": accuracy - 0.67,
            "estimated_accuracy": estimated,
            "estimated_accuracy_low": estimated - 0.03,
            "estimated_accuracy_high": estimated + 0.03,
        }

    unlabelled = {"estimated_accuracy": 0.44, "label_coverage": 0.0}
    early = figures(0.99, 0.42) | {"label_coverage": 0.6}
    return [
        make_report(0, figures(0.84, 0.80)),
        make_report(1, figures(0.31, 0.57)),
        make_report(2, figures(0.50, 0.43)),
        make_report(3, early),
        make_report(4, unlabelled, label_count=0),
    ]


def test_figures_count_once_enough_labels_are_there(windows: Any) -> None:
    course = Course(windows, "accuracy", 0.8)
    assert [course.measured(report) for report in windows] == [0.84, 0.31, 0.50, None, None]
    assert [course.estimated(report) for report in windows] == [0.80, 0.57, 0.43, 0.42, 0.44]
    assert course.worst() is windows[1]
    assert Course(windows[3:], "accuracy", 0.8).worst() is None


def test_the_baseline_is_the_figure_less_its_change(windows: Any) -> None:
    assert Course(windows, "accuracy", 0.8).baseline() == pytest.approx(0.67)
    assert Course(windows, "roc_auc", 0.8).baseline() is None


def test_windows_are_apart_where_intervals_do_not_meet(windows: Any) -> None:
    assert Course(windows[:1], "accuracy", 0.8).apart() == (0, 1)  # 0.81 to 0.87, 0.77 to 0.83
    assert Course(windows, "accuracy", 0.8).apart() == (2, 3)  # below its estimate, and above


def test_small_windows_are_left_out(make_report: Any, windows: Any) -> None:
    small = make_report(-1, {"accuracy": 0.0}, count=24)
    assert [course.windows for course in courses([small, *windows], 0.8, 100)] == [windows] * 3
    assert courses([small], 0.8, 100) == []


def test_a_window_has_the_month_of_its_middle(windows: Any) -> None:
    assert [month(report) for report in windows] == ["Jun", "Jul", "Aug", "Sep", "Oct"]


def test_the_table_shows_percent_and_no_zeros_for_what_is_absent(windows: Any) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(performance_table(courses(windows, 0.8, 100)))
    head, accuracy, estimated, f1, *_ = map(str.split, console.export_text().splitlines())
    assert head == ["baseline", "Jun", "Jul", "Aug", "Sep", "Oct"]
    assert accuracy == ["accuracy", "67", "84", "31", "50", "–", "–"]
    assert estimated == ["estimated", "80", "57", "43", "42", "44"]
    assert f1 == ["F1", *["–"] * 6]


def test_sentences_say_what_fell_and_what_the_estimate_said(windows: Any) -> None:
    lowest, before, apart = performance_sentences(courses(windows, 0.8, 100), DELAY_MS)
    assert lowest == "At their lowest: accuracy 31 in Jul (estimated 57)."
    assert "21 days before" in before
    assert "in 2 of 3 windows" in apart


def test_nothing_is_said_without_labels(windows: Any) -> None:
    assert performance_sentences(courses(windows[3:], 0.8, 100), DELAY_MS) == []
    lowest, before = performance_sentences(courses(windows[:1], 0.8, 100), DELAY_MS)
    assert "apart" not in lowest + before
