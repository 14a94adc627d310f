"""Rules over reports, with alert state in memory."""

from collections.abc import Callable
from typing import Any

from schemas.metrics import Window, WindowReport, with_report_id
from schemas.rules import RuleConfig
from stream.alerting.rules import compile_rules
from stream.backtest.alarms import Alarms
from stream.window.panes import DAY_MS, MINUTE_MS

T0 = 1_700_006_400_000


def make_report(end_ms: int, revision: int = 100, **metrics: float) -> WindowReport:
    size_ms = 5 * MINUTE_MS
    window = Window(name="5m", size_ms=size_ms, start=end_ms - size_ms, end=end_ms, tumbling=True)
    report = WindowReport(
        id="",
        model_name="credit",
        model_version="3",
        segment=None,
        window=window,
        revision=revision,
        complete=True,
        exact=True,
        count=revision,
        sampled_count=revision,
        label_count=0,
        baseline=None,
        config_id=None,
        metrics=dict(metrics),
        features={},
    )
    return with_report_id(report)


def told(alarms: Alarms, report: WindowReport) -> list[str]:
    return [str(e.status) for e in alarms.apply(report, alarms.look(report, None))]


def errors(minute: int, rate: float, **more: Any) -> WindowReport:
    return make_report(T0 + minute * MINUTE_MS, error_rate=rate, **more)


def test_an_alert_fires_when_for_is_met_and_ends_once() -> None:
    alarms = Alarms(compile_rules(()))
    rates = [0.2] * 6 + [0.2, 0.0, 0.0]
    found = [told(alarms, errors(minute, rate)) for minute, rate in enumerate(rates)]
    assert found == [[], [], [], [], [], ["firing"], [], ["resolved"], []]


def test_a_look_remembers_nothing() -> None:
    alarms = Alarms(compile_rules([RuleConfig(name="error-rate", for_="0s")]))
    looks = [alarms.look(errors(0, 0.2), None) for _ in range(2)]
    assert looks[0] == looks[1]
    assert len(looks[0].entries) == 1
    assert told(alarms, errors(0, 0.2)) == ["firing"]
    assert alarms.look(errors(0, 0.2), None).entries == []


def test_what_takes_labels_is_not_judged() -> None:
    metrics = ("label_count", "label_coverage", "accuracy_low", "fairness.sex.p_value_difference")
    given = [
        RuleConfig(name=f"mine-{number}", metric=metric, window="5m", condition="< 1")
        for number, metric in enumerate((*metrics, "fairness.sex.equal_opportunity_ratio"))
    ]
    alarms = Alarms(compile_rules(given))
    judged = {rule.name for rule in alarms.rules}
    assert "mine-3" in judged  # no such figure is known
    assert judged.isdisjoint({"mine-0", "mine-1", "mine-2", "mine-4", "accuracy-drop"})
    assert told(alarms, make_report(T0)) == []


def test_a_revision_of_an_older_window_changes_nothing() -> None:
    alarms = Alarms(compile_rules([RuleConfig(name="error-rate", for_="0s")]))
    assert told(alarms, errors(0, 0.0)) == []
    assert told(alarms, errors(1, 0.0)) == []
    assert told(alarms, errors(0, 0.9, revision=101)) == []
    assert told(alarms, errors(1, 0.9, revision=101)) == ["firing"]


def test_figures_are_compared_with_those_of_a_day_before() -> None:
    rule = RuleConfig(
        name="slower", metric="latency_p95_ms", window="5m", condition="> 2 * previous"
    )
    alarms = Alarms(compile_rules([rule]))
    slow: Callable[[int, float], WindowReport] = lambda end, ms: make_report(  # noqa: E731
        end, latency_p95_ms=ms
    )
    assert told(alarms, slow(T0, 10)) == []
    assert told(alarms, slow(T0 + 5 * MINUTE_MS, 50)) == []
    report = slow(T0 + DAY_MS, 21)
    (event,) = [e for e in alarms.apply(report, alarms.look(report, None)) if e.rule == "slower"]
    assert (event.value, event.threshold) == (21, 20)
    assert told(alarms, slow(T0 + DAY_MS + 5 * MINUTE_MS, 99)) == ["resolved"]
    assert told(alarms, slow(T0 + 2 * DAY_MS + MINUTE_MS, 999)) == []  # no such window before
