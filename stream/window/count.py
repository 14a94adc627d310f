"""Count a batch of one model version's accepted events into panes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from stream.arrays import BoolArray, IntArray
from stream.ingest import columns
from stream.ingest.decode import DecodedEvent
from stream.ingest.request_hash import is_sampled
from stream.sketches.bottom_k import HashArray
from stream.window import delta as deltas
from stream.window.constraints import Constraints
from stream.window.delta import GridValues, PaneDelta, add_names
from stream.window.layout import GridLayout
from stream.window.panes import PaneId
from stream.window.plan import CountingPlan

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Accepted events of one model version.

    Attributes
    ----------
    events : n events
    times_ms : (n,) event times
    hashes : (n,) hashes of their request ids
    identified : (n,) whether they carry an id of their own
    names : the features in the order of the events' feature struct; None where they are dicts
    gained : names of features that the plan doesn't know, by position; of some of the events
    """

    events: Sequence[DecodedEvent]
    times_ms: IntArray
    hashes: HashArray
    identified: BoolArray
    names: Sequence[str] | None
    gained: dict[int, list[str]]

    def take(self, positions: npt.NDArray[np.intp]) -> "Batch":
        """Some of the events, in this order."""
        if len(positions) == len(self.events) and bool(np.all(np.diff(positions) > 0)):
            return self
        chosen = positions.tolist()
        place = {old: new for new, old in enumerate(chosen)} if self.gained else {}
        return Batch(
            [self.events[i] for i in chosen],
            self.times_ms[positions],
            self.hashes[positions],
            self.identified[positions],
            self.names,
            {place[i]: names for i, names in self.gained.items() if i in place},
        )


def count_events(
    panes: dict[PaneId, PaneDelta],
    batch: Batch,
    tier_ms: int,
    plan: CountingPlan,
    sampling_rate: float = 1.0,
) -> None:
    """Add accepted events to their panes.

    Parameters
    ----------
    panes : deltas by pane, extended as needed
    batch : events of one model version
    tier_ms : length of the panes events are counted in
    plan : the plan valid at their times
    sampling_rate : share of requests whose features are counted, where that is less than the plan's
    """
    rate = min(plan.sampling_rate, sampling_rate)
    for start_ms, part in _by_pane(batch, tier_ms):
        pane = panes.setdefault(PaneId(tier_ms, start_ms), PaneDelta())
        _count_pane(pane, part, plan, rate)


def _by_pane(batch: Batch, tier_ms: int) -> Iterator[tuple[int, Batch]]:
    """Parts of a batch that lie in one pane, and the pane's start."""
    starts = batch.times_ms - batch.times_ms % tier_ms
    if starts[0] == starts[-1] and not np.any(starts != starts[0]):
        yield int(starts[0]), batch
        return
    order = np.argsort(starts, kind="stable")
    ordered = starts[order]
    cuts = (np.flatnonzero(np.diff(ordered)) + 1).tolist()
    for first, last in zip([0, *cuts], [*cuts, len(ordered)], strict=True):
        yield int(ordered[first]), batch.take(order[first:last])


def _count_pane(pane: PaneDelta, part: Batch, plan: CountingPlan, rate: float) -> None:
    failed = columns.has_error(part.events)
    latencies = columns.latencies_ms(part.events)
    types = columns.error_types([part.events[i] for i in np.flatnonzero(failed).tolist()])
    pane.add_traffic(failed, latencies, types)
    pane.add_ids(part.hashes[part.identified])
    sent = [event.metrics for event in part.events if event.metrics]
    if sent:
        pane.custom.add(sent)
    for names in part.gained.values():
        add_names(pane.gained, dict.fromkeys(names, 1))
    for tag in plan.tags:
        came = columns.frequencies(columns.tag_values(part.events, tag))
        add_names(pane.tags.setdefault(tag, {}), came)
    good = np.flatnonzero(~failed)
    if len(good) and plan.constraints is not None:
        _count_violations(pane, part.take(good), plan.constraints)
    counted = good if rate >= 1 else good[is_sampled(part.hashes[good], rate)]
    values: GridValues | None = None
    if len(counted) and plan.layout is None:
        _count_kinds(pane, part.take(counted).events, part.names)
    elif len(counted) and plan.layout is not None:
        values = columns.grid_values(part.take(counted).events, part.names or (), plan.layout)
        pane.grid(plan.layout).add(values)
    for column in plan.segments:
        split = columns.segment_values(part.events, part.names, column)
        for segment, members in column.members(split):
            into = pane.segments.setdefault(segment, PaneDelta())
            chosen = np.array(members)
            wrong = failed[chosen]
            types = columns.error_types([part.events[i] for i in chosen[wrong].tolist()])
            into.add_traffic(wrong, latencies[chosen], types)
            inside = np.flatnonzero(np.isin(counted, chosen, assume_unique=True))
            if plan.layout is not None and values is not None and len(inside):
                coarse = plan.layout.coarse
                into.grid(coarse).add(_coarse(values, coarse, inside))


def _count_violations(pane: PaneDelta, scored: Batch, constraints: Constraints) -> None:
    broken = pane.violations.setdefault(constraints.id, {})
    add_names(broken, {deltas.EVENTS: len(scored.events)})
    values = {
        name: columns.json_values(scored.events, scored.names, name)
        for name in constraints.features
    }
    add_names(broken, constraints.count(values))


def _coarse(values: GridValues, layout: GridLayout, positions: npt.NDArray[np.intp]) -> GridValues:
    """Some of the values, in the cells of a coarse layout."""
    maps = layout.cell_maps
    cells = {
        row: maps[row][cells[positions]] if row in maps else cells[positions]
        for row, cells in values.cells.items()
    }
    return GridValues(values.matrix[:, positions], cells)


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
