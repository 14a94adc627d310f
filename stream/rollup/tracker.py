"""One model version's panes in memory, and which of its windows are due."""

import bisect
from collections.abc import Iterable, Sequence

from schemas.windows import WindowSpec
from stream.rollup.finality import window_ends
from stream.rollup.merge import PaneCounts, merge_panes
from stream.window.panes import TIERS_MS, PaneId


class PaneTracker:
    """Panes of a model version and the windows they changed."""

    def __init__(self) -> None:
        self.dropped_until_ms = 0
        self.panes: dict[PaneId, PaneCounts] = {}
        self.read_at: dict[PaneId, int] = {}
        self.due: dict[WindowSpec, set[int]] = {}
        self._settling = (0, 0)
        self._settled = (0, 0)
        self._starts: dict[int, list[int]] = {tier: [] for tier in TIERS_MS}

    def put(
        self, pane: PaneId, counts: PaneCounts, sequence: int, specs: Iterable[WindowSpec]
    ) -> None:
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

    def window(self, start_ms: int, end_ms: int) -> PaneCounts | None:
        """Counts of a window; None where a pane reaches across its ends or has been dropped."""
        if start_ms < self.dropped_until_ms:
            return None
        inside: list[PaneCounts] = []
        for tier_ms, starts in self._starts.items():
            first = bisect.bisect_right(starts, start_ms - tier_ms)
            last = bisect.bisect_left(starts, end_ms)
            for start in starts[first:last]:
                if start < start_ms or start + tier_ms > end_ms:
                    return None
                inside.append(self.panes[PaneId(tier_ms, start)])
        return merge_panes(inside)

    def due_until(self, spec: WindowSpec, closing_ms: int) -> Sequence[int]:
        """Ends of the due windows that are final, oldest first."""
        return sorted(end for end in self.due.get(spec, ()) if end <= closing_ms)

    def done(self, spec: WindowSpec, end_ms: int) -> None:
        """Mark a window as dealt with, until its panes change again."""
        self.due.get(spec, set()).discard(end_ms)

    def settle(
        self, settling_ms: int, newest_append_ms: int, clock_ms: int, idle_timeout_ms: int
    ) -> int:
        """Event time up to which nothing more can come, whatever is still unread.

        Parameters
        ----------
        settling_ms : the same as far as what was read tells
        newest_append_ms : append time of the version's newest record
        clock_ms : log clock of the partition that lags most
        idle_timeout_ms : by how much append times of records produced together may differ

        Notes
        -----
        A partition may lag without having carried the version yet: its worker stands still, or has
        only begun to read the log again. So a time is taken over when every partition was read
        beyond what was newest then. Where Redis lost that, it does not hold.
        """
        append_ms, candidate_ms = self._settling
        if clock_ms >= append_ms + idle_timeout_ms:
            self._settled = (append_ms + idle_timeout_ms, candidate_ms)
            self._settling = (newest_append_ms, settling_ms)
        read_to_ms, settled_ms = self._settled
        return min(settled_ms, settling_ms) if clock_ms >= read_to_ms else 0

    def is_due_in(self, pane: PaneId, specs: Iterable[WindowSpec]) -> bool:
        """Whether a window that holds part of this pane is still due."""
        return any(
            not self.due.get(spec, set()).isdisjoint(window_ends(spec, pane)) for spec in specs
        )
