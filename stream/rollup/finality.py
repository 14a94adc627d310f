"""How far event time is settled: which windows are final, which panes can be rolled."""

from collections.abc import Iterable, Mapping

from schemas.windows import WindowSpec
from stream.state.keys import PartitionId
from stream.state.store import Watermark
from stream.window.panes import PaneId, floor_to


def closing_ms(
    marks: Mapping[PartitionId, Watermark],
    clocks: Mapping[PartitionId, int],
    disorder_ms: int,
    idle_timeout_ms: int,
) -> int:
    """Event time up to which windows of a model version are final, ms.

    Parameters
    ----------
    marks : watermarks of the partitions that carry the version
    clocks : log clock of every partition: append time up to which it was read
    disorder_ms : how far events may be out of order
    idle_timeout_ms : how long a partition without the version holds it back, in log time

    Notes
    -----
    A partition holds the version back until its log clock is ``idle_timeout`` past the version's
    last record there. One that lags the newest record of the version by more than that holds it
    back too, whether or not it has carried it: while a log is read again, some partitions are
    ahead of others. Nothing at or after the log clock is final.
    """
    if not marks or not clocks:
        return 0
    newest_append_ms = max(mark.append_ms for mark in marks.values())
    limit = min(clocks.values())
    for partition, clock_ms in clocks.items():
        caught_up = clock_ms >= newest_append_ms - idle_timeout_ms
        mark = marks.get(partition)
        if mark is None:
            if not caught_up:
                return 0
            continue
        idle = clock_ms >= mark.append_ms + idle_timeout_ms
        if not (idle and caught_up):
            limit = min(limit, mark.event_ms - disorder_ms)
    return limit


def settling_ms(
    marks: Mapping[PartitionId, Watermark],
    clocks: Mapping[PartitionId, int],
    disorder_ms: int,
    idle_timeout_ms: int,
    lateness_ms: int,
) -> int:
    """Event time behind which an event is late in every partition, allowed lateness aside, ms.

    Notes
    -----
    Windows close at :func:`closing_ms` and are reported again when later events come. Panes that
    were rolled up can't be taken apart again, so this waits for partitions that closing does not
    wait for: one that is idle for less than the allowed lateness may still bring an event as old as
    its own watermark allows.
    """
    if not marks or not clocks:
        return 0
    limit = min(clocks.values())
    for partition, mark in marks.items():
        if clocks[partition] < mark.append_ms + idle_timeout_ms + lateness_ms:
            limit = min(limit, mark.event_ms - disorder_ms)
    return limit


def window_ends(spec: WindowSpec, pane: PaneId) -> range:
    """Ends of all windows of this size that hold any part of a pane."""
    first = floor_to(pane.start_ms, spec.every_ms) + spec.every_ms
    last = floor_to(pane.end_ms - 1, spec.every_ms) + spec.size_ms
    return range(first, last + 1, spec.every_ms)


def tumbling_ends(spec: WindowSpec, start_ms: int, end_ms: int) -> range:
    """Ends of the tumbling windows of this size that hold any part of a span.

    Examples
    --------
    >>> list(tumbling_ends(WindowSpec(10, 5, "10ms"), 15, 31))
    [20, 30, 40]
    """
    first = floor_to(start_ms, spec.size_ms) + spec.size_ms
    last = floor_to(end_ms - 1, spec.size_ms) + spec.size_ms
    return range(first, last + 1, spec.size_ms)


def settled_from_ms(pane: PaneId, specs: Iterable[WindowSpec], lateness_ms: int) -> int:
    """Closing time from which on no window needs a pane on its own.

    It can then join the pane of the next size; one of the largest size can be dropped. All panes
    that join the same one are settled at the same time: beside it none could be told apart.
    """
    parent = pane.parent()
    step_ms = parent.tier_ms if parent else None
    ends = [
        window_ends(spec, parent or pane)[-1]
        for spec in specs
        if step_ms is None or spec.every_ms % step_ms != 0
    ]
    return max(ends, default=(parent or pane).end_ms) + lateness_ms


def live_end_ms(spec: WindowSpec, newest_event_ms: int) -> int:
    """End of the live window: the next multiple of ``every`` after the newest event."""
    return floor_to(newest_event_ms, spec.every_ms) + spec.every_ms
