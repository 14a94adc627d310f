"""Unit tests of rules: they pass where alerts do what is expected, and fail on anything else."""

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.metrics import WindowReport
from stream.alerting.unit_test_expect import Outcome
from stream.alerting.unit_test_form import ConfigError, parse_file
from stream.alerting.unit_tests import START_MS, UnitTest, joined, make_test, run_test

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def prepare(text: str, recorded: Sequence[WindowReport] = ()) -> list[UnitTest]:
    form = parse_file(tomllib.loads(text))
    return [make_test(test, joined("f", form, {}), recorded) for test in form.tests]


def run(text: str, recorded: Sequence[WindowReport] = ()) -> Outcome:
    """Run a file of one test."""
    (test,) = prepare(text, recorded)
    return run_test(test)


def file(rules: str = "", series: str = "", expected: str = "episodes = []", more: str = "") -> str:
    return f"""
{rules}
[[tests]]
name = "one"
{more}
{expected if expected.startswith("episodes") else ""}
{"[[tests.series]]" if series else ""}
{series}
{"" if expected.startswith("episodes") else expected}
"""


ERRORS = """
model_name = "credit"
window = "5m"
values = { error_rate = "0.01x3 0.2x8 0.01" }
"""


def check(at: str, status: str = "firing", rule: str = "error-rate", more: str = "") -> str:
    return f'[[tests.alerts]]\nat = "{at}"\nrule = "{rule}"\nstatus = "{status}"\n{more}\n'


def episode(fires_at: str, resolved_at: str = "", rule: str = "error-rate", more: str = "") -> str:
    end = f'resolved_at = "{resolved_at}"\n' if resolved_at else ""
    return f'[[tests.episodes]]\nrule = "{rule}"\nfires_at = "{fires_at}"\n{end}{more}\n'


@pytest.mark.parametrize(
    "expected",
    [
        episode("8m", "11m"),
        episode("8m", "11m", more='severity = "error"\nlabels = {model_name = "cred*"}'),
        episode("2026-01-01T00:08:00Z", "2026-01-01 00:11:00"),
        check("8m"),
        check("10m") + check("11m", "resolved"),
        check("2m", "none") + check("3m", "pending") + check("7m", "pending") + check("8m"),
        check("8m", more='summary = "error rate of credit 1 is 20 %"\nlabels = {window = "5m"}'),
        check("11m", "resolved") + check("11m", "none"),
        check("3m", "pending", more='severity = "error"') + episode("8m", "11m"),
    ],
)
def test_what_is_expected_passes(expected: str) -> None:
    outcome = run(file(series=ERRORS, expected=expected))
    assert (outcome.ok, outcome.failures) == (True, ())
    (found,) = outcome.episodes
    assert (found.rule, found.severity) == ("error-rate", "error")
    times = (found.starts_at, found.fired_at, found.resolved_at)
    assert times == tuple(START_MS + minute * MINUTE_MS for minute in (3, 8, 11))


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (
            "episodes = []",
            "error-rate fired, error {model_name=credit, model_version=1, window=5m}, from 8m "
            "(2026-01-01 00:08 UTC) to 11m (2026-01-01 00:11 UTC), and nothing expects it",
        ),
        (episode("8m"), "expected error-rate to fire from 8m (2026-01-01 00:08 UTC) on, and it"),
        (episode("7m", "11m"), "from 7m (2026-01-01 00:07 UTC) to 11m (2026"),
        (episode("8m", "10m"), "to 10m (2026-01-01 00:10 UTC), and it did not"),
        (episode("8m", "11m") * 2, "expected error-rate to fire from 8m"),
        (episode("8m", "11m", more='severity = "critical"'), "to fire critical from 8m"),
        (
            episode("8m", "11m", more='labels = {segment = "a=b"}'),
            "to fire {segment=a=b} from 8m",
        ),
        (episode("8m", "11m", more='summary = "latency"'), 'to fire with "latency" from 8m'),
        (check("7m"), "7m (2026-01-01 00:07 UTC): error-rate: expected firing, found pending"),
        (check("2m"), "expected firing, found none"),
        (check("11m"), "expected firing, found resolved error"),
        (check("8m", "none"), "expected none, found firing error"),
        (check("3m", "none"), "expected none, found pending error"),
        (check("8m", "resolved"), "expected resolved, found firing error"),
        (check("8m", more='severity = "warning"'), "expected firing warning, found firing error"),
        (check("8m", more='labels = {model_version = "2"}'), "firing {model_version=2}, found"),
        (check("8m", more='summary = "99 %"'), 'expected firing with "99 %", found firing error'),
        (check("8m") * 2, "expected firing; firing, found firing error"),
        (check("3m", "pending"), "error-rate fired, error"),  # and nothing expects that
        (check("8m", "none", rule="latency"), "error-rate fired, error"),
        (check("12m", "none"), "error-rate fired, error"),
    ],
)
def test_anything_else_fails(expected: str, says: str) -> None:
    outcome = run(file(series=ERRORS, expected=expected))
    assert not outcome.ok
    assert [failure for failure in outcome.failures if says in failure], outcome.failures
    assert not [failure for failure in outcome.failures if "\n" in failure]


