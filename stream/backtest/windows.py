"""One model version's panes and windows in memory, as the rollup keeps them. Pure."""

from collections.abc import Sequence

from schemas.windows import WindowSpec
from stream.rollup.finality import settled_from_ms
from stream.rollup.merge import PaneCounts, decode_pane, merge_panes
from stream.rollup.tracker import PaneTracker
from stream.window.delta import PaneDelta
from stream.window.panes import PaneId

BLOCKS_KEPT = 400
"""Sums that are kept: a day of 5m, and 30 days of 1d, at up to 80 KB each."""
_NEVER_READ = 0
"""A pane's number of its last change, which nobody asks for here."""


def traffic_of(counts: PaneCounts, *, segments: bool) -> PaneCounts:
    """What a pane counted of traffic: no features, and segments only where they are wanted."""
    parts = counts.segments if segments else {}
    return PaneCounts(
        core=counts.core,
        latencies=counts.latencies,
        latency_ns=counts.latency_ns,
        latency_max_ms=counts.latency_max_ms,
        errors=counts.errors,
        segments={name: traffic_of(part, segments=False) for name, part in parts.items()},
    )


class _Sums:
    """Panes, and sums of those in aligned blocks of time, which neighbouring windows share.

    Windows that close every 5m consist of blocks of 5m, each added up once.
    """

    def __init__(self) -> None:
        self.tracker = PaneTracker()
        self._blocks: dict[PaneId, PaneCounts | None] = {}

    def put(self, pane: PaneId, counts: PaneCounts, specs: Sequence[WindowSpec]) -> None:
        """Take over a pane's counts; blocks that hold it are added up anew when they are wanted."""
        self.tracker.put(pane, counts, _NEVER_READ, specs)
        self._forget(pane)

    def drop(self, pane: PaneId) -> None:
        """Drop a pane that was added to the next size, or that no window needs."""
        self.tracker.drop(pane)
        if pane.parent() is None:
            self.tracker.dropped_until_ms = max(self.tracker.dropped_until_ms, pane.end_ms)
        self._forget(pane)

    def _forget(self, pane: PaneId) -> None:
        block: PaneId | None = pane
        while block is not None:
            self._blocks.pop(block, None)
            block = block.parent()

    def window(self, spec: WindowSpec, end_ms: int) -> PaneCounts | None:
        """Counts of a window; None where its panes were rolled up, or nothing is in it."""
        start_ms = end_ms - spec.size_ms
        if start_ms < self.tracker.dropped_until_ms:
            return None
        starts = range(start_ms, end_ms, spec.every_ms)
        parts = [self._block(PaneId(spec.every_ms, start)) for start in starts]
        if any(part is None for part in parts):  # a pane may reach across blocks
            whole = self.tracker.window(start_ms, end_ms)
        else:
            whole = merge_panes(part for part in parts if part is not None and part.count)
        return whole if whole is not None and whole.count else None

    def _block(self, block: PaneId) -> PaneCounts | None:
        """Counts of a block of time; None where a pane reaches across its ends."""
        if block in self._blocks:
            found = self._blocks.pop(block)
        else:
            found = self.tracker.window(block.start_ms, block.end_ms)
        self._blocks[block] = found  # the newest last
        if len(self._blocks) > BLOCKS_KEPT:
            del self._blocks[next(iter(self._blocks))]
        return found


class VersionWindows:
    """Panes of a model version and the windows they changed.

    Panes are held twice: whole, and their traffic alone, which shares its arrays and adds up ten
    times as fast.

    Parameters
    ----------
    segments : whether the traffic of segments is wanted
    """

    def __init__(self, *, segments: bool) -> None:
        self._segments = segments
        self._whole = _Sums()
        self._traffic = _Sums()

    def __len__(self) -> int:
        """How many panes are held."""
        return len(self._whole.tracker.panes)

    def add(self, pane: PaneId, delta: PaneDelta, specs: Sequence[WindowSpec]) -> None:
        """Add what was counted in a pane; the windows that hold part of it become due."""
        counts = decode_pane({name.encode(): row for name, row in delta.rows()})
        self._put(pane, counts, specs)

    def _put(self, pane: PaneId, counts: PaneCounts, specs: Sequence[WindowSpec]) -> None:
        held = self._whole.tracker.panes.get(pane)
        merged = counts if held is None else merge_panes([held, counts])
        self._whole.put(pane, merged, specs)
        self._traffic.put(pane, traffic_of(merged, segments=self._segments), ())

    def take_due(
        self, specs: Sequence[WindowSpec], closing_ms: int
    ) -> list[tuple[int, WindowSpec]]:
        """Return windows that ended by then and are new or changed since, oldest first."""
        tracker = self._whole.tracker
        due = [(end, spec) for spec in specs for end in tracker.due_until(spec, closing_ms)]
        for end_ms, spec in due:
            tracker.done(spec, end_ms)
        return sorted(due)

    def open_windows(self) -> int:
        """How many windows are due that have not ended."""
        return sum(map(len, self._whole.tracker.due.values()))

    def whole(self, spec: WindowSpec, end_ms: int) -> PaneCounts | None:
        """Counts of a window; None where its panes were rolled up, or nothing is in it."""
        return self._whole.window(spec, end_ms)

    def traffic(self, spec: WindowSpec, end_ms: int) -> PaneCounts | None:
        """Traffic of a window; None where its panes were rolled up, or nothing is in it."""
        return self._traffic.window(spec, end_ms)

    def roll(self, specs: Sequence[WindowSpec], settled_ms: int, lateness_ms: int) -> None:
        """Add settled panes to those of the next size, and drop those that no window needs.

        Parameters
        ----------
        specs : all windows there are
        settled_ms : event time behind which events are late, allowed lateness aside
        lateness_ms : allowed lateness
        """
        panes = self._whole.tracker.panes
        for pane in sorted(panes):
            if settled_from_ms(pane, specs, lateness_ms) > settled_ms:
                continue
            if self._whole.tracker.is_due_in(pane, specs):
                continue
            counts = panes[pane]
            self._whole.drop(pane)
            self._traffic.drop(pane)
            parent = pane.parent()
            if parent is not None:
                self._put(parent, counts, ())
