"""The rollup of one model version: read changed panes, show what is live, report what is final."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from schemas.metrics import WindowReport
from schemas.models import ModelConfig, config_id, window_specs
from schemas.windows import WindowSpec
from stream.registry import Registry
from stream.rollup.finality import closing_ms, live_end_ms, settled_from_ms
from stream.rollup.merge import decode_pane
from stream.rollup.readmodel import ReadModel
from stream.rollup.report import ReportContext, build_report
from stream.rollup.tracker import PaneTracker
from stream.settings import Settings
from stream.state.keys import PartitionId, VersionId
from stream.state.store import StateStore, Watermark
from stream.window.panes import PaneId

REPORT_AGAIN_MS = 30_000
"""After its first report a window is reported again at most once in this time."""
PANES_READ_AT_ONCE = 200
ROLLED_AT_ONCE = 50
VERSIONS_KEPT_MAX = 1_000

Send = Callable[[list[WindowReport]], None]


@dataclass(frozen=True, slots=True)
class _Now:
    """What is known of a model version at one moment."""

    version: VersionId
    config: ModelConfig
    specs: tuple[WindowSpec, ...]
    newest_ms: int
    watermark_ms: int
    closing_ms: int
    seen_from_ms: int
    now_ms: int


class Rollup:
    """Rolls up model versions, one call each; what it keeps in memory can be read again.

    Parameters
    ----------
    settings, store, registry : as everywhere
    send : publishes final reports and returns when the broker has them
    now_ms : wall clock, for report spacing and ``updated_at`` only
    """

    def __init__(
        self,
        settings: Settings,
        client: "redis.Redis[Any]",
        registry: Registry,
        send: Send,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = StateStore(client, settings.namespace)
        self._read_model = ReadModel(client, settings.namespace)
        self._registry = registry
        self._send = send
        self._now_ms = now_ms
        self._trackers: dict[VersionId, PaneTracker] = {}

    def process(self, version: VersionId) -> int:
        """Bring a model version up to date; returns how many final reports were sent."""
        now = self._look(version)
        if now is None:
            return 0
        tracker = self._refresh(now)
        if not tracker.panes:
            return 0
        self._show(now, tracker)
        sent = 0
        for batch in self._final_reports(now, tracker):
            self._send(batch)
            for report in batch:
                self._read_model.record_final(report, now.now_ms)
            sent += len(batch)
        self._roll(now, tracker)
        return sent

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
        newest_ms = max(mark.event_ms for mark in marks.values())
        starts = [self._client.hget(keys.partition(p), "seen_from") for p in marks]
        return _Now(
            version=version,
            config=config,
            specs=window_specs(config),
            newest_ms=newest_ms,
            watermark_ms=newest_ms - options.disorder_ms,
            closing_ms=closing_ms(marks, clocks, options.disorder_ms, options.idle_timeout_ms),
            seen_from_ms=max(int(start or 0) for start in starts),
            now_ms=self._now_ms(),
        )

    def _refresh(self, now: _Now) -> PaneTracker:
        """Read the panes that changed since the last call."""
        keys = self._store.keys
        tracker = self._trackers.setdefault(now.version, PaneTracker())
        sequence = int(self._client.hget(keys.version(now.version), "sequence") or 0)
        if sequence < tracker.sequence:  # Redis was emptied or went back in time
            tracker = self._trackers[now.version] = PaneTracker()
        index = self._client.zrange(keys.panes(now.version), 0, -1, withscores=True)
        present = {PaneId.parse(member.decode()): int(score) for member, score in index}
        for gone in tracker.panes.keys() - present.keys():
            tracker.drop(gone)
        changed = [pane for pane, at in present.items() if at > tracker.sequence]
        for first in range(0, len(changed), PANES_READ_AT_ONCE):
            some = changed[first : first + PANES_READ_AT_ONCE]
            with self._client.pipeline(transaction=False) as pipe:
                for pane in some:
                    pipe.hgetall(keys.pane(now.version, pane.member()))
                for pane, rows in zip(some, pipe.execute(), strict=True):
                    if rows:
                        tracker.put(pane, decode_pane(rows), now.specs)
        tracker.sequence = sequence
        return tracker

    def _context(self, now: _Now, complete: bool) -> ReportContext:
        return ReportContext(
            model=now.version.model,
            version=now.version.version,
            config_id=config_id(now.config),
            baseline=None,
            baseline_id=None,
            seen_until_ms=now.watermark_ms,
            complete=complete,
        )

    def _show(self, now: _Now, tracker: PaneTracker) -> None:
        """Write the live windows."""
        features: set[str] = set()
        for spec in now.specs:
            end_ms = live_end_ms(spec, now.newest_ms)
            counts = tracker.window(end_ms - spec.size_ms, end_ms)
            if counts is None:
                continue
            complete = end_ms - spec.size_ms >= now.seen_from_ms
            report = build_report(spec, end_ms, counts, self._context(now, complete))
            features.update(report.features)
            extra = {"watermark": now.watermark_ms}
            self._read_model.show_live(report, extra, now.now_ms, now.config.retention_days)
        windows = [spec.name for spec in now.specs]
        self._read_model.announce(now.version, windows, sorted(features))

    def _final_reports(self, now: _Now, tracker: PaneTracker) -> Iterator[list[WindowReport]]:
        """Reports of final windows that are new or changed, in batches."""
        raw = self._client.hgetall(self._store.keys.fence(now.version))
        fence = {k.decode(): tuple(map(int, v.split())) for k, v in raw.items()}
        batch: list[WindowReport] = []
        for spec in now.specs:
            for end_ms in tracker.due_until(spec, now.closing_ms):
                reported = fence.get(f"{spec.name}:{end_ms}")
                if reported and now.now_ms - reported[1] < REPORT_AGAIN_MS:
                    continue
                tracker.done(spec, end_ms)
                counts = tracker.window(end_ms - spec.size_ms, end_ms)
                if counts is None or counts.count == 0:
                    continue
                if reported and counts.count <= reported[0]:
                    continue
                complete = end_ms - spec.size_ms >= now.seen_from_ms
                context = self._context(now, complete)
                batch.append(build_report(spec, end_ms, counts, context))
                if len(batch) >= PANES_READ_AT_ONCE:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _roll(self, now: _Now, tracker: PaneTracker) -> None:
        """Roll settled panes into the next size."""
        lateness_ms = self._settings.worker.allowed_lateness_ms
        settled = [
            pane
            for pane in sorted(tracker.panes)
            if pane.parent() is not None
            and settled_from_ms(pane, now.specs, lateness_ms) <= now.closing_ms
            and not tracker.is_due_in(pane, now.specs)
        ]
        for first in range(0, len(settled), ROLLED_AT_ONCE):
            self._store.roll(now.version, settled[first : first + ROLLED_AT_ONCE])


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