def test_what_a_failing_check_tells_is_not_told_again() -> None:
    outcome = run(file(series=ERRORS, expected=check("8m", "none")))
    assert len(outcome.failures) == 1


def test_all_alerts_of_a_rule_at_a_time_are_expected_or_none() -> None:
    rules = """
[[rules]]
name = "shift"
metric = "feature.*.psi"
window = "1h"
condition = "> 0.2"
"""
    series = """
model_name = "credit"
window = "1h"
values = { "feature.age.psi" = "0.1 0.3", "feature.city.psi" = "0.0 0.4" }
"""
    of_age = check("5m", rule="shift", more='labels = {feature = "age"}')
    of_any = check("5m", rule="shift", more='labels = {feature = "*"}')
    of_city = check("5m", rule="shift", more='labels = {feature = "city"}')
    for expected in (of_age + of_city, of_any + of_age, of_age + of_any, of_any + of_any):
        assert run(file(rules, series, expected)).ok, expected
    for expected in (of_age, of_age + of_age, of_any, of_age + of_any + of_city):
        assert not run(file(rules, series, expected)).ok, expected
    both = episode("5m", rule="shift") * 2
    assert run(file(rules, series, of_age + of_city + both)).ok
    assert not run(file(rules, series, of_age + both)).ok
    none = check("5m", "none", rule="shift", more='labels = {feature = "c*"}')
    assert not run(file(rules, series, of_age + of_city + none)).ok
    assert run(file(rules, series, of_age + of_city + none.replace("c*", "d*"))).ok


# -- what is judged, and how -----------------------------------------------------------------------


