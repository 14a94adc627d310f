"""Unit tests of rules: reports in, what fires and what was expected out. Pure.

Reports go through the functions that the alert engine calls, with state in memory. What goes by
the clock of the running system no report can tell, and it is not tested here: silence, lag, and
figures that are missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from schemas.baselines import Baseline
from schemas.config import ConfigFile
from schemas.metric_names import METRIC_ALIASES
from schemas.metrics import WindowReport
from schemas.models import LabelsConfig, ModelConfig
from stream.alerting.availability import baseline_holds, why_in_no_report
from stream.alerting.evaluate import labels_of, observe
from stream.alerting.figures import References, figures_of, matches
from stream.alerting.judge import Mark, Series, judge, series_name
from stream.alerting.maturity import rules_to_judge
from stream.alerting.rules import CHECKS, Rule, compile_rules
from stream.alerting.unit_test_expect import (
    Check,
    Expected,
    ExpectedEpisode,
    Outcome,
    Timeline,
    compared,
)
from stream.alerting.unit_test_form import (
    NONE,
    ConfigError,
    FileForm,
    UnitTestForm,
    moment_after,
)
from stream.alerting.unit_test_series import reports_of
from stream.window.panes import DAY_MS

START_MS = 20_454 * DAY_MS
"""2026-01-01, a Thursday as the first day of 1970: windows of a day and of a week end here."""


@dataclass(frozen=True, slots=True)
class UnitTest:
    """One test, ready to run.

    Attributes
    ----------
    name : what it shows
    rules : to judge
    models : configured ones
    reports : in the order in which they are judged
    start_ms : what durations count from, epoch ms
    baseline : figures of it, by name
    checks : what stands when
    episodes : all that are to fire; None is those that the checks speak of
    """

    name: str
    rules: tuple[Rule, ...]
    models: tuple[ModelConfig, ...]
    reports: tuple[WindowReport, ...]
    start_ms: int
    baseline: Mapping[str, float]
    checks: tuple[Check, ...]
    episodes: tuple[ExpectedEpisode, ...] | None


def joined(file: str, form: FileForm, others: Mapping[str, ConfigFile]) -> ConfigFile:
    """Return the models and rules that a file tests.

    Parameters
    ----------
    file : its name, for errors
    form : as written
    others : its ``rule_files``, read, by name

    Raises
    ------
    ConfigError
        Where one is in two files.
    """
    found: dict[str, str] = {}
    for name, config in {file: form.config, **others}.items():
        keys = [f"rule {rule.name!r}" for rule in config.rules]
        keys += [f"model {m.model_name!r} version {m.model_version!r}" for m in config.models]
        for key in keys:
            if key in found:
                raise ConfigError(f"{key} is in {found[key]} and in {name}: remove one")
            found[key] = name
    configs = (form.config, *others.values())
    return ConfigFile(
        models=tuple(model for config in configs for model in config.models),
        rules=tuple(rule for config in configs for rule in config.rules),
    )


def make_test(
    form: UnitTestForm, config: ConfigFile, recorded: Sequence[WindowReport] = ()
) -> UnitTest:
    """Make a test of what is written.

    Parameters
    ----------
    form : as written
    config : models and rules that are tested
    recorded : reports of its file, where it names one

    Raises
    ------
    ConfigError
        For what can't be: a rule or a figure that there is not, reports that there never are.
    """
    where = f"test {form.name!r}"
    rules = _rules(form, compile_rules(config.rules, config.models), where)
    first_ms = min((report.window.end for report in recorded), default=START_MS)
    start_ms = first_ms
    if form.start is not None:
        start_ms = moment_after(form.start, first_ms, f"{where}: `start`")
    expecting = _Expecting(where, start_ms, rules)
    return UnitTest(
        name=form.name,
        rules=rules,
        models=config.models,
        reports=tuple(recorded) or _reports(form, config.models, start_ms, where),
        start_ms=start_ms,
        baseline=_baseline(form, where),
        checks=expecting.checks(form),
        episodes=expecting.episodes(form),
    )


def run_test(test: UnitTest) -> Outcome:
    """Judge the reports of a test, and compare what fires with what is expected."""
    timeline = Timeline()
    memory = _Memory(test)
    for report in test.reports:
        memory.take(report, timeline)
    return compared(test.name, test.start_ms, timeline, test.checks, test.episodes)


def _rules(form: UnitTestForm, known: Iterable[Rule], where: str) -> tuple[Rule, ...]:
    told = [rule for rule in known if rule.name not in CHECKS]
    for pattern in form.rules:
        _check_rule(pattern, told, f"{where}: `rules`")
    return tuple(
        rule
        for rule in told
        if not form.rules or any(matches(pattern, rule.name) for pattern in form.rules)
    )


def _check_rule(pattern: str, rules: Sequence[Rule], where: str) -> None:
    if any(matches(pattern, rule.name) for rule in rules):
        return
    if pattern in CHECKS:
        raise ConfigError(f"{where}: {pattern} watches the running system, which no report tells")
    names = sorted({rule.name for rule in rules})
    near = get_close_matches(pattern, names, n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
    raise ConfigError(f"{where}: there is no rule {pattern!r} that is judged here: {advice}")


def _reports(
    form: UnitTestForm, models: Sequence[ModelConfig], start_ms: int, where: str
) -> tuple[WindowReport, ...]:
    """Write the reports of all series, in the order of their ends."""
    reports: list[WindowReport] = []
    seen: dict[tuple[str, int], int] = {}
    for number, series in enumerate(form.series, start=1):
        at = f"{where}: series {number}"
        for report in reports_of(series, start_ms, models, bool(form.baseline), at):
            before = seen.setdefault((series_name(labels_of(report)), report.window.end), number)
            if before != number:
                raise ConfigError(
                    f"{at} has reports of the same windows as series {before}: put their figures"
                    " into one"
                )
            reports.append(report)
    if not reports:
        raise ConfigError(f"{where}: there is no report: each `count` is 0")
    return tuple(sorted(reports, key=lambda report: report.window.end))


def _baseline(form: UnitTestForm, where: str) -> dict[str, float]:
    figures = {METRIC_ALIASES.get(name, name): value for name, value in form.baseline.items()}
    for name in figures:
        if not baseline_holds(name):
            why = why_in_no_report(name) or f"no baseline holds `{name}`"
            raise ConfigError(f"{where}: `baseline`: {why}")
    return figures


@dataclass(frozen=True, slots=True)
class _Expecting:
    """Reads what a test expects."""

    where: str
    start_ms: int
    rules: tuple[Rule, ...]

    def checks(self, form: UnitTestForm) -> tuple[Check, ...]:
        """Put alerts that are to stand at one time, of one rule, together."""
        groups: dict[tuple[int, str], list[Expected]] = {}
        for number, one in enumerate(form.alerts, start=1):
            where = f"{self.where}: alert {number}"
            _check_rule(one.rule, self.rules, where)
            at_ms = moment_after(one.at, self.start_ms, f"{where}: `at`")
            status = None if one.status == NONE else one.status
            expected = Expected(one.labels, status, one.severity, one.summary)
            groups.setdefault((at_ms, one.rule), []).append(expected)
        return tuple(Check(at_ms, rule, tuple(of)) for (at_ms, rule), of in groups.items())

    def episodes(self, form: UnitTestForm) -> tuple[ExpectedEpisode, ...] | None:
        """Read the episodes, where any are listed."""
        if form.episodes is None:
            return None
        found = []
        for number, one in enumerate(form.episodes, start=1):
            where = f"{self.where}: episode {number}"
            _check_rule(one.rule, self.rules, where)
            fired_ms = moment_after(one.fires_at, self.start_ms, f"{where}: `fires_at`")
            ended_ms = None
            if one.resolved_at is not None:
                at = f"{where}: `resolved_at`"
                ended_ms = moment_after(one.resolved_at, self.start_ms, at)
                if ended_ms <= fired_ms:
                    raise ConfigError(f"{at} is not after `fires_at`")
            expected = Expected(one.labels, None, one.severity, one.summary)
            found.append(ExpectedEpisode(one.rule, fired_ms, ended_ms, expected))
        return tuple(found)


class _Memory:
    """Where alerts stand; steps as `stream.alerting.engine` takes them."""

    def __init__(self, test: UnitTest) -> None:
        self._test = test
        self._series: dict[str, Series] = {}
        self._history: dict[str, dict[int, tuple[int, dict[str, float]]]] = {}

    def take(self, report: WindowReport, timeline: Timeline) -> None:
        """Judge a report by all rules, and write down what changes."""
        name = series_name(labels_of(report))
        rules = rules_to_judge(self._test.rules, report, self._coverage_min(report))
        seen = []
        # Figures that rest on labels have a history of their own, of mature windows alone.
        for of_labels in (False, True):
            some = [rule for rule in rules if rule.rests_on_labels is of_labels]
            references = self._references(f"{name}{':labels' if of_labels else ''}", some, report)
            seen += [(rule, observe(rule, report, references)) for rule in some]
        was = self._series.get(name, Series())
        mark = Mark(report.window.end, report.revision)
        step = judge(was, seen, mark, stale=False, report=report)
        self._series[name] = was.after(step)
        timeline.add(report.window.end, step)

    def _references(self, name: str, rules: Sequence[Rule], report: WindowReport) -> References:
        """Return what conditions compare with, and keep what later ones will."""
        metrics = sorted({metric for rule in rules for metric in rule.references})
        kept = self._history.setdefault(name, {})
        end_ms, revision = report.window.end, report.revision
        _, previous = kept.get(end_ms - DAY_MS, (0, {}))
        if metrics and kept.get(end_ms, (0, {}))[0] <= revision:
            kept[end_ms] = (revision, figures_of(report, metrics))
        return References(self._baseline(report), previous)

    def _baseline(self, report: WindowReport) -> Baseline | None:
        """Return the baseline of a report: what it tells of it, and what the test does."""
        if report.baseline is None:
            return None
        told = {
            name: value - report.metrics[f"{name}_change"]
            for name, value in report.metrics.items()
            if f"{name}_change" in report.metrics
        }
        return Baseline(
            model_name=report.model_name,
            model_version=report.model_version,
            rows=report.baseline.rows,
            features={},
            figures={**told, **self._test.baseline},
        )

    def _coverage_min(self, report: WindowReport) -> float:
        of = {m.model_version: m for m in self._test.models if m.model_name == report.model_name}
        model = of.get(report.model_version, of.get("*"))
        return (LabelsConfig() if model is None else model.labels).min_coverage
