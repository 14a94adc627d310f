"""The alert engine: reports and checks in, steps of alert state out.

Everything is decided by pure functions on what was read; one script applies it, and only if nothing
changed since. So any number of processes may evaluate the same report: it counts once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec
import redis
import structlog

from schemas.alerts import AlertEvent, Status
from schemas.baselines import Baseline
from schemas.metrics import WindowReport
from schemas.models import ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.checks import Look, Usual, check_lag, check_traffic
from stream.alerting.evaluate import Observation, labels_of, observe
from stream.alerting.figures import References, figures_of
from stream.alerting.judge import Mark, Series, Step, judge, series_name
from stream.alerting.maturity import rules_to_judge
from stream.alerting.retire import is_spoken_of, retired
from stream.alerting.rules import CHECKS, NO_TRAFFIC, PIPELINE_LAG, Rule, compile_rules
from stream.alerting.store import DAY_MS, AlertStore, History, NotRestoredError
from stream.alerting.watch import look_at, newest_input
from stream.state.client import RedisClient
from stream.state.keys import VersionId

STALE_MS = 3_600_000
"""Beyond the length of a window. The allowed lateness: what is as late as late events may be is
still news."""
_STEP_TRIES = 50
_OF_LABELS = ":labels"
"""Ends the name of the history of figures that rest on labels: it holds mature windows alone, and
reaches back from the newest of them, days behind that of the other figures."""

log = structlog.get_logger("alerts")


class Registered(Protocol):
    """What the engine reads of a registry's snapshot."""

    @property
    def rules(self) -> Mapping[str, RuleConfig]:
        """Rules by name."""

    @property
    def models(self) -> Mapping[str, ModelConfig]:
        """Configurations of models and versions."""

    @property
    def baselines(self) -> Mapping[str, Baseline]:
        """Baselines by id."""

    def model(self, version: VersionId) -> ModelConfig:
        """Return the configuration of a model version."""


class Registry(Protocol):
    """What the engine needs of the registry."""

    @property
    def version(self) -> int:
        """Rises with every change."""

    @property
    def snapshot(self) -> Registered:
        """What is registered now."""


class AlertEngine:
    """Evaluates reports and checks of one namespace.

    Parameters
    ----------
    client : Redis
    namespace : of everything
    registry : rules and baselines
    read_back : reads the last event of every alert from ``ml.alerts``
    now_ms : wall clock; for checks, and to judge whether input is stale
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        registry: Registry,
        read_back: Callable[[], list[AlertEvent]],
        now_ms: Callable[[], int],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._store = AlertStore(client, namespace)
        self._registry = registry
        self._read_back = read_back
        self._now_ms = now_ms
        self._rules: tuple[Rule, ...] = ()
        self._rules_version: int | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Rules that hold now."""
        version = self._registry.version
        if version != self._rules_version:
            snapshot = self._registry.snapshot
            self._rules = compile_rules(snapshot.rules.values(), snapshot.models.values())
            self._rules_version = version
        return self._rules

    def evaluate(self, report: WindowReport) -> Step:
        """Apply a report to the alerts of its series; again, it changes nothing.

        Returns
        -------
        Step
            What it changed.
        """
        told = [rule for rule in self.rules if rule.name not in CHECKS]
        rules = rules_to_judge(told, report, self._coverage_min(report))
        if not rules:
            return Step()
        name = series_name(labels_of(report))
        of_labels = [rule for rule in rules if rule.rests_on_labels]
        others = [rule for rule in rules if not rule.rests_on_labels]
        seen, history = self._observe(name, others, report)
        seen_of_labels, history_of_labels = self._observe(name + _OF_LABELS, of_labels, report)
        mark = Mark(report.window.end, report.revision)
        newest = newest_input(self._client, self._namespace, report)
        now_ms, fresh_ms = self._now_ms(), report.window.size_ms + STALE_MS
        stale = newest.is_stale(now_ms, fresh_ms, of_labels=False)
        stale_of_labels = newest.is_stale(now_ms, fresh_ms, of_labels=True)

        def decide(was: Series) -> Step:
            step = judge(was, seen, mark, stale, report)
            step.add(judge(was, seen_of_labels, mark, stale_of_labels, report))
            return step

        return self._apply(name, decide, history + history_of_labels)

    def _observe(
        self, history_name: str, rules: list[Rule], report: WindowReport
    ) -> tuple[list[tuple[Rule, list[Observation]]], tuple[History, ...]]:
        """Evaluate rules that share a history; also what of the report is to be added to it."""
        previous: Mapping[str, float] = {}
        history: tuple[History, ...] = ()
        metrics = sorted({metric for rule in rules for metric in rule.references})
        if metrics:
            previous = self._store.previous(history_name, report.window.end - DAY_MS)
            figures = figures_of(report, metrics)
            history = (History(history_name, report.window.end, report.revision, figures),)
        references = References(self._baseline(report), previous)
        return [(rule, observe(rule, report, references)) for rule in rules], history

    def tick(self, now_ms: int) -> None:
        """Run the checks that no report can tell, and end alerts whose rule is gone."""
        look, usual = look_at(self._client, self._namespace, now_ms)
        active = {(a.rule, a.labels.get("model_name")): a for a in self._store.active()}
        rules = {rule.name: rule for rule in self.rules}
        self._check(
            rules[PIPELINE_LAG], check_lag(rules[PIPELINE_LAG], look, self._namespace), look
        )
        for model, newest_ms in look.newest.items():
            silent = (NO_TRAFFIC, model) in active
            known = usual.get(model, Usual(newest_ms)).seen(newest_ms, count_gap=not silent)
            if known != usual.get(model):
                value = msgspec.json.encode(known)
                self._client.hset(self._store.keys.usual, model, value)
            rule = rules[NO_TRAFFIC]
            self._check(rule, check_traffic(rule, look, model, known), look)
        for alert in self._store.active():
            if not is_spoken_of(alert, self.rules):
                self._apply(series_name(alert.labels), partial(retired, alert))

    def _check(self, rule: Rule, seen: Observation | None, look: Look) -> None:
        if seen is None or not rule.is_about(seen.labels):
            return
        name, mark = series_name(seen.labels), Mark(look.now_ms, 0)
        self._apply(name, lambda was: judge(was, [(rule, [seen])], mark, stale=False))

    def _apply(
        self, name: str, decide: Callable[[Series], Step], histories: tuple[History, ...] = ()
    ) -> Step:
        """Decide on what is stored and store it, until nobody else did meanwhile."""
        for _ in range(_STEP_TRIES):
            was = self._store.read(name)
            step = decide(was)
            if step == Step() and not histories and self._store.is_restored:
                return step
            try:
                if self._store.apply(name, was.sequence, step, histories):
                    return step
            except NotRestoredError:
                self.restore()
        raise redis.RedisError(f"alert state of {name} kept changing; is Redis overloaded?")

    def restore(self) -> None:
        """Read ``ml.alerts`` back where Redis does not hold what it tells."""
        if self._store.is_restored:
            return
        events = self._read_back()
        self._store.restore(events)
        firing = sum(event.status is Status.FIRING for event in events)
        log.info("alerts_read_back", alerts=len(events), firing=firing)

    def _baseline(self, report: WindowReport) -> Baseline | None:
        if report.baseline is None:
            return None
        return self._registry.snapshot.baselines.get(report.baseline.id)

    def _coverage_min(self, report: WindowReport) -> float:
        version = VersionId(report.model_name, report.model_version)
        return self._registry.snapshot.model(version).labels.min_coverage
