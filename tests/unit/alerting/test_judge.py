from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.alerts import AlertEvent, Status, alert_id, encode_alert, fingerprint
from schemas.baselines import Baseline, BaselinePerformance
from schemas.metrics import WindowReport
from schemas.models import Task
from schemas.rules import RuleConfig
from stream.alerting.evaluate import observe
from stream.alerting.events import episode_of
from stream.alerting.figures import References
from stream.alerting.judge import Mark, Series, Step, judge, series_name
from stream.alerting.rules import Rule, compile_rules
from stream.alerting.view import alert_fields, read_alert

MakeReport = Callable[..., WindowReport]
T0 = 1_790_002_800_000
MINUTE_MS = 60_000


def rule_of(name: str) -> Rule:
    return next(rule for rule in compile_rules([]) if rule.name == name)


class World:
    """A series in memory, stepped as the script does it."""

    def __init__(self) -> None:
        self.series = Series()
        self.shown: dict[str, AlertEvent] = {}
        self.events: list[AlertEvent] = []

    def take(self, rule: Rule, report: WindowReport, **references: Any) -> Step:
        seen = [(rule, observe(rule, report, References(**references)))]
        mark = Mark(report.window.end, report.revision)
        step = judge(self.series, seen, mark, stale=False, report=report)
        episodes = {**self.series.episodes, **step.episodes}
        self.series = Series(
            self.series.sequence + 1,
            {**self.series.marks, **step.marks},
            {of: episode for of, episode in episodes.items() if episode is not None},
        )
        for of, event in step.shown.items():
            if event is None:
                del self.shown[of]
            else:
                self.shown[of] = event
        self.events += [entry.alert for entry in step.entries if entry.publish]
        return step


@pytest.fixture
def world() -> World:
    return World()


def test_an_episode_from_pending_to_resolved(world: World, make_report: MakeReport) -> None:
    rule = rule_of("error-rate")
    for minute in range(6):
        report = make_report(minute, metrics={"error_rate": 0.12}, errors={"timeout": 12})
        world.take(rule, report)
        assert [a.status for a in world.shown.values()] == [
            Status.PENDING if minute < 5 else Status.FIRING
        ]
    over = make_report(8, metrics={"error_rate": 0.01})
    world.take(rule, over)

    firing, resolved = world.events
    labels = {"model_name": "credit", "model_version": "3", "window": "5m"}
    assert firing.fingerprint == fingerprint("error-rate", labels)
    assert firing.id == alert_id(firing.fingerprint, T0, Status.FIRING)
    assert (firing.starts_at, firing.fired_at, firing.ends_at) == (T0, T0 + 5 * MINUTE_MS, None)
    assert (firing.value, firing.threshold, firing.baseline_value) == (0.12, 0.05, None)
    assert firing.report_id == report.id
    assert firing.cause == ("timeout: 12 of 12 errors",)
    assert firing.summary == (
        "error rate of credit 3 is 12 % (limit 5 %) over 5m, since 2026-09-21 15:00 UTC"
    )
    assert resolved.id == alert_id(firing.fingerprint, T0, Status.RESOLVED)
    assert (resolved.ends_at, resolved.value) == (T0 + 8 * MINUTE_MS, 0.01)
    assert resolved.summary == (
        "over: error rate of credit 3 is 1 % (limit 5 %) over 5m; it lasted 8 min, "
        "since 2026-09-21 15:00 UTC"
    )


def test_the_same_report_again_changes_nothing(world: World, make_report: MakeReport) -> None:
    rule = rule_of("prediction-drift")
    report = make_report(metrics={"prediction_drifted": True})
    assert world.take(rule, report).entries
    assert world.take(rule, report) == Step()
    older = make_report(-5, metrics={"prediction_drifted": False})
    assert world.take(rule, older) == Step()
    revised = make_report(metrics={"prediction_drifted": False}, revision=101)
    assert [e.alert.status for e in world.take(rule, revised).entries] == ["resolved"]


def test_pending_that_comes_to_nothing_is_taken_away(world: World, make_report: MakeReport) -> None:
    rule = rule_of("error-rate")
    world.take(rule, make_report(0, metrics={"error_rate": 0.12}))
    assert world.shown
    world.take(rule, make_report(1, metrics={"error_rate": 0.0}))
    assert (world.shown, world.events, world.series.episodes) == ({}, [], {})


def test_drift_names_the_features_most_drifted_first(world: World, make_report: MakeReport) -> None:
    features = {
        "age": {"drifted": True, "drift_q_value": 1e-9, "effect": 0.2},
        "city": {"drifted": False, "drift_q_value": 0.4},
        "income": {"drifted": True, "drift_q_value": 0.0, "effect": 0.3},
        "tenure": {"drifted": True, "drift_q_value": 0.0, "effect": 0.9},
        "zip": {"drifted": True, "drift_q_value": 1e-4},
    }
    metrics = {"drift_share": 0.8, "drifted_features": 4}
    report = make_report(window="1h", metrics=metrics, features=features)
    world.take(rule_of("data-drift"), report)
    (event,) = world.events
    assert event.severity == "warning"
    assert event.summary == (
        "4 of 5 features of credit 3 drifted (tenure, income, age, …) over 1h, "
        "since 2026-09-21 15:00 UTC"
    )
    assert event.cause == (
        "tenure: q 0, effect 0.9",
        "income: q 0, effect 0.3",
        "age: q 1e-09, effect 0.2",
        "zip: q 0.0001",
    )


