from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.alerts import Status, fingerprint
from schemas.metrics import WindowReport
from schemas.rules import NoData, RuleConfig
from stream.alerting.absence import (
    SLACK_MS,
    LastSeen,
    data_field,
    has_figure,
    is_replaced,
    judge_absence,
    judge_presence,
    observe_absence,
    read_field,
)
from stream.alerting.judge import Mark, Series, Step
from stream.alerting.rules import Rule, compile_rules

MakeReport = Callable[..., WindowReport]
MINUTE_MS = 60_000
T0 = 1_790_002_800_000
NOW = T0 + 5_000_000
LABELS = {"model_name": "credit", "model_version": "3", "window": "5m"}
LAST = LastSeen(NOW, T0, MINUTE_MS)
MISSING = 2 * MINUTE_MS + SLACK_MS


def rule_with(policy: NoData, **config: Any) -> Rule:
    given = {"metric": "error_rate", "window": "5m", "condition": "> 0.1"} | config
    config_ = RuleConfig(name="mine", no_data=policy, **given)
    return next(rule for rule in compile_rules([config_]) if rule.name == "mine")


def stepped(series: Series, step: Step) -> Series:
    episodes = {**series.episodes, **step.episodes}
    left = {of: episode for of, episode in episodes.items() if episode is not None}
    return Series(series.sequence + 1, {**series.marks, **step.marks}, left)


def after(rule: Rule, *looks: int, last: LastSeen = LAST) -> tuple[Series, list[str]]:
    """The series and the statuses after so many ms each."""
    series, events = Series(), []
    for later in looks:
        step = judge_absence(rule, LABELS, last, NOW + later, series)
        series = stepped(series, step)
        events += [entry.alert.status.value for entry in step.entries]
    return series, events


@pytest.mark.parametrize(
    ("policy", "later", "holds"),
    [
        (NoData.ALERT, MISSING - 1, None),
        (NoData.ALERT, MISSING, True),
        (NoData.OK, MISSING, False),
        (NoData.KEEP_LAST, 10 * MISSING, None),
    ],
)
def test_two_windows_and_a_minute_without_it_make_a_figure_missing(
    policy: NoData, later: int, holds: bool | None
) -> None:
    seen = observe_absence(rule_with(policy), LABELS, LAST, NOW + later)
    assert (None if seen is None else seen.holds) == holds


def test_what_it_says() -> None:
    rule = rule_with(NoData.ALERT)
    labels = LABELS | {"segment": "country=DE"}
    seen = observe_absence(rule, labels, LAST, NOW + 4 * MINUTE_MS)
    assert seen is not None
    assert seen.summary == "no error_rate of credit 3 for country=DE over 5m for 4 min"
    assert seen.at_ms == T0 + 4 * MINUTE_MS + 1, "no window ends then"


def test_for_counts_from_when_it_is_missing() -> None:
    rule = rule_with(NoData.ALERT, for_="5m")
    assert after(rule, MISSING, MISSING + 5 * MINUTE_MS - 2)[1] == []
    series, events = after(rule, MISSING, MISSING + 5 * MINUTE_MS)
    assert events == ["no_data"]
    (episode,) = series.episodes.values()
    assert (episode.status, episode.no_data) == (Status.NO_DATA, True)
    ok = rule_with(NoData.OK, for_="5m")
    assert observe_absence(ok, LABELS, LAST, NOW + MISSING + 5 * MINUTE_MS - 1) is None


def test_what_was_missing_in_a_replay_tells_nobody() -> None:
    step = judge_absence(
        rule_with(NoData.ALERT), LABELS, replace(LAST, stale=True), NOW + MISSING, Series()
    )
    assert [(entry.publish, entry.notify) for entry in step.entries] == [(True, False)]


def test_a_version_is_replaced_by_one_that_goes_on_a_window_longer() -> None:
    together = replace(LAST, at_ms=NOW + MINUTE_MS)  # both went silent at once
    goes_on = replace(LAST, at_ms=NOW + 2 * MINUTE_MS)
    assert not is_replaced(LAST, [LAST, together])
    assert is_replaced(LAST, [LAST, together, goes_on])
    assert not is_replaced(goes_on, [LAST, together, goes_on])


def test_a_rule_on_features_learns_that_they_are_there_again(make_report: MakeReport) -> None:
    rule = rule_with(NoData.ALERT, metric="feature.*.psi", condition="> 0.2")
    series, _ = after(rule, MISSING)
    report = make_report(9, features={"age": {"psi": 0.1}})
    judged = Step(marks={"mine": Mark(report.window.end, 1)})
    step = judge_presence([rule], report, series, judged, stale=False)
    (entry,) = step.entries
    assert entry.alert.status is Status.RESOLVED
    assert "feature.*.psi of credit 3 over 5m is there again" in entry.alert.summary

    without = make_report(9, features={"age": {"count": 3}})
    assert not has_figure(rule, without)
    assert judge_presence([rule], without, series, judged, stale=False) == Step()
    assert judge_presence([rule], report, series, Step(), stale=False) == Step(), "judged before"
    heard = Step(marks=judged.marks, episodes={fingerprint("mine", LABELS): None})
    assert judge_presence([rule], report, series, heard, stale=False) == Step()


def test_a_real_trouble_is_not_ended_by_its_figure_being_there(make_report: MakeReport) -> None:
    rule = rule_with(NoData.ALERT)
    series, _ = after(rule, MISSING)
    (episode,) = series.episodes.values()
    real = replace(episode, no_data=False, status=Status.FIRING)
    firing = replace_episodes(series, real)
    report = make_report(9, metrics={"error_rate": 0.0})
    judged = Step(marks={"mine": Mark(report.window.end, 1)})
    assert judge_presence([rule], report, firing, judged, stale=False) == Step()


def replace_episodes(series: Series, episode: Any) -> Series:
    return Series(series.sequence, series.marks, dict.fromkeys(series.episodes, episode))


def test_a_field_is_read_back() -> None:
    assert read_field(data_field("mine", LABELS)) == ("mine", LABELS)
