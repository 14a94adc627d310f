"""The product's own path over a log, in memory: decode → count → panes → reports → alerts.

A window is judged once, when no event can join it any more: the running system publishes it as soon
as it ends and again when late events come, and this is the last of these reports. Which events are
too late, by which plan each one is counted, what is in a report and what fires is decided by the
very functions that workers and agents call.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from schemas.metrics import WindowReport
from schemas.models import ModelConfig, config_id
from schemas.windows import WindowSpec
from stream.alerting.rules import compile_rules
from stream.backtest.alarms import Alarms
from stream.backtest.learning import Sample
from stream.backtest.log import Log
from stream.backtest.needs import Need, looks_at_segments, need_of
from stream.backtest.outcome import Outcome, Refusals, VersionOutcome
from stream.backtest.register import Register
from stream.backtest.windows import VersionWindows
from stream.ingest.progress import Progress
from stream.ingest.records import Record
from stream.ingest.step import Clocks, Delta, add_records
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.finality import settling_ms
from stream.rollup.report import ReportContext, build_reports
from stream.rollup.terms import (
    References,
    all_specs,
    decision_terms,
    seasonal_hours,
    valid_at,
)
from stream.settings import Settings
from stream.state.keys import PartitionId, VersionId

ROLLED_EVERY_PANES = 64
"""Panes are rolled up when so many are new: looking for settled ones costs as much as adding."""

TakeReport = Callable[[WindowReport], None]


class _Version:
    """One model version at this point of the log."""

    def __init__(self, sample: Sample, windows: VersionWindows, outcome: VersionOutcome) -> None:
        self.sample = sample
        self.windows = windows
        self.outcome = outcome
        self.rolled_panes = 0


class Backtest:
    """Runs one log; feed it with `add`, then `finish` it.

    Parameters
    ----------
    settings : event time and bounds, as the worker has them
    log : what is read, for the places of records and how far it goes
    register : models, plans and baselines
    take_report : gets every report of every window; without it only those that rules look at are
        computed
    """

    def __init__(
        self,
        settings: Settings,
        log: Log,
        register: Register,
        take_report: TakeReport | None = None,
    ) -> None:
        options = settings.worker
        self._settings = settings
        self._log = log
        self._register = register
        self._take_report = take_report
        self._clocks = Clocks(
            options.disorder_ms, options.allowed_lateness_ms, options.future_skew_ms_max
        )
        snapshot = register.snapshot
        rules = compile_rules(snapshot.rules.values(), snapshot.models.values())
        self._alarms = Alarms(rules)
        self._segments = looks_at_segments(self._alarms.rules)
        self._needs: dict[tuple[str, bool], Need] = {}
        self._config_ids: dict[VersionId, str] = {}
        self._references = References()
        self._versions: dict[VersionId, _Version] = {}
        self._progress = {
            number: Progress(log.name, PartitionId(log.name, number), 0, 0, 0, {})
            for number in log.partitions
        }
        self.outcome = Outcome()

    # -- counting --------------------------------------------------------------------------------

    def add(self, records: Sequence[Record]) -> None:
        """Count records, in the order of the log, and judge the windows they close."""
        delta = self._counted(records)
        clock_ms = max(at.clock_ms for at in self._progress.values())
        for at in self._progress.values():  # nothing of theirs comes before this any more
            at.clock_ms = clock_ms
        self._refuse(delta)
        for version, panes in delta.panes.items():
            known = self._version(version, min(pane.start_ms for pane in panes))
            specs = self._specs(version)
            for pane, counted in panes.items():
                known.windows.add(pane, counted, specs)
            self._learn(version, known, delta)
        for version in delta.panes:
            known = self._versions[version]
            settled_ms = self._settled_ms(version)
            self._judge(version, known, settled_ms - self._settings.worker.allowed_lateness_ms)
            self._roll(version, known, settled_ms)

    def _counted(self, records: Sequence[Record]) -> Delta:
        """Count records into a delta of their own, again where they bring versions to know."""
        while True:
            delta = Delta()
            progress = {number: _copy(at) for number, at in self._progress.items()}
            add_records(
                delta,
                records,
                progress,
                self._register.decoder,
                self._register.plans,
                self._clocks,
            )
            if not self._register.meet(delta):
                self._progress = progress
                return delta

    def _refuse(self, delta: Delta) -> None:
        for refused in delta.refused:
            reason = refused.rejected.reason
            known = self.outcome.refused.get(reason)
            if known is None:
                place = self._log.place(refused.record)
                self.outcome.refused[reason] = Refusals(1, place, refused.rejected.detail)
            else:
                known.count += 1

    def _version(self, version: VersionId, first_ms: int) -> _Version:
        known = self._versions.get(version)
        newest_ms = self._newest_ms(version)
        if known is None:
            outcome = VersionOutcome(first_ms, newest_ms)
            self.outcome.versions[version] = outcome
            sample = Sample(self._settings)
            known = _Version(sample, VersionWindows(segments=self._segments), outcome)
            self._versions[version] = known
        known.outcome.first_ms = min(known.outcome.first_ms, first_ms)
        known.outcome.last_ms = newest_ms
        return known

    def _learn(self, version: VersionId, known: _Version, delta: Delta) -> None:
        """Learn a baseline where the version has none and there is enough of it."""
        if not self._register.plans.learns(version):
            known.outcome.has_baseline = True
            return
        bound = known.sample.add(delta.samples.get(version, ()))
        if bound is not None:
            self._register.bound_sample(version, bound)
        newest_ms = known.outcome.last_ms
        config = self._register.snapshot.model(version)
        baseline = known.sample.learn(version, config, newest_ms)
        known.outcome.problem = known.sample.problem
        if baseline is not None:
            from_ms = self._register.learned(version, baseline, newest_ms)
            known.outcome.provisional_from_ms = from_ms
            known.outcome.has_baseline = True

    # -- event time ------------------------------------------------------------------------------

    def _newest_ms(self, version: VersionId) -> int:
        marks = (at.watermarks.get(version) for at in self._progress.values())
        return max(mark.event_ms for mark in marks if mark is not None)

    def _settled_ms(self, version: VersionId) -> int:
        """Event time behind which the version's events are late, allowed lateness aside."""
        options = self._settings.worker
        return settling_ms(
            {
                at.partition: at.watermarks[version]
                for at in self._progress.values()
                if version in at.watermarks
            },
            {at.partition: at.clock_ms for at in self._progress.values()},
            options.disorder_ms,
            options.idle_timeout_ms,
            options.allowed_lateness_ms,
        )

    # -- judging ---------------------------------------------------------------------------------

    def finish(self) -> Outcome:
        """Judge what is left, of windows that ended before the log did, and return everything."""
        for version, known in self._versions.items():
            self._judge(version, known, self._log.until_ms)
            known.outcome.open_windows = known.windows.open_windows()
        for at in self._progress.values():
            for book, count in at.books.items():
                self.outcome.books[book] = self.outcome.books.get(book, 0) + count
        return self.outcome

    def _specs(self, version: VersionId) -> tuple[WindowSpec, ...]:
        snapshot = self._register.snapshot
        return all_specs(snapshot.model(version), self._references.of(snapshot, version))

    def _judge(self, version: VersionId, known: _Version, closing_ms: int) -> None:
        """Report the windows that ended by then, and apply the reports to the alerts."""
        due = known.windows.take_due(self._specs(version), closing_ms)
        if not due:
            return
        compiled = self._references.of(self._register.snapshot, version)
        config = self._register.snapshot.model(version)
        for end_ms, spec in due:
            context = self._context(version, config, compiled, spec, end_ms)
            need = self._need(spec, decides=context.terms is not None)
            if need is Need.NOTHING:
                continue
            if need is Need.TRAFFIC and self._take_traffic(known, spec, end_ms, context):
                continue
            counts = known.windows.whole(spec, end_ms)
            if counts is None:
                continue
            reports = build_reports(spec, end_ms, counts, context)
            self._take(reports, context)
            self._count(known.outcome, reports[0], context)

    def _need(self, spec: WindowSpec, *, decides: bool) -> Need:
        if self._take_report is not None:
            return Need.ALL
        key = (spec.name, decides)
        if key not in self._needs:
            self._needs[key] = need_of(self._alarms.rules, spec.name, decides=decides)
        return self._needs[key]

    def _context(
        self,
        version: VersionId,
        config: ModelConfig,
        compiled: list[CompiledBaseline],
        spec: WindowSpec,
        end_ms: int,
    ) -> ReportContext:
        start_ms = end_ms - spec.size_ms
        valid = valid_at(compiled, end_ms - 1)
        snapshot = self._register.snapshot
        return ReportContext(
            model=version.model,
            version=version.version,
            config_id=self._config_id(version, config),
            compiled=valid,
            constraints=self._references.constraints_at(snapshot, version, end_ms - 1),
            terms=decision_terms(config, valid, spec, end_ms),
            hours=seasonal_hours(config, valid, start_ms, end_ms),
            seen_until_ms=end_ms,
            complete=start_ms >= self._log.seen_from_ms,
        )

    def _config_id(self, version: VersionId, config: ModelConfig) -> str:
        if version not in self._config_ids:
            self._config_ids[version] = config_id(config)
        return self._config_ids[version]

    def _take_traffic(
        self, known: _Version, spec: WindowSpec, end_ms: int, context: ReportContext
    ) -> bool:
        """Judge a window by its traffic alone; False where an event of an alert comes of it.

        The event names the report it rests on, which has to be the whole one then.
        """
        counts = known.windows.traffic(spec, end_ms)
        if counts is None:
            return True
        baseline = None if context.compiled is None else context.compiled.baseline
        bare = replace(context, compiled=None, constraints=None)
        reports = build_reports(spec, end_ms, counts, bare)
        steps = [self._alarms.look(report, baseline) for report in reports]
        if any(step.entries for step in steps):
            return False
        for report, step in zip(reports, steps, strict=True):
            self._alarms.apply(report, step)
        self._count(known.outcome, reports[0], context)
        return True

    def _take(self, reports: Iterable[WindowReport], context: ReportContext) -> None:
        baseline = None if context.compiled is None else context.compiled.baseline
        for report in reports:
            if self._take_report is not None:
                self._take_report(report)
            step = self._alarms.look(report, baseline)
            self.outcome.alerts += self._alarms.apply(report, step)

    def _count(self, outcome: VersionOutcome, report: WindowReport, context: ReportContext) -> None:
        name = report.window.name
        outcome.windows[name] = outcome.windows.get(name, 0) + 1
        if context.terms is None or "drift_share" not in report.metrics:
            return
        outcome.decisions += 1
        outcome.expected_false += context.terms.alpha
        found = (report.metrics.get(name) for name in ("drifted_features", "prediction_drifted"))
        outcome.drifted += any(found)

    def _roll(self, version: VersionId, known: _Version, settled_ms: int) -> None:
        if len(known.windows) < known.rolled_panes + ROLLED_EVERY_PANES:
            return
        lateness_ms = self._settings.worker.allowed_lateness_ms
        known.windows.roll(self._specs(version), settled_ms, lateness_ms)
        known.rolled_panes = len(known.windows)


def _copy(at: Progress) -> Progress:
    return replace(
        at, watermarks=dict(at.watermarks), books=dict(at.books), touched=set(at.touched)
    )
