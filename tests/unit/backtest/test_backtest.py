"""A log through the product's own path: what is counted, judged, fired."""

from typing import Any

import pytest

from schemas.alerts import Severity, Status
from schemas.config import ConfigFile
from schemas.errors import Reason
from stream.backtest.outcome import told_at_ms
from stream.baseline.build import build_baseline
from stream.settings import load_settings
from stream.state.keys import VersionId

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
T0 = 1_700_000_000_000 // (24 * HOUR_MS) * 24 * HOUR_MS
FIRST_END = T0 + 5 * MINUTE_MS
CREDIT = VersionId("credit", "3")


@pytest.fixture
def troubled(events: Any) -> Any:
    """Two hours of traffic; in minutes 40 to 59 every request fails."""
    failed = events(20, seed=2, first_minute=40, prediction=None, error="timeout")
    return [*events(40), *failed, *events(60, seed=3, first_minute=60)]


@pytest.fixture(scope="module")
def baseline(events: Any) -> Any:
    """Of an earlier time."""
    rows = events(300, seed=9, first_minute=-600)
    columns = {name: [row["features"][name] for row in rows] for name in rows[0]["features"]}
    columns |= {name: [row[name] for row in rows] for name in ("timestamp", "prediction")}
    return build_baseline(columns, model_name="credit", model_version="3")


@pytest.fixture
def source(baseline: Any) -> Any:
    return lambda _version, _config: baseline


def test_what_fires_and_when_it_is_over(run: Any, troubled: Any) -> None:
    outcome = run(troubled, config=ConfigFile())  # 5m close every minute
    firing, resolved = [a for a in outcome.alerts if a.rule == "error-rate"]
    assert (firing.status, resolved.status) == (Status.FIRING, Status.RESOLVED)
    # The rate over 5m is 20 % after one bad minute, and still 20 % with one left.
    assert firing.starts_at == T0 + 41 * MINUTE_MS
    assert told_at_ms(firing) == T0 + 46 * MINUTE_MS
    assert told_at_ms(resolved) == T0 + 65 * MINUTE_MS
    assert firing.cause == ("timeout: 20 of 20 errors",)
    assert (outcome.still_firing, outcome.fired_at_least(Severity.ERROR)) == (0, 1)
    assert outcome.books == {
        **{"consumed": len(troubled), "accepted": len(troubled)},
        **{"late": 0, "rejected": 0, "empty": 0},
    }


def test_alerts_are_the_same_where_every_report_is_computed(
    run: Any, configured: Any, troubled: Any, source: Any
) -> None:
    rule = {"name": "jump", "metric": "latency_p95_ms", "window": "5m", "condition": "> 30"}
    config = configured(rule)
    some = run(troubled, source=source, config=config)
    every = run(troubled, source=source, config=config, keep_reports=True)
    assert some.alerts
    assert {a.rule for a in some.alerts} >= {"error-rate", "jump"}
    assert some.alerts == every.alerts
    written = {report.id: report for report in run.reports}
    for alert in every.alerts:
        report = written[alert.report_id]
        assert report.window.name == alert.labels["window"]
    assert every.versions[CREDIT].windows == some.versions[CREDIT].windows == {"5m": 24, "1h": 2}


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_reports_do_not_depend_on_how_the_log_is_cut(
    run: Any, troubled: Any, source: Any, batch: int
) -> None:
    log = troubled[:260] if batch > 1 else troubled[150:200]
    whole = run(log, source=source, keep_reports=True).alerts
    reports = {report.id for report in run.reports}
    cut = run(log, source=source, keep_reports=True, batch=batch)
    assert {report.id for report in run.reports} == reports
    assert cut.alerts == whole


def test_late_events_are_judged_against_those_before_them(run: Any, events: Any) -> None:
    late = events(1, seed=5)  # two hours behind
    outcome = run([*events(120), *late], keep_reports=True)
    assert outcome.books["late"] == len(late)
    refused = outcome.refused[Reason.TOO_LATE]
    assert (refused.count, refused.place) == (4, "line 481")
    first = next(r for r in run.reports if (r.window.name, r.window.end) == ("5m", FIRST_END))
    assert first.count == 20


def test_an_event_within_the_lateness_is_in_the_only_report_of_its_window(
    run: Any, events: Any
) -> None:
    log = [*events(30), *events(1, seed=5), *events(120, seed=6, first_minute=30)]
    run(log, keep_reports=True, batch=10)
    found = [r for r in run.reports if (r.window.name, r.window.end) == ("5m", FIRST_END)]
    assert [report.count for report in found] == [24]


