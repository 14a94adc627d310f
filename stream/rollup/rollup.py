"""The rollup of one model version: read changed panes, show what is live, report what is final."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from schemas.metrics import WindowReport
from schemas.models import config_id
from schemas.windows import WindowSpec
from stream.registry import Registry
from stream.rollup.adoption import Adoption, Progress, Publisher
from stream.rollup.changed_panes import read_changed
from stream.rollup.comparison import histograms
from stream.rollup.concepts import ConceptRollup
from stream.rollup.finality import (
    live_end_ms,
    settled_from_ms,
)
from stream.rollup.history import History
from stream.rollup.labels import (
    LabelRollup,
    has_labels,
    shown_until_ms,
)
from stream.rollup.merge import decode_pane
from stream.rollup.provisional import Missing
from stream.rollup.quality import Metrics
from stream.rollup.readmodel import Decided, ReadModel
from stream.rollup.report import ReportContext, build_report, build_reports
from stream.rollup.standing import Standing, StandingReader
from stream.rollup.terms import (
    decision_terms,
    seasonal_hours,
    valid_at,
)
from stream.rollup.tracker import PaneTracker
from stream.rollup.with_labels import Callables, LabelContext
from stream.settings import Settings
from stream.state.client import RedisClient
from stream.state.keys import VersionId
from stream.state.store import StateStore
from stream.window.label_terms import seconds_of
from stream.window.panes import HOUR_MS, PaneId

ROLLED_AT_ONCE = 50
SEGMENTS_SHOWN_MS = 300
"""Time for live segments in one call: with many of them each is refreshed every few seconds."""
WINDOWS_AT_ONCE, REPORTED_MS = 1_000, 500
"""Final windows reported before the live view is refreshed, at most, and for how long. A log of a
year that is read at once has hundreds of thousands; choosing among them takes as long."""

Send = Callable[[list[WindowReport]], None]


class Rollup:
    """Rolls up model versions, one call each; what it keeps in memory can be read again.

    Parameters
    ----------
    settings, store, registry : as everywhere
    send : publishes final reports and returns when the broker has them
    publisher : publishes baselines and activations that nobody asked for
    now_ms : wall clock, for report spacing and ``updated_at`` only
    callables : installed performance metrics
    """

    def __init__(
        self,
        settings: Settings,
        client: RedisClient,
        registry: Registry,
        send: Send,
        publisher: Publisher,
        now_ms: Callable[[], int],
        callables: Callables,
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = StateStore(client, settings.namespace)
        self._read_model = ReadModel(client, settings.namespace)
        self._registry = registry
        self._send = send
        self._now_ms = now_ms
        self._standings = StandingReader(client, self._store.keys, registry, settings.worker)
        self._history = History(client, settings.namespace)
        self._adoption = Adoption(settings, client, publisher)
        self._labels = LabelRollup(client, self._store, callables, settings.worker)
        self._concepts = ConceptRollup(client, self._store.keys)
        self._trackers: dict[VersionId, PaneTracker] = {}

    def process(self, version: VersionId) -> bool:
        """Bring a model version up to date, or a good part of the way.

        Returns whether final windows are left to report: after a while the live view comes first.
        """
        now = self._standings.read(version, self._now_ms())
        if now is None:
            self._trackers.pop(version, None)
            self._labels.forget(version)
            return False
        tracker = self._refresh(now)
        labels = self._labels.refresh(version, now.specs, now.labels_dropped_until_ms)
        if not tracker.panes:
            return False
        terms = self._label_context(now, now.newest_ms + 1).terms
        closed_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        concept = self._concepts.follow(
            version, labels.own, now.config, terms, closed_ms, now.now_ms
        )
        self._show(now, tracker, concept)
        fence = self._fence(now)
        due = self._due(now, tracker, fence)
        looked_at, reports = self._final_reports(now, tracker, fence, due[:WINDOWS_AT_ONCE])
        revised = self._revised(now, tracker, fence)
        if reports or revised:
            self._send(reports + [report for _, _, of in revised for report in of])
            self._read_model.record_finals(reports, now.now_ms)
            self._history.add(reports)
        for end_ms, spec in due[:looked_at]:  # not before: sending may fail
            tracker.done(spec, end_ms)
            self._labels.done(version, spec, end_ms)
        for end_ms, spec, of in revised:
            self._read_model.record_finals(of, now.now_ms)
            self._labels.done(version, spec, end_ms)
        self._roll(now, tracker, fence)
        return looked_at < len(due) or len(revised) >= WINDOWS_AT_ONCE

    def _refresh(self, now: Standing) -> PaneTracker:
        """Read the panes that changed since the last call."""
        tracker = self._trackers.setdefault(now.version, PaneTracker())
        tracker.dropped_until_ms = now.dropped_until_ms
        keys, version = self._store.keys, now.version

        def take(pane: PaneId, rows: Mapping[bytes, bytes], at: int) -> None:
            tracker.put(pane, decode_pane(rows), at, now.specs)

        read_changed(self._client, keys.panes(version), partial(keys.pane, version), tracker, take)
        return tracker

    def _context(
        self, now: Standing, spec: WindowSpec, end_ms: int, *, final: bool
    ) -> ReportContext:
        """What the report of a window says beside its counts."""
        start_ms = end_ms - spec.size_ms
        compiled = valid_at(now.compiled, end_ms - 1)
        snapshot, references = self._registry.snapshot, self._standings.references
        return ReportContext(
            model=now.version.model,
            version=now.version.version,
            config_id=config_id(now.config),
            compiled=compiled,
            constraints=references.constraints_at(snapshot, now.version, end_ms - 1),
            terms=decision_terms(now.config, compiled, spec, end_ms) if final else None,
            hours=seasonal_hours(now.config, compiled, start_ms, end_ms),
            seen_until_ms=end_ms if final else now.watermark_ms,
            complete=start_ms >= now.seen_from_ms,
        )

    def _show(self, now: Standing, tracker: PaneTracker, concept: Metrics) -> None:
        """Write the live windows."""
        extra: Metrics = {"watermark": now.watermark_ms}
        missing = self._adopt(now, tracker)
        if missing is not None:
            extra["baseline_events_missing"] = missing.events
            extra["baseline_span_missing_ms"] = missing.span_ms
        decided = self._read_model.decided(now.version)
        features: set[str] = set()
        segments: set[str] = set()
        for spec in now.specs:
            end_ms = live_end_ms(spec, now.newest_ms)
            counts = tracker.window(end_ms - spec.size_ms, end_ms)
            if counts is None:
                continue
            context = self._context(now, spec, end_ms, final=False)
            report = build_report(spec, end_ms, counts, context)
            features.update(report.features)
            bars = {} if context.compiled is None else histograms(context.compiled, counts)
            days = now.config.retention_days
            spikes = self._history.spikes(now.version, spec.name, report.metrics)
            shown, at = self._labelled(now, spec, report)
            beside = extra | spikes | at | (concept if spec.size_ms >= HOUR_MS else {})
            self._read_model.show_live(shown, bars, beside, decided, now.now_ms, days)
            segments.update(counts.segments)
            waiting = tracker.segments_to_show.setdefault(spec, {})
            waiting |= dict.fromkeys(sorted(counts.segments.keys() - waiting.keys()))
        windows = [spec.name for spec in now.specs]
        self._read_model.announce(now.version, windows, features, segments)
        self._show_segments(now, tracker, decided)

    def _adopt(self, now: Standing, tracker: PaneTracker) -> Missing | None:
        """Give the version a baseline and a plan, where one is due."""
        options = self._settings.worker
        closed_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        needed_ms = now.newest_append_ms + options.idle_timeout_ms
        settled_ms = tracker.settling.take(now.settling_ms, needed_ms, now.clock_ms)
        at = Progress(
            version=now.version,
            compiled=now.compiled,
            newest_ms=now.newest_ms,
            closed_ms=closed_ms,
            settled_ms=settled_ms - options.allowed_lateness_ms,
            append_ms=now.newest_append_ms,
        )
        return self._adoption.consider(self._registry.snapshot, at, tracker)

    def _show_segments(self, now: Standing, tracker: PaneTracker, decided: Decided | None) -> None:
        """Write live segments, in turn, for as long as the others can wait."""
        until_ms = self._now_ms() + SEGMENTS_SHOWN_MS
        for spec, waiting in tracker.segments_to_show.items():
            end_ms = live_end_ms(spec, now.newest_ms)
            counts = tracker.window(end_ms - spec.size_ms, end_ms)
            context = self._context(now, spec, end_ms, final=False)
            for segment in list(waiting) if counts is not None else []:
                if self._now_ms() > until_ms:
                    return
                del waiting[segment]
                part = counts.segments.get(segment) if counts is not None else None
                if part is None:
                    continue
                report = build_report(spec, end_ms, part, context, segment)
                shown, at = self._labelled(now, spec, report)
                extra: Metrics = {"watermark": now.watermark_ms, **at}
                days = now.config.retention_days
                self._read_model.show_live(shown, {}, extra, decided, now.now_ms, days)

    def _labelled(
        self, now: Standing, spec: WindowSpec, report: WindowReport
    ) -> tuple[WindowReport, dict[str, int]]:
        """Return a live report with the newest performance, and the end of that where it differs.

        Label panes are of hours: the performance of an hour is that of the last whole one.
        """
        end_ms = shown_until_ms(report.window.end)
        if spec.size_ms < HOUR_MS:
            return report, {}
        start_ms = end_ms - spec.size_ms
        shown = self._labels.add(now.version, [report], self._label_context(now, end_ms), start_ms)
        at = {} if end_ms == report.window.end else {"performance_window_end": end_ms}
        return shown[0], at if shown[0] is not report else {}

    def _label_context(self, now: Standing, end_ms: int) -> LabelContext:
        compiled = valid_at(now.compiled, end_ms - 1)
        return self._labels.context(now.config, compiled, now.compiled)

    def _due(
        self, now: Standing, tracker: PaneTracker, fence: Mapping[str, tuple[int, int]]
    ) -> list[tuple[int, WindowSpec]]:
        """Return final windows that are new or changed, and not reported just now, oldest first."""
        closing_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        again_ms = self._settings.worker.report_again_ms
        due = []
        for spec in now.specs:
            for end_ms in tracker.due_until(spec, closing_ms):
                reported = fence.get(f"{spec.name}:{end_ms}")
                if reported is None or now.now_ms - reported[1] >= again_ms:
                    due.append((end_ms, spec))
        return sorted(due)

    def _revised(
        self,
        now: Standing,
        tracker: PaneTracker,
        fence: Mapping[str, tuple[int, int]],
    ) -> list[tuple[int, WindowSpec, list[WindowReport]]]:
        """Windows whose labels changed, with their reports where these say more than before."""
        closing_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        horizon_ms = seconds_of(now.config.labels.join_horizon) * 1000
        out: list[tuple[int, WindowSpec, list[WindowReport]]] = []
        waiting = self._labels.due(now.version, closing_ms, now.newest_append_ms, horizon_ms)
        for end_ms, spec, spacing_ms in waiting:
            reported = fence.get(f"{spec.name}:{end_ms}", (-1, 0))
            if end_ms in tracker.due.get(spec, ()) or now.now_ms - reported[1] < spacing_ms:
                continue
            if len(out) >= WINDOWS_AT_ONCE:
                break
            reports: list[WindowReport] = []
            start_ms = end_ms - spec.size_ms
            if reported[0] >= 0:
                before = self._labels.kept(now.version, spec, end_ms)
                count = before[0].count if before else 0
                revision = count + self._labels.revision(now.version, start_ms, end_ms)
                if before and revision > reported[0]:
                    context = self._label_context(now, end_ms)
                    reports = self._labels.add(now.version, before, context, start_ms)
            out.append((end_ms, spec, reports))
        return out

    def _fence(self, now: Standing) -> dict[str, tuple[int, int]]:
        """Read what was reported: revision and time by window."""
        raw = self._client.hgetall(self._store.keys.fence(now.version))
        fence = {}
        for name, value in raw.items():
            revision, reported_ms = value.split()
            fence[name.decode()] = (int(revision), int(reported_ms))
        return fence

    def _final_reports(
        self,
        now: Standing,
        tracker: PaneTracker,
        fence: Mapping[str, tuple[int, int]],
        due: Sequence[tuple[int, WindowSpec]],
    ) -> tuple[int, list[WindowReport]]:
        """Compute the reports of due windows that say more than what was reported, for a while.

        A window that is empty, or whose panes are rolled up, has none.

        Returns
        -------
        How many windows were looked at, and the reports.
        """
        until_ms = self._now_ms() + REPORTED_MS
        reports: list[WindowReport] = []
        for number, (end_ms, spec) in enumerate(due):
            if self._now_ms() > until_ms:
                return number, reports
            counts = tracker.window(end_ms - spec.size_ms, end_ms)
            if counts is None or counts.count == 0:
                continue
            reported = fence.get(f"{spec.name}:{end_ms}")
            start_ms = end_ms - spec.size_ms
            labelled = has_labels(spec, end_ms)
            revision = counts.count
            if labelled:
                revision += self._labels.revision(now.version, start_ms, end_ms)
            if reported is not None and revision <= reported[0]:
                continue
            made = build_reports(spec, end_ms, counts, self._context(now, spec, end_ms, final=True))
            if labelled:
                self._labels.keep(now.version, made, now.config, now.newest_append_ms)
                context = self._label_context(now, end_ms)
                made = self._labels.add(now.version, made, context, start_ms)
            reports += made
        return len(due), reports

    def _roll(
        self, now: Standing, tracker: PaneTracker, fence: Mapping[str, tuple[int, int]]
    ) -> None:
        """Roll settled panes into the next size, and drop those that no window needs."""
        options = self._settings.worker
        needed_ms = now.newest_append_ms + options.idle_timeout_ms
        settled_ms = tracker.settling.take(now.settling_ms, needed_ms, now.clock_ms)
        settled = [
            pane
            for pane in sorted(tracker.panes)
            if settled_from_ms(pane, now.specs, options.allowed_lateness_ms) <= settled_ms
            and not tracker.is_due_in(pane, now.specs)
        ]
        for first in range(0, len(settled), ROLLED_AT_ONCE):
            self._store.roll(now.version, settled[first : first + ROLLED_AT_ONCE])
        closed_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        clock_ms = min(now.clock_ms, now.label_clock_ms)
        self._labels.roll(now.version, now.specs, closed_ms, clock_ms, now.now_ms)
        stale = tracker.out_of_reach(fence, now.specs)
        if stale:
            kept = self._labels.windows_kept(now.version)
            stale = [name for name in stale if name not in kept]
        if stale:
            self._client.hdel(self._store.keys.fence(now.version), *stale)