def test_latency_says_from_what_to_what(world: World, make_report: MakeReport) -> None:
    rule = rule_of("latency")
    previous = {"latency_p95_ms": 20.0}
    for minute in (0, 10):
        report = make_report(minute, metrics={"latency_p95_ms": 55.0})
        world.take(rule, report, previous=previous)
    (event,) = world.events
    assert event.summary == (
        "95th percentile of the latency of credit 3 rose from 20 ms a day before to 55 ms "
        "(limit 40 ms) over 5m, since 2026-09-21 15:00 UTC"
    )
    assert (event.threshold, event.baseline_value) == (40.0, None)


@pytest.mark.parametrize(
    ("rule", "worse", "better", "fell", "over"),
    [
        (
            "accuracy-drop",
            {"accuracy": 0.78},
            {"accuracy": 0.93},
            "accuracy of credit 3 fell from 0.95 to 0.78 (limit 0.85) over 1d, on 1,480 labels",
            "accuracy of credit 3 is 0.93 (limit 0.85) over 1d, on 1 label",
        ),
        (
            "f1-drop",
            {"f1": 0.5},
            {"f1": 0.8},
            "F1 of credit 3 fell from 0.8 to 0.5 (limit 0.7) over 1d, on 1,480 labels",
            "F1 of credit 3 is 0.8 (limit 0.7) over 1d, on 1 label",
        ),
        (
            "rmse-rise",
            {"rmse": 3.1416},
            {"rmse": 2.0},
            "RMSE of credit 3 rose from 2 to 3.142 (limit 2.4) over 1d, on 1,480 labels",
            "RMSE of credit 3 is 2 (limit 2.4) over 1d, on 1 label",
        ),
    ],
)
def test_performance_says_from_what_to_what_and_on_how_many_labels(
    world: World,
    make_report: MakeReport,
    rule: str,
    worse: dict[str, float],
    better: dict[str, float],
    fell: str,
    over: str,
) -> None:
    figures = {"accuracy": 0.95, "f1": 0.8, "rmse": 2.0}
    performance = BaselinePerformance(
        task=Task.BINARY, positive_class="1", labelled=1000, figures=figures
    )
    baseline = Baseline(
        model_name="credit", model_version="3", rows=1, features={}, performance=performance
    )
    features = {"age": {"drifted": True, "drift_q_value": 1e-9, "effect": 0.2}, "zip": {}}
    report = make_report(window="1d", metrics=worse, features=features, label_count=1480)
    world.take(rule_of(rule), report, baseline=baseline)
    report = make_report(1440, window="1d", metrics=better, label_count=1)
    world.take(rule_of(rule), report, baseline=baseline)
    firing, resolved = world.events
    assert firing.summary == f"{fell}, since 2026-09-21 15:00 UTC"
    assert firing.cause == ("age: q 1e-09, effect 0.2",)
    assert firing.baseline_value == figures[next(iter(worse))]
    assert firing.sample_count == 1480
    assert resolved.summary == f"over: {over}; it lasted 1 d, since 2026-09-21 15:00 UTC"


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("accuracy_low", "lower bound of the accuracy of credit 3 is 0.5 (limit 1) over 1d, on 7 "),
        ("f1_change", "change of the F1 of credit 3 is 0.5 (limit 1) over 1d, on 7 labels"),
        ("estimated_roc_auc", "estimated ROC AUC of credit 3 is 0.5 (limit 1) over 1d, since"),
        ("label_coverage", "label coverage of credit 3 is 0.5 (limit 1) over 1d, since"),
    ],
)
def test_figures_in_words(world: World, make_report: MakeReport, metric: str, said: str) -> None:
    config = RuleConfig(name="mine", metric=metric, window="1d", condition="< 1")
    (rule,) = (rule for rule in compile_rules([config]) if rule.name == "mine")
    world.take(rule, make_report(window="1d", metrics={metric: 0.5}, label_count=7))
    assert world.events[0].summary.startswith(said)


def test_what_users_read_in_redis_can_be_read_back(world: World, make_report: MakeReport) -> None:
    world.take(rule_of("prediction-drift"), make_report(metrics={"prediction_drifted": True}))
    (event,) = world.events
    fields = alert_fields(event)
    assert fields["status"] == "firing"
    assert fields["starts_at"] == str(T0)
    assert fields["stale"] == "false"
    assert msgspec.json.decode(fields["labels"])["model_name"] == "credit"
    assert "ends_at" not in fields
    assert read_alert(fields) == event
    with pytest.raises(ValueError, match="no alert"):
        read_alert({"id": "x"})


def test_an_episode_is_read_back_from_the_topic(world: World, make_report: MakeReport) -> None:
    rule = rule_of("prediction-drift")
    world.take(rule, make_report(metrics={"prediction_drifted": True}))
    (event,) = world.events
    again = World()
    read = msgspec.json.decode(encode_alert(event), type=AlertEvent)
    again.series = Series(episodes={read.fingerprint: episode_of(read)})
    again.take(rule, make_report(metrics={"prediction_drifted": True}))
    assert again.events == []
    again.take(rule, make_report(5, metrics={"prediction_drifted": False}))
    assert [e.id for e in again.events] == [
        alert_id(event.fingerprint, event.starts_at, Status.RESOLVED)
    ]


def test_series_of_names_with_separators_stay_apart() -> None:
    one = series_name({"model_name": "m", "model_version": "1", "segment": "a=b:c"})
    other = series_name({"model_name": "m", "model_version": "1", "window": "a=b", "segment": "c"})
    assert one != other
