"""Labels come late: which windows performance is judged by."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.baselines import Baseline, BaselinePerformance
from schemas.metrics import WindowReport
from schemas.models import Task
from schemas.rules import RuleConfig
from stream.alerting.evaluate import observe
from stream.alerting.figures import References, rests_on_labels, sample_count
from stream.alerting.judge import Mark, Series, judge
from stream.alerting.maturity import is_mature, rules_to_judge
from stream.alerting.rules import compile_rules

MakeReport = Callable[..., WindowReport]
DAY_MINUTES = 1440
DAY_MS = DAY_MINUTES * 60_000
BASELINE = Baseline(
    model_name="credit",
    model_version="3",
    rows=100,
    features={},
    performance=BaselinePerformance(
        task=Task.BINARY,
        positive_class="1",
        labelled=1000,
        figures={"accuracy": 0.95, "f1": 0.8, "rmse": 2.0},
    ),
)


class World:
    """One series in memory, judged as the engine does it."""

    def __init__(self, make_report: MakeReport, *configured: RuleConfig) -> None:
        self.make_report = make_report
        self.rules = [r for r in compile_rules(configured) if r.name not in {"no-traffic"}]
        self.series = Series()

    def day(
        self, number: int, coverage: float, accuracy: float | None, **metrics: float
    ) -> list[str]:
        """Take the report of a day; its revision is the number of labels. Statuses by rule."""
        labels = int(1000 * coverage)
        figures = {"label_coverage": coverage, **metrics}
        if accuracy is not None:
            figures["accuracy"] = accuracy
        report = self.make_report(
            number * DAY_MINUTES,
            window="1d",
            size_ms=DAY_MS,
            label_count=labels,
            revision=1000 + labels,
            metrics=figures,
        )
        seen = [
            (rule, observe(rule, report, References(BASELINE)))
            for rule in rules_to_judge(self.rules, report, 0.8)
        ]
        mark = Mark(report.window.end, report.revision)
        step = judge(self.series, seen, mark, stale=False, report=report)
        self.series = Series(
            marks={**self.series.marks, **step.marks},
            episodes={
                of: episode
                for of, episode in {**self.series.episodes, **step.episodes}.items()
                if episode is not None
            },
        )
        return [f"{entry.alert.rule} {entry.alert.status}" for entry in step.entries]


@pytest.fixture
def world(make_report: MakeReport) -> World:
    return World(make_report)


def test_an_immature_window_is_passed_over(world: World) -> None:
    assert world.day(0, 0.5, 0.1) == []
    assert "accuracy-drop" not in world.series.marks
    assert world.day(0, 0.8, 0.1) == ["accuracy-drop firing"]


def test_a_day_that_ripens_while_newer_ones_have_no_labels_is_judged(world: World) -> None:
    assert world.day(0, 0.9, 0.95) == []
    for late in range(1, 4):
        assert world.day(late, 0.0, None) == []
    assert world.day(1, 0.7, 0.7) == []
    assert world.day(1, 0.85, 0.7) == ["accuracy-drop firing"]
    assert world.day(1, 0.95, 0.94) == ["accuracy-drop resolved"]  # the rest of the labels


def test_an_older_day_changes_nothing_after_a_newer_mature_one(world: World) -> None:
    assert world.day(2, 0.9, 0.7) == ["accuracy-drop firing"]
    assert world.day(1, 0.9, 0.95) == []  # does not end it
    assert world.day(3, 0.9, 0.95) == ["accuracy-drop resolved"]
    assert world.day(2, 1.0, 0.1) == []  # nor does an older one begin it
    assert world.day(3, 0.9, 0.1) == []  # nor the same again


def test_other_rules_do_not_wait_for_labels(make_report: MakeReport) -> None:
    errors = RuleConfig(name="errors", metric="error_rate", window="1d", condition="> 0.1")
    few = RuleConfig(name="few-labels", metric="label_coverage", window="1d", condition="< 0.1")
    guess = RuleConfig(
        name="guess", metric="estimated_accuracy", window="1d", condition="< baseline - 0.1"
    )
    world = World(make_report, errors, few, guess)
    found = world.day(0, 0.0, None, error_rate=0.2, estimated_accuracy=0.8)
    assert found == ["errors firing", "few-labels firing", "guess firing"]


@pytest.mark.parametrize(
    ("metrics", "label_count", "coverage_min", "mature"),
    [
        ({"label_coverage": 0.8}, 80, 0.8, True),
        ({"label_coverage": 0.79}, 79, 0.8, False),
        ({}, 80, 0.0, False),  # nothing is known of coverage
        ({"label_coverage": 0.0}, 0, 0.0, False),  # no label tells nothing
        ({"label_coverage": 0.01}, 1, 0.0, True),
    ],
)
def test_what_is_mature(
    make_report: MakeReport, metrics: Any, label_count: int, coverage_min: float, mature: bool
) -> None:
    report = make_report(metrics=metrics, label_count=label_count)
    assert is_mature(report, coverage_min) is mature


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("accuracy", 80),
        ("accuracy_low", 80),
        ("f1_change", 80),
        ("label_psi", 80),
        ("fairness.tags.country.equal_opportunity_difference_low", 80),
        ("metric.cost.value", 80),
        ("metric.cost.fraud.value", 80),
        ("estimated_accuracy_error", 80),
        ("calibration_error", 80),
        ("reconstruction_error", 90),
        ("label_coverage", 100),
        ("class_imbalance", 100),
        ("estimated_accuracy", 100),
        ("feature.age.psi", 90),
    ],
)
def test_what_a_figure_rests_on(make_report: MakeReport, name: str, counted: int) -> None:
    report = make_report(count=100, sampled_count=90, label_count=80)
    assert sample_count(report, name) == counted
    assert rests_on_labels(name) is (counted == 80)


def test_a_figure_that_was_sent_along_rests_on_its_values(make_report: MakeReport) -> None:
    metrics: dict[str, float] = {}
    for name, mean, count in (("rating", -2.5, 30), ("basket", 1e-9, 7), ("none", 0.0, 50)):
        metrics |= {f"metric.{name}.mean": mean, f"metric.{name}.sum": mean * count}
    report = make_report(count=100, label_count=80, metrics=metrics)
    assert sample_count(report, "metric.rating.p95") == 30
    assert sample_count(report, "metric.basket.mean") == 7
    assert sample_count(report, "metric.none.max") == 100  # a mean of 0 does not tell
    assert sample_count(report, "metric.absent.max") == 100
    assert not rests_on_labels("metric.rating.p95")


def test_concept_drift_counts_labels_but_has_waited_for_them(make_report: MakeReport) -> None:
    assert sample_count(make_report(label_count=80), "page_hinkley") == 80
    assert not rests_on_labels("page_hinkley")


def test_fairness_waits_for_labels(make_report: MakeReport) -> None:
    gap = "fairness.sex.demographic_parity_difference"
    unfair = RuleConfig(name="unfair", metric=gap, window="1d", condition="> 0.1")
    world = World(make_report, unfair)
    assert world.day(0, 0.5, None, **{gap: 0.3}) == []
    assert world.day(0, 0.9, None, **{gap: 0.3}) == ["unfair firing"]


def test_fewer_labels_than_asked_for_are_passed_over(make_report: MakeReport) -> None:
    world = World(make_report, RuleConfig(name="accuracy-drop", min_count=900))
    assert world.day(0, 0.85, 0.1) == []
    assert world.day(0, 0.9, 0.1) == ["accuracy-drop firing"]
