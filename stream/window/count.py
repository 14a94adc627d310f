"""Count a batch of one model version's accepted events into panes."""

from collections.abc import Sequence

import msgspec
import numpy as np

from stream.arrays import IntArray
from stream.ingest import columns
from stream.ingest.decode import DecodedEvent
from stream.window import delta as deltas
from stream.window.delta import GridDelta, PaneDelta
from stream.window.panes import PaneId
from stream.window.plan import DEFAULT_PLAN, CountingPlan

FEATURE_NAME_CHARACTERS_MAX = 256
"""Names become Redis keys: a feature with a longer one is not counted, its event is."""
_KIND_OF_TYPE: dict[type, str] = {
    int: deltas.NUMBER,
    float: deltas.NUMBER,
    str: deltas.STRING,
    bool: deltas.BOOLEAN,
    list: deltas.ARRAY,
    dict: deltas.ARRAY,
    type(None): deltas.NULL,
}


def count_events(
    panes: dict[PaneId, PaneDelta],
    events: Sequence[DecodedEvent],
    times_ms: IntArray,
    tier_ms: int,
    plan: CountingPlan,
    names: Sequence[str] | None,
) -> None:
    """Add accepted events to their panes.

    Parameters
    ----------
    panes : deltas by pane, extended as needed
    events : n events of one model version
    times_ms : (n,) their event times
    tier_ms : length of the panes events are counted in
    plan : the plan valid at these times
    names : the features in the order of the events' feature struct; None where they are dicts
    """
    starts = times_ms - times_ms % tier_ms
    order = np.argsort(starts, kind="stable")
    ordered = [events[i] for i in order.tolist()] if np.any(np.diff(starts) < 0) else events
    bounds = _runs(starts[order])
    failed = columns.has_error(ordered)
    latencies = columns.latencies_ms(ordered)
    for first, last in bounds:
        pane = panes.setdefault(PaneId(tier_ms, int(starts[order[first]])), PaneDelta())
        part = ordered[first:last]
        wrong = failed[first:last]
        types = columns.error_types([part[i] for i in np.flatnonzero(wrong).tolist()])
        pane.add_traffic(wrong, latencies[first:last], types)
        good = part if not wrong.any() else [part[i] for i in np.flatnonzero(~wrong).tolist()]
        if not good:
            continue
        if plan is DEFAULT_PLAN:
            _count_kinds(pane, good, names)
        else:
            _count_on_grid(pane.grid(plan), good, names or ())


def _runs(ordered: IntArray) -> list[tuple[int, int]]:
    """First and one-past-last positions of the runs of equal values."""
    cuts = (np.flatnonzero(np.diff(ordered)) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(ordered)], strict=True))


def _count_on_grid(grid: GridDelta, events: Sequence[DecodedEvent], names: Sequence[str]) -> None:
    grid.events += len(events)
    if grid.plan.numeric:
        grid.add_numeric(columns.numeric_matrix(events, names, grid.plan.numeric))
    for column in grid.plan.categorical:
        cells, unseen = columns.category_cells(events, names, column)
        grid.add_cells(column.row, cells)
        if unseen:
            grid.add_unseen(column.row, unseen)


def _count_kinds(
    pane: PaneDelta, events: Sequence[DecodedEvent], names: Sequence[str] | None
) -> None:
    """Count what kinds of values the features have, for a version without a baseline."""
    kinds = pane.kinds
    for event in events:
        features = event.features
        if features is None:
            continue
        if names is not None:
            features = dict(zip(names, msgspec.structs.astuple(features), strict=True))
        for name, value in features.items():
            if len(name) > FEATURE_NAME_CHARACTERS_MAX:
                continue
            kind = _KIND_OF_TYPE[type(value)] + name
            kinds[kind] = kinds.get(kind, 0) + 1