def test_hysteresis_keep_firing_cooldown_and_min_count() -> None:
    rules = """
[[rules]]
name = "slow"
condition = "latency_ms > 100"
window = "5m"
clear = "< 80"
keep_firing_for = "2m"
cooldown = "10m"
min_count = 50
"""
    series = """
model_name = "credit"
window = "5m"
values = { latency_ms = "120 90x2 70x3 120x11" }
"""
    expected = episode("0m", "5m", "slow") + episode("15m", rule="slow")
    assert run(file(rules, series, expected)).ok
    assert run(file(rules, series + "count = 49\n")).ok
    found = run(file(rules.replace('cooldown = "10m"', ""), series, episode("0m", "5m", "slow")))
    assert [(one.fired_at - START_MS) // MINUTE_MS for one in found.episodes] == [0, 6]


def test_rules_of_labels_wait_for_them() -> None:
    series = """
model_name = "credit"
window = "1d"
values = { accuracy = "0.95 0.5 0.5" }
label_count = "1000 700 800"
"""
    baseline = "baseline = { accuracy = 0.95 }"
    fires = episode("2d", rule="accuracy-drop")
    assert run(file(series=series, expected=fires, more=baseline)).ok
    model = '[[models]]\nmodel_name = "credit"\nlabels = {min_coverage = 0.7}\n'
    assert run(file(model, series, episode("1d", rule="accuracy-drop"), baseline)).ok
    of_version = f'{model}model_version = "1"\n' + model.replace("0.7", "0.9")
    assert run(file(of_version, series, episode("1d", rule="accuracy-drop"), baseline)).ok
    assert run(file(series=series)).ok, "nothing is known of a baseline"


def test_previous_is_the_same_window_a_day_before() -> None:
    series = """
model_name = "credit"
window = "1h"
every = "1h"
values = { "metric.basket.mean" = "10x24 15 25 10x22 25" }
"""
    rules = """
[[rules]]
name = "basket"
metric = "metric.basket.mean"
window = "1h"
condition = "> 2 * previous"
"""
    expected = episode("25h", "26h", "basket", 'summary = "rose from 10 a day before to 25"')
    assert run(file(rules, series, expected)).ok, "25 is no more than twice 15"


def test_previous_of_labels_is_a_mature_window() -> None:
    series = """
model_name = "credit"
window = "1d"
values = { accuracy = "0.9 0.9 0.4" }
label_count = "1000 100 1000"
"""
    rules = """
[[rules]]
name = "fell"
condition = "accuracy < 0.9 * previous"
"""
    assert run(file(rules, series)).ok, "the day before has too few labels to compare with"
    all_labels = series.replace("1000 100 1000", "1000 1000 1000")
    assert run(file(rules, all_labels, episode("2d", rule="fell"))).ok


def test_figures_of_labels_and_others_have_histories_of_their_own() -> None:
    series = """
model_name = "credit"
window = "1d"
values = { accuracy = "0.9 0.4", "metric.basket.mean" = "10 30" }
"""
    rules = """
[[rules]]
name = "fell"
condition = "accuracy < 0.9 * previous"
[[rules]]
name = "rose"
condition = "metric.basket.mean > 2 * previous"
window = "1d"
"""
    expected = episode("1d", rule="fell") + episode("1d", rule="rose")
    assert run(file(rules, series, expected)).ok


def test_bounds_of_a_model_and_its_segments() -> None:
    model = """
[[models]]
model_name = "credit"
performance_threshold = { error_rate = 0.05 }
"""
    expected = episode("8m", "11m") + episode("8m", "11m", "credit-error_rate")
    assert run(file(model, ERRORS, expected)).ok
    segment = ERRORS + 'segment = "country=FR"\n'
    assert run(file(model, segment)).ok, "segments are not what default rules are about"
    rule = '[[rules]]\nname = "mine"\ncondition = "error_rate > 0.1"\n'
    labels = 'labels = {segment = "country=FR", model_version = "1"}'
    assert run(file(rule, segment, episode("3m", "11m", "mine", labels))).ok


def test_a_severer_level_is_an_episode_of_its_own() -> None:
    series = """
model_name = "credit"
window = "1d"
values = { drifted_features = "0 1 4 4 0", drift_share = "0 0.1 0.4 0.4 0" }
"""
    info, warning = 'severity = "info"', 'severity = "warning"'
    both = episode("1d", "2d", "data-drift", info) + episode("2d", "4d", "data-drift", warning)
    assert run(file(series=series, expected=both)).ok
    checks = check("1d", rule="data-drift", more=info)
    assert not run(file(series=series, expected=checks)).ok, "the second one is expected by nobody"
    assert run(file(series=series, expected=checks + check("3d", rule="data-drift"))).ok


def test_only_the_rules_that_are_named_are_judged() -> None:
    assert run(file(series=ERRORS, more='rules = ["lat*", "accuracy-drop"]')).ok
    assert not run(file(series=ERRORS, more='rules = ["error-*"]')).ok


def test_a_test_starts_when_it_says() -> None:
    expected = episode("8m", "11m") + check("2026-03-01T00:08:00Z")
    assert run(file(series=ERRORS, expected=expected, more="start = 2026-03-01T00:00:00Z")).ok
    assert run(file(series=ERRORS, expected=expected, more="start = 2026-03-01")).ok


# -- recorded reports ------------------------------------------------------------------------------


def recorded(expected: str, more: str = "") -> str:
    return file(expected=expected, more=f'reports = "r.jsonl"\n{more}')


def test_recorded_reports_count_from_the_end_of_the_first(make_report: Any) -> None:
    reports = [make_report(minute, metrics={"error_rate": 0.2}) for minute in range(7)]
    assert run(recorded(episode("5m")), reports).ok
    assert run(recorded(episode("2026-09-21T15:05:00Z")), reports).ok
    assert run(recorded(episode("6m"), 'start = "2026-09-21T14:59:00Z"'), reports).ok


def test_a_revision_is_judged_and_what_is_older_is_not(make_report: Any) -> None:
    at = {"window": "1h", "size_ms": 60 * MINUTE_MS}
    good, bad = {"type_mismatch_rate": 0.0}, {"type_mismatch_rate": 0.9}
    reports = [
        make_report(0, **at, metrics=good, revision=1),
        make_report(0, **at, metrics=bad, revision=2),
        make_report(60, **at, metrics=good),
        make_report(0, **at, metrics=bad, revision=3),
    ]
    assert run(recorded(episode("0m", "60m", "data-quality")), reports).ok


def test_a_window_before_one_that_was_judged_is_not(make_report: Any) -> None:
    at = {"window": "1h", "size_ms": 60 * MINUTE_MS}
    reports = [
        make_report(60, **at, metrics={"type_mismatch_rate": 0.0}),
        make_report(0, **at, metrics={"type_mismatch_rate": 0.9}),
    ]
    assert run(recorded("episodes = []"), reports).ok
    assert not run(recorded("episodes = []"), reports[::-1]).ok


def test_recorded_reports_tell_of_the_baseline_how_far_they_are_from_it(make_report: Any) -> None:
    at = {"window": "1d", "size_ms": DAY_MS, "label_count": 100}
    metrics = {"accuracy": 0.8, "accuracy_change": -0.15, "label_coverage": 1.0}
    says = 'summary = "fell from 0.95 to 0.8"'
    expected = episode("0m", rule="accuracy-drop", more=says)
    assert run(recorded(expected), [make_report(**at, metrics=metrics)]).ok
    given = "baseline = { accuracy = 0.85 }"
    assert run(recorded("episodes = []", given), [make_report(**at, metrics=metrics)]).ok
    nothing = make_report(**at, metrics=metrics, baseline=None)
    assert run(recorded("episodes = []"), [nothing]).ok


# -- what can't be used ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no test: add [[tests]]"),
        ("tests = 3", "there is no test"),
        ("tests = [3]", "each of `tests` must be a table"),
        ("test = []", "unknown key `test`: did you mean `tests`?"),
        ("rule_files = 'a'\n[[tests]]", "`rule_files` must be a list of paths"),
        ("[[tests]]", "test 1 has no `name`: say what it shows"),
        ('[[tests]]\nname = ""', "`name`"),
        (file(series=ERRORS, more="serie = 1"), "test 'one': unknown key `serie`"),
        (file(series=ERRORS + "vales = 1"), "unknown key `series[0].vales`: did you mean `values`"),
        (file(expected="episodes = []"), "test 'one': give either `reports`, a file, or"),
        (file(series=ERRORS, more='reports = "x"'), "give either `reports`"),
        (file(series=ERRORS, expected=""), "nothing is expected: add"),
        (file(series=ERRORS, expected=check("8m", "fires")), "'fires' is not allowed"),
        (file(series=ERRORS, expected=check("soon")), "alert 1: `at`: 'soon' is no time"),
        (file(series=ERRORS, expected=episode("8m", "8m")), "`resolved_at` is not after"),
        (
            file(series=ERRORS, expected=check("8m", rule="eror-rate")),
            "alert 1: there is no rule 'eror-rate' that is judged here: did you mean `error-rate`?",
        ),
        (
            file(series=ERRORS, expected=episode("8m", rule="no-traffic")),
            "episode 1: no-traffic watches the running system, which no report tells",
        ),
        (file(series=ERRORS, more='rules = ["latncy"]'), "`rules`: there is no rule 'latncy'"),
        (
            file(series=ERRORS, expected=check("8m"), more='rules = ["latency"]'),
            "there is no rule 'error-rate' that is judged here: there are latency",
        ),
        (file(series=ERRORS, more="baseline = {error_rate = 1}"), "no baseline holds `error_rate`"),
        (file(series=ERRORS, more="baseline = {acuracy = 1}"), "did you mean `accuracy`?"),
        (file(series=ERRORS + "[[tests.series]]" + ERRORS), "series 2 has reports of the same"),
        (file(series=ERRORS.replace("error_rate", "latncy_ms")), "series 1: `values`: `latncy_ms`"),
        (file(series='model_name="a"\nwindow="5m"\ncount = "0"'), "each `count` is 0"),
        (file('[[rules]]\nname = "mine"\n', ERRORS), "rule 'mine': `metric` is needed"),
        (file(series=ERRORS) + file(series=ERRORS), "test 'one' is there twice: rename one"),
    ],
)
def test_one_sentence_says_why_a_file_cannot_be_used(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [None, 3, [], "tests"])
def test_other_documents_are_refused(document: Any) -> None:
    with pytest.raises(ConfigError, match="must hold a table"):
        parse_file(document)


def test_a_rule_is_in_one_of_the_files() -> None:
    rule = '[[rules]]\nname = "slow"\ncondition = "latency_ms > 1"\n'
    form = parse_file(tomllib.loads(file(rule, ERRORS)))
    other = parse_file(tomllib.loads(file(rule.replace("slow", "other"), ERRORS))).config
    both = joined("f", form, {"o.toml": other})
    assert [one.name for one in both.rules] == ["slow", "other"]
    with pytest.raises(ConfigError, match=r"rule 'slow' is in f and in o.toml: remove one"):
        joined("f", form, {"o.toml": form.config})
