"""The rollup of one model version: read changed panes, show what is live, report what is final."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.metrics import WindowReport
from schemas.models import ModelConfig, config_id
from schemas.windows import WindowSpec
from stream.registry import Registry
from stream.rollup.adoption import Adoption, Progress, Publisher
from stream.rollup.comparison import CompiledBaseline, histograms
from stream.rollup.finality import (
    closing_ms,
    live_end_ms,
    settled_from_ms,
    settling_ms,
)
from stream.rollup.history import History
from stream.rollup.merge import decode_pane
from stream.rollup.provisional import Missing
from stream.rollup.readmodel import Decided, ReadModel
from stream.rollup.report import ReportContext, build_report, build_reports
from stream.rollup.terms import (
    References,
    all_specs,
    decision_terms,
    seasonal_hours,
    valid_at,
)
from stream.rollup.tracker import PaneTracker
from stream.settings import Settings
from stream.state.client import RedisClient
from stream.state.keys import PartitionId, VersionId
from stream.state.store import StateStore, Watermark
from stream.window.panes import PaneId

REPORT_AGAIN_MS = 30_000
"""After its first report a window is reported again at most once in this time."""
PANES_READ_AT_ONCE = 200
ROLLED_AT_ONCE = 50
SEGMENTS_SHOWN_MS = 300
"""Time for live segments in one call: with many of them each is refreshed every few seconds."""
WINDOWS_AT_ONCE = 100
"""Final windows reported before the live view is refreshed: well below a second of work."""

Send = Callable[[list[WindowReport]], None]


@dataclass(frozen=True, slots=True)
class _Now:
    """What is known of a model version at one moment."""

    version: VersionId
    config: ModelConfig
    compiled: list[CompiledBaseline]
    specs: tuple[WindowSpec, ...]
    newest_ms: int
    watermark_ms: int
    closing_ms: int
    settling_ms: int
    newest_append_ms: int
    clock_ms: int
    seen_from_ms: int
    dropped_until_ms: int
    now_ms: int


class Rollup:
    """Rolls up model versions, one call each; what it keeps in memory can be read again.

    Parameters
    ----------
    settings, store, registry : as everywhere
    send : publishes final reports and returns when the broker has them
    publisher : publishes baselines and activations that nobody asked for
    now_ms : wall clock, for report spacing and ``updated_at`` only
    """

    def __init__(
        self,
        settings: Settings,
        client: RedisClient,
        registry: Registry,
        send: Send,
        publisher: Publisher,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = StateStore(client, settings.namespace)
        self._read_model = ReadModel(client, settings.namespace)
        self._registry = registry
        self._send = send
        self._now_ms = now_ms
        self._references = References()
        self._history = History(client, settings.namespace)
        self._adoption = Adoption(settings, client, publisher)
        self._trackers: dict[VersionId, PaneTracker] = {}

    def process(self, version: VersionId) -> bool:
        """Bring a model version up to date, or a good part of the way.

        Returns whether final windows are left to report: after a while the live view comes first.
        """
        now = self._look(version)
        if now is None:
            return False
        tracker = self._refresh(now)
        if not tracker.panes:
            return False
        self._show(now, tracker)
        fence = self._fence(now)
        due = self._due(now, tracker, fence)
        reports = self._final_reports(now, tracker, fence, due[:WINDOWS_AT_ONCE])
        if reports:
            self._send(reports)
            self._read_model.record_finals(reports, now.now_ms)
            self._history.add(reports)
        for end_ms, spec in due[:WINDOWS_AT_ONCE]:  # not before: sending may fail
            tracker.done(spec, end_ms)
        self._roll(now, tracker, fence)
        return len(due) > WINDOWS_AT_ONCE

    def _look(self, version: VersionId) -> _Now | None:
        """Read watermarks and clocks."""
        keys = self._store.keys
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.version(version))
            pipe.hgetall(keys.clocks)
            meta, raw_clocks = pipe.execute()
        if not meta:
            self._trackers.pop(version, None)
            return None
        clocks = {PartitionId.parse(k.decode()): int(v) for k, v in raw_clocks.items()}
        marks = _watermarks(meta, clocks)
        if not marks:
            return None
        options = self._settings.worker
        snapshot = self._registry.snapshot
        config = snapshot.model(version)
        compiled = self._references.of(snapshot, version)
        newest_ms = max(mark.event_ms for mark in marks.values())
        starts = [self._client.hget(keys.partition(p), "seen_from") for p in marks]
        return _Now(
            version=version,
            config=config,
            compiled=compiled,
            specs=all_specs(config, compiled),
            newest_ms=newest_ms,
            watermark_ms=newest_ms - options.disorder_ms,
            closing_ms=closing_ms(marks, clocks, options.disorder_ms, options.idle_timeout_ms),
            settling_ms=settling_ms(
                marks,
                clocks,
                options.disorder_ms,
                options.idle_timeout_ms,
                options.allowed_lateness_ms,
            ),
            newest_append_ms=max(mark.append_ms for mark in marks.values()),
            clock_ms=min(clocks.values()),
            seen_from_ms=max(int(start or 0) for start in starts),
            dropped_until_ms=int(meta.get(b"dropped_until", 0)),
            now_ms=self._now_ms(),
        )

    def _refresh(self, now: _Now) -> PaneTracker:
        """Read the panes that changed since the last call."""
        tracker = self._trackers.setdefault(now.version, PaneTracker())
        tracker.dropped_until_ms = now.dropped_until_ms
        while True:
            present = self._index(now)
            changed = self._read_changed(now, tracker, present)
            # Another agents process may have rolled panes up meanwhile; none must count twice, on
            # its own and within the next size.
            if not changed or self._index(now).keys() >= present.keys():
                return tracker

    def _index(self, now: _Now) -> dict[PaneId, int]:
        """Read which panes there are, and the number of each one's last change."""
        index = self._client.zrange(self._store.keys.panes(now.version), 0, -1, withscores=True)
        return {PaneId.parse(member.decode()): int(score) for member, score in index}

    def _read_changed(self, now: _Now, tracker: PaneTracker, present: Mapping[PaneId, int]) -> int:
        """Read the panes whose numbers are not those they were read at; returns how many."""
        keys = self._store.keys
        for gone in tracker.panes.keys() - present.keys():
            tracker.drop(gone)
        changed = [pane for pane, at in present.items() if tracker.read_at.get(pane) != at]
        for first in range(0, len(changed), PANES_READ_AT_ONCE):
            some = changed[first : first + PANES_READ_AT_ONCE]
            with self._client.pipeline(transaction=False) as pipe:
                for pane in some:
                    pipe.hgetall(keys.pane(now.version, pane.member()))
                for pane, rows in zip(some, pipe.execute(), strict=True):
                    if rows:
                        tracker.put(pane, decode_pane(rows), present[pane], now.specs)
        return len(changed)

    def _context(self, now: _Now, spec: WindowSpec, end_ms: int, *, final: bool) -> ReportContext:
        """What the report of a window says beside its counts."""
        start_ms = end_ms - spec.size_ms
        compiled = valid_at(now.compiled, end_ms - 1)
        snapshot = self._registry.snapshot
        return ReportContext(
            model=now.version.model,
            version=now.version.version,
            config_id=config_id(now.config),
            compiled=compiled,
            constraints=self._references.constraints_at(snapshot, now.version, end_ms - 1),
            terms=decision_terms(now.config, compiled, spec, end_ms) if final else None,
            hours=seasonal_hours(now.config, compiled, start_ms, end_ms),
            seen_until_ms=end_ms if final else now.watermark_ms,
            complete=start_ms >= now.seen_from_ms,
        )

    def _show(self, now: _Now, tracker: PaneTracker) -> None:
        """Write the live windows."""
        extra: dict[str, float] = {"watermark": now.watermark_ms}
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
            self._read_model.show_live(report, bars, extra | spikes, decided, now.now_ms, days)
            segments.update(counts.segments)
            waiting = tracker.segments_to_show.setdefault(spec, {})
            waiting |= dict.fromkeys(sorted(counts.segments.keys() - waiting.keys()))
        windows = [spec.name for spec in now.specs]
        self._read_model.announce(now.version, windows, features, segments)
        self._show_segments(now, tracker, decided)

    def _adopt(self, now: _Now, tracker: PaneTracker) -> Missing | None:
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

    def _show_segments(self, now: _Now, tracker: PaneTracker, decided: Decided | None) -> None:
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
                extra = {"watermark": now.watermark_ms}
                days = now.config.retention_days
                self._read_model.show_live(report, {}, extra, decided, now.now_ms, days)

    def _due(
        self, now: _Now, tracker: PaneTracker, fence: Mapping[str, tuple[int, int]]
    ) -> list[tuple[int, WindowSpec]]:
        """Return final windows that are new or changed, and not reported just now, oldest first."""
        closing_ms = tracker.closing.take(now.closing_ms, now.newest_append_ms, now.clock_ms)
        due = []
        for spec in now.specs:
            for end_ms in tracker.due_until(spec, closing_ms):
                reported = fence.get(f"{spec.name}:{end_ms}")
                if reported is None or now.now_ms - reported[1] >= REPORT_AGAIN_MS:
                    due.append((end_ms, spec))
        return sorted(due)

    def _fence(self, now: _Now) -> dict[str, tuple[int, int]]:
        """Read what was reported: revision and time by window."""
        raw = self._client.hgetall(self._store.keys.fence(now.version))
        fence = {}
        for name, value in raw.items():
            revision, reported_ms = value.split()
            fence[name.decode()] = (int(revision), int(reported_ms))
        return fence

    def _final_reports(
        self,
        now: _Now,
        tracker: PaneTracker,
        fence: Mapping[str, tuple[int, int]],
        due: Sequence[tuple[int, WindowSpec]],
    ) -> list[WindowReport]:
        """Compute the reports of due windows that say more than what was reported.

        A window that is empty, or whose panes are rolled up, has none.
        """
        reports = []
        for end_ms, spec in due:
            counts = tracker.window(end_ms - spec.size_ms, end_ms)
            if counts is None or counts.count == 0:
                continue
            reported = fence.get(f"{spec.name}:{end_ms}")
            if reported is None or counts.count > reported[0]:
                context = self._context(now, spec, end_ms, final=True)
                reports += build_reports(spec, end_ms, counts, context)
        return reports

    def _roll(self, now: _Now, tracker: PaneTracker, fence: Mapping[str, tuple[int, int]]) -> None:
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
        stale = tracker.out_of_reach(fence, now.specs)
        if stale:
            self._client.hdel(self._store.keys.fence(now.version), *stale)


def _watermarks(
    meta: Mapping[bytes, bytes], clocks: Mapping[PartitionId, int]
) -> dict[PartitionId, Watermark]:
    marks = {}
    for name, value in meta.items():
        if name.startswith(b"w:"):
            partition = PartitionId.parse(name[2:].decode())
            if partition in clocks:
                marks[partition] = Watermark.parse(value.decode())
    return marks