def test_what_is_no_event_is_counted_by_reason_and_named_by_its_line(run: Any, events: Any) -> None:
    timeless = {"model_name": "credit", "prediction": 1}
    future = {**timeless, "timestamp": T0 + 10_000 * HOUR_MS}
    outcome = run(["", "{", timeless, future, *events(1), {"model_name": "credit"}, "[]"])
    places = {reason: (r.count, r.place) for reason, r in outcome.refused.items()}
    assert places == {
        Reason.MALFORMED_JSON: (1, "line 2"),
        Reason.MISSING_FIELD: (2, "line 3"),
        Reason.TIMESTAMP_IN_FUTURE: (1, "line 4"),
    }
    assert "timestamp" in outcome.refused[Reason.MISSING_FIELD].detail
    assert (outcome.books["accepted"], outcome.books["empty"]) == (4, 1)


def test_drift_is_decided_against_the_given_baseline(
    run: Any, events: Any, configured: Any, source: Any
) -> None:
    moved = events(180, seed=4)
    for event in moved:
        event["features"]["age"] += 30
    config = configured(drift={"decision_window": "1h"})
    outcome = run(moved, source=source, config=config)
    found = outcome.versions[CREDIT]
    assert (found.decisions, found.drifted) == (3, 3)
    assert found.expected_false == pytest.approx(3 / 720)  # one a month of 720 hours
    (alert,) = [a for a in outcome.alerts if a.rule == "data-drift"]
    assert alert.cause[0].startswith("age:")
    same = run(events(180, seed=4), source=source, config=config)
    assert (same.versions[CREDIT].decisions, same.versions[CREDIT].drifted) == (3, 0)
    assert same.alerts == []


def test_a_baseline_is_learned_from_the_first_part_of_the_log(
    run: Any, events: Any, configured: Any
) -> None:
    terms = {"events_min": 400, "span_ms_min": 2 * HOUR_MS}
    run.settings = load_settings(environment={}, options={"provisional": terms})
    log = events(300)
    for event in log[-400:]:
        event["features"]["age"] += 30
    config = configured(drift={"decision_window": "1h"})
    outcome = run(log, config=config, keep_reports=True, batch=100)
    found = outcome.versions[CREDIT]
    # Two hours are over in the batch that ends at 2:04:45; half a minute later a pane has begun.
    assert found.provisional_from_ms == T0 + 130 * MINUTE_MS
    hours = [r for r in run.reports if r.window.name == "1h" and r.window.tumbling]
    assert [r.baseline is not None for r in hours] == [False, False, True, True, True]
    assert all(r.baseline.provisional for r in hours[2:] if r.baseline)
    assert hours[3].features["age"]["drifted"] is True
    short = run(events(60), config=config)
    assert short.versions[CREDIT].provisional_from_ms is None
    assert not short.versions[CREDIT].has_baseline


def test_segments_by_feature_and_by_tag_from_the_first_event_on(
    run: Any, events: Any, configured: Any, source: Any
) -> None:
    log = events(120)
    for number, event in enumerate(log):
        event["tags"] = {"site": "north" if number % 4 else "south"}
    config = configured(segments=["country", "tags.site"])
    run(log, source=source, config=config, keep_reports=True, batch=100)
    hours = [r for r in run.reports if r.window.name == "1h" and r.window.start == T0]
    hour = {r.segment: r.count for r in hours}
    assert {name: count for name, count in hour.items() if name} == {
        **{"country=DE": 120, "country=FR": 120},
        **{"tags.site=north": 180, "tags.site=south": 60},
    }


def test_rules_of_segments_see_their_traffic(
    run: Any, events: Any, configured: Any, source: Any
) -> None:
    log = events(60)
    for event in log:
        if event["features"]["country"] == "FR":
            del event["prediction"]
            event["error"] = "timeout"
    rule = {"name": "by-country", "metric": "error_rate", "window": "5m", "condition": "> 0.9"}
    config = configured(rule, segments=["country"])
    some = run(log, source=source, config=config)
    every = run(log, source=source, config=config, keep_reports=True)
    fired = [a for a in some.fired if a.rule == "by-country"]
    assert [a.labels["segment"] for a in fired] == ["country=FR"]
    assert some.alerts == every.alerts


def test_two_versions_share_the_baseline_of_the_first(run: Any, events: Any, source: Any) -> None:
    log = [*events(30), *events(30, seed=7, first_minute=30, model_version="4")]
    run(log, source=source, keep_reports=True)
    used = {r.model_version: r.baseline.id for r in run.reports if r.baseline}
    assert used["3"] == used["4"]
