"""One model version's panes in memory, and which of its windows are due."""

import bisect
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from schemas.windows import WindowSpec
from stream.rollup.finality import tumbling_ends, window_ends
from stream.rollup.merge import PaneCounts, merge_panes
from stream.window.labelled import LabelCounts, merge_labels
from stream.window.panes import HOUR_MS, TIERS_MS, PaneId, floor_to

Counts = TypeVar("Counts")
"""What a pane holds."""


class Confirmation:
    """Takes over what is known of event time when every partition was read as far.

    A partition that has not carried the version may still bring its records: its worker lags,
    stands still or has only begun to read the log again. So what follows from a record holds when
    all partitions were read beyond that record's append time. Where Redis has lost that, it does
    not.
    """

    def __init__(self) -> None:
        self._pending = (0, 0)
        self._taken = (0, 0)

    def take(self, value_ms: int, needed_ms: int, clock_ms: int) -> int:
        """Return the latest value that holds, 0 while none does.

        Parameters
        ----------
        value_ms : event time that follows from what was read
        needed_ms : append time up to which every partition must be read for it
        clock_ms : log clock of the partition that lags most
        """
        if clock_ms >= needed_ms:
            self._taken = self._pending = (needed_ms, value_ms)
        elif clock_ms >= self._pending[0]:
            self._taken, self._pending = self._pending, (needed_ms, value_ms)
        read_to_ms, taken_ms = self._taken
        return min(taken_ms, value_ms) if clock_ms >= read_to_ms else 0


class Tracker(Generic[Counts]):
    """Panes of a model version and the windows they changed.

    Parameters
    ----------
    merge : adds panes up
    """

    def __init__(self, merge: Callable[[Iterable[Counts]], Counts]) -> None:
        self._merge = merge
        self.dropped_until_ms = 0
        self.panes: dict[PaneId, Counts] = {}
        self.read_at: dict[PaneId, int] = {}
        self.due: dict[WindowSpec, set[int]] = {}
        self._starts: dict[int, list[int]] = {tier: [] for tier in TIERS_MS}

    def put(self, pane: PaneId, counts: Counts, sequence: int, specs: Iterable[WindowSpec]) -> None:
        """Take over a pane's counts; every window that holds part of it becomes due.

        ``sequence`` is the number of the pane's last change when it was read, or an earlier one.
        """
        if pane not in self.panes:
            bisect.insort(self._starts[pane.tier_ms], pane.start_ms)
        self.panes[pane] = counts
        self.read_at[pane] = sequence
        for spec in specs:
            self.due.setdefault(spec, set()).update(window_ends(spec, pane))

    def drop(self, pane: PaneId) -> None:
        """Forget a pane that was rolled or removed."""
        if self.panes.pop(pane, None) is not None:
            self._starts[pane.tier_ms].remove(pane.start_ms)
            del self.read_at[pane]

    def window(self, start_ms: int, end_ms: int) -> Counts | None:
        """Counts of a window; None where a pane reaches across its ends or has been dropped."""
        if start_ms < self.dropped_until_ms:
            return None
        inside: list[Counts] = []
        for tier_ms, starts in self._starts.items():
            first = bisect.bisect_right(starts, start_ms - tier_ms)
            last = bisect.bisect_left(starts, end_ms)
            for start in starts[first:last]:
                if start < start_ms or start + tier_ms > end_ms:
                    return None
                inside.append(self.panes[PaneId(tier_ms, start)])
        return self._merge(inside)

    def out_of_reach(self, reported: Iterable[str], specs: Iterable[WindowSpec]) -> list[str]:
        """Those of the windows, named ``<window>:<end>``, that can't be computed any more.

        They lie before the oldest pane, or a pane reaches across one of their ends.
        """
        sizes_ms = {spec.name: spec.size_ms for spec in specs}
        oldest_ms = min((pane.start_ms for pane in self.panes), default=0)
        out = []
        for name in reported:
            window, _, end = name.rpartition(":")
            end_ms = int(end)
            start_ms = end_ms - sizes_ms.get(window, 0)
            if end_ms <= oldest_ms or self._is_inside(start_ms) or self._is_inside(end_ms):
                out.append(name)
        return out

    def _is_inside(self, at_ms: int) -> bool:
        """Whether a pane begins before this time and ends after it."""
        return any(
            at_ms % tier_ms and PaneId(tier_ms, floor_to(at_ms, tier_ms)) in self.panes
            for tier_ms in TIERS_MS
        )

    def due_until(self, spec: WindowSpec, closing_ms: int) -> Sequence[int]:
        """Ends of the due windows that are final, oldest first."""
        return sorted(end for end in self.due.get(spec, ()) if end <= closing_ms)

    def done(self, spec: WindowSpec, end_ms: int) -> None:
        """Mark a window as dealt with, until its panes change again."""
        self.due.get(spec, set()).discard(end_ms)

    def is_due_in(self, pane: PaneId, specs: Iterable[WindowSpec]) -> bool:
        """Whether a window that needs this pane, or one that joins the same, apart is still due.

        Windows that close at the ends of the joined pane hold it whole: they need none apart, and
        a week that is open does not keep its minutes.
        """
        parent = pane.parent()
        return any(
            not self.due.get(spec, set()).isdisjoint(window_ends(spec, parent or pane))
            for spec in specs
            if parent is None or spec.every_ms % parent.tier_ms != 0
        )


class PaneTracker(Tracker[PaneCounts]):
    """Panes of events, and how far their event time is settled."""

    def __init__(self) -> None:
        super().__init__(merge_panes)
        self.closing = Confirmation()
        self.settling = Confirmation()
        self.segments_to_show: dict[WindowSpec, dict[str, None]] = {}


class LabelTracker(Tracker[LabelCounts]):
    """Label panes: they change the reports of tumbling windows of an hour and longer."""

    def __init__(self) -> None:
        super().__init__(merge_labels)

    def put_labels(
        self, pane: PaneId, counts: LabelCounts, sequence: int, specs: Iterable[WindowSpec]
    ) -> None:
        """Take over a pane's counts; the tumbling window of each size that holds it becomes due."""
        self.put(pane, counts, sequence, ())
        for spec in specs:
            if spec.size_ms >= max(pane.tier_ms, HOUR_MS):
                ends = tumbling_ends(spec, pane.start_ms, pane.end_ms)
                self.due.setdefault(spec, set()).update(ends)

    def is_due_at(self, pane: PaneId) -> bool:
        """Whether a tumbling window that holds any part of a pane is still due."""
        return any(
            end_ms in ends
            for spec, ends in self.due.items()
            for end_ms in tumbling_ends(spec, pane.start_ms, pane.end_ms)
        )
