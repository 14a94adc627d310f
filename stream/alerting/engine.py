"""The alert engine: reports and checks in, steps of alert state out.

Everything is decided by pure functions on what was read; one script applies it, and only if nothing
changed since. So any number of processes may evaluate the same report: it counts once.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec
import redis
import structlog

from schemas.alerts import AlertEvent, Status, fingerprint
from schemas.baselines import Baseline
from schemas.metrics import WindowReport
from schemas.models import ModelConfig
from schemas.rules import NoData, RuleConfig
from schemas.sent_alerts import SentAlert
from stream.alerting import outside
from stream.alerting.absence import SLACK_MS, data_field, judge_absence, judge_presence
from stream.alerting.absences import Absences, Missing
from stream.alerting.checks import Look, Usual, check_lag, check_traffic
from stream.alerting.evaluate import Observation, labels_of, observe
from stream.alerting.figures import References, figures_of
from stream.alerting.judge import (
    Entry,
    Mark,
    Series,
    Step,
    judge,
    sent_series,
    series_name,
    series_of,
)
from stream.alerting.losses import entry_after_loss
from stream.alerting.maturity import rules_to_judge
from stream.alerting.retire import is_spoken_of, retired
from stream.alerting.rules import CHECKS, NO_TRAFFIC, PIPELINE_LAG, Rule, compile_rules
from stream.alerting.store import DAY_MS, AlertStore, History, NotRestoredError
from stream.alerting.topic import TopicAlert
from stream.alerting.transitions import Episode
from stream.alerting.watch import look_at, newest_input
from stream.state.client import RedisClient
from stream.state.keys import VersionId

STALE_MS = 3_600_000
"""Beyond the length of a window. The allowed lateness: what is as late as late events may be is
still news."""
RECENT_MS = 120_000
"""Redis, where it crashes, loses less: seconds, and as much again until a replica takes over. What
was reported or published since, or so shortly before alerts were last looked after, is looked at
again."""
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


class Topics(Protocol):
    """What the engine reads of what was published."""

    def read_back(self) -> list[TopicAlert]:
        """Read the last event of every alert."""

    def reports_since(self, at_ms: int) -> list[bytes]:
        """Read the reports that were published since a time."""


class AlertEngine:
    """Evaluates reports and checks of one namespace.

    Parameters
    ----------
    client : Redis
    namespace : of everything
    registry : rules and baselines
    topics : reads back what was published
    now_ms : wall clock; for checks, and to judge whether input is stale
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        registry: Registry,
        topics: Topics,
        now_ms: Callable[[], int],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._store = AlertStore(client, namespace)
        self._keys = self._store.keys
        self._absences = Absences(client, self._store.keys)
        self._registry = registry
        self._topics = topics
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
        rules = rules_to_judge(told, report, self._model(report).labels.min_coverage)
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

        asking = [rule for rule in rules if rule.no_data is not NoData.KEEP_LAST]

        def decide(was: Series) -> Step:
            # First this, so that a look that takes the figure to be missing is of an older series.
            newest = [rule.name for rule in asking if was.marks.get(rule.name, mark) <= mark]
            self._absences.saw(newest, asking, report, self._model(report), now_ms, stale)
            step = judge(was, seen, mark, stale, report)
            step.add(judge(was, seen_of_labels, mark, stale_of_labels, report))
            step.add(judge_presence(asking, report, was, step, stale))
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

    def take(self, sent: SentAlert) -> Step:
        """Take an alert from outside; again, it changes nothing.

        Returns
        -------
        Step
            What it changed.

        Raises
        ------
        ValueError
            When there is a rule of that name here: its alerts are its own.
        """
        if any(rule.name == sent.rule for rule in self.rules):
            raise ValueError(
                f"{sent.rule!r} is a rule of Streamgauge's own: send the alert by another name"
            )
        now_ms = self._now_ms()
        of = fingerprint(sent.rule, sent.labels)
        fires = outside.fires(sent, now_ms)
        if fires:  # first, so that it ends by itself whatever comes between
            self._store.expire(of, sent.ends_at)
        step = self._apply(sent_series(of), partial(outside.take, sent, now_ms))
        if not fires:
            self._store.expire(of, None)
        return step

    def tick(self, now_ms: int) -> None:
        """Run the checks that no report can tell, and end alerts of which nothing else tells."""
        self.restore()
        self._client.set(self._keys.ticked, now_ms)
        look, usual = look_at(self._client, self._namespace, now_ms)
        active = self._store.active()
        silent = {a.labels.get("model_name") for a in active if a.rule == NO_TRAFFIC}
        rules = {rule.name: rule for rule in self.rules}
        self._check(
            rules[PIPELINE_LAG], check_lag(rules[PIPELINE_LAG], look, self._namespace), look
        )
        for model, newest_ms in look.newest.items():
            known = usual.get(model, Usual(newest_ms)).seen(
                newest_ms, count_gap=model not in silent
            )
            if known != usual.get(model):
                value = msgspec.json.encode(known)
                self._client.hset(self._keys.usual, model, value)
            rule = rules[NO_TRAFFIC]
            self._check(rule, check_traffic(rule, look, model, known), look)
        until_ms = look.read_until_ms
        is_behind = until_ms is not None and now_ms - until_ms > SLACK_MS
        over: Mapping[str, str] = {}
        if not is_behind and self._absences.begin_look(now_ms):
            over = self._look_for_missing(active, now_ms)
        self._end(active, now_ms, over)
        self._absences.forget(over)

    def _look_for_missing(self, active: Sequence[AlertEvent], now_ms: int) -> Mapping[str, str]:
        """Judge what is missing; returns what is missed no more, and why."""
        missing, over = self._absences.look(self.rules, now_ms)
        for one in missing:
            about = [one.labels]
            if one.rule.no_data is NoData.OK:  # the alerts there are, of features perhaps
                found = [alert.labels for alert in active if alert.rule == one.rule.name]
                about = [of for of in found if one.labels.items() <= of.items()]
            for labels in about:
                decide = partial(self._judge_missing, one, labels, now_ms)
                self._apply(series_name(labels), decide)
        return over

    def _judge_missing(
        self, one: Missing, labels: Mapping[str, str], now_ms: int, was: Series
    ) -> Step:
        if not self._absences.is_missing(one):
            return Step()
        return judge_absence(one.rule, labels, one.last, now_ms, was)

    def _end(
        self, active: Iterable[AlertEvent], now_ms: int, missed_no_more: Mapping[str, str]
    ) -> None:
        """End alerts whose rule or figure is gone, and those that were not sent again."""
        expired = self._store.expired(now_ms)
        for alert in active:
            name = series_of(alert)
            if not is_spoken_of(alert, self.rules):
                why = f"there is no rule {alert.rule} for this any more"
                self._apply(name, partial(retired, alert, why))
            elif data_field(alert.rule, alert.labels) in missed_no_more:
                if alert.status in {Status.NO_DATA, Status.PENDING}:
                    why = missed_no_more[data_field(alert.rule, alert.labels)]
                    self._apply(name, partial(retired, alert, why))
            elif alert.fingerprint in expired:
                why = f"{alert.rule} was not sent again"
                self._apply(name, partial(retired, alert, why, at_ms=now_ms))
        self._store.forget_expired(now_ms)

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
                if self._store.apply(name, was, step, histories):
                    return step
            except NotRestoredError:
                self.restore()
        raise redis.RedisError(f"alert state of {name} kept changing; is Redis overloaded?")

    def restore(self) -> None:
        """Make sure that Redis knows what was published: it may have been emptied, or crashed.

        What ``ml.alerts`` tells and Redis does not is taken over; people are told of it where that
        was just now, since the telling may be lost, too. Then the last reports are judged again:
        those that were judged change nothing.
        """
        if self._store.is_restored:
            return
        since_ms = self._lost_since_ms()
        published = self._topics.read_back()
        recent = {one.event.id for one in published if one.published_ms >= since_ms}
        channels = {rule.name: rule.channels for rule in self.rules}

        def told(event: AlertEvent, known: Episode | None) -> Entry | None:
            return entry_after_loss(event, known, event.id in recent, channels.get(event.rule))

        ids = {of for one in published for of in (one.event.id, *one.before)}
        lost = self._store.restore((one.event for one in published), ids, told)
        if lost is None:
            return
        log.info("alerts_read_back", alerts=len(published), lost=lost)
        for value in self._topics.reports_since(since_ms):
            with contextlib.suppress(msgspec.DecodeError):  # said when it was first read
                self.evaluate(msgspec.json.decode(value, type=WindowReport))

    def _lost_since_ms(self) -> int:
        """Return from when on Redis may have lost what happened, and the telling of it."""
        ticked = self._client.get(self._keys.ticked)
        alive_ms = self._now_ms() if ticked is None else min(int(ticked), self._now_ms())
        return alive_ms - RECENT_MS

    def _baseline(self, report: WindowReport) -> Baseline | None:
        if report.baseline is None:
            return None
        return self._registry.snapshot.baselines.get(report.baseline.id)

    def _model(self, report: WindowReport) -> ModelConfig:
        version = VersionId(report.model_name, report.model_version)
        return self._registry.snapshot.model(version)
