"""One poll's records into the delta: decode, judge, count."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.errors import Reason, Rejected
from schemas.names import NAME_PATTERN, UNKNOWN_VERSION, text_of_id
from stream.arrays import IntArray
from stream.ingest import columns, records
from stream.ingest.decode import DecodedEvent, Decoder
from stream.ingest.records import Payloads, Record
from stream.ingest.request_hash import request_hashes
from stream.ingest.sample import SampleRow, sample_rows
from stream.state.books import BOOKS
from stream.state.keys import PartitionId, VersionId
from stream.state.store import Watermark
from stream.window.count import FEATURE_NAME_CHARACTERS_MAX, Batch, count_events
from stream.window.delta import GAINED_EVERY, PaneDelta
from stream.window.panes import PaneId
from stream.window.plan import PlanBook
from stream.window.watermark import NEVER_MS, too_late

_NAME = re.compile(NAME_PATTERN)
_NO_PREDICTION = Rejected(Reason.MISSING_FIELD, "missing `prediction`")


@dataclass(slots=True)
class Progress:
    """Where the worker stands in one partition.

    Attributes
    ----------
    base : next offset to read, as stored
    next : the same after what was counted since
    expected : the same after what was polled and is not counted yet
    clock_ms : log clock: append time up to which the partition was read
    end : where the log ended when its end was reached; None when something was polled since
    """

    topic: str
    partition: PartitionId
    base: int
    next: int
    clock_ms: int
    watermarks: dict[VersionId, Watermark]
    books: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BOOKS, 0))
    touched: set[VersionId] = field(default_factory=set)
    end: int | None = None
    expected: int = field(init=False)

    def __post_init__(self) -> None:
        self.expected = self.next

    def take(self, offset: int) -> bool:
        """Whether a polled record is the next one; it then waits for :func:`add_records`.

        A partition given back and assigned again during one poll brings its records twice.
        """
        if offset < self.expected:
            return False
        self.expected = offset + 1
        self.end = None
        return True


@dataclass(slots=True)
class Refused:
    """An event that goes to ``ml.rejected``."""

    record: Record
    value: bytes
    index: int
    rejected: Rejected


@dataclass(slots=True)
class Delta:
    """Everything counted since the last commit."""

    panes: dict[VersionId, dict[PaneId, PaneDelta]] = field(default_factory=dict)
    samples: dict[VersionId, list[SampleRow]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def pane_count(self) -> int:
        """How many panes the commit will touch."""
        return sum(map(len, self.panes.values()))


@dataclass(frozen=True, slots=True)
class Clocks:
    """Durations that judge event time, ms."""

    disorder_ms: int
    allowed_lateness_ms: int
    future_skew_ms_max: int


@dataclass(slots=True)
class _Batch:
    """A poll taken apart, one entry an event."""

    records: Sequence[Record]
    payloads: Payloads
    events: list[Any]
    partition: IntArray
    offset: IntArray
    index: IntArray
    append_ms: IntArray


def add_records(
    delta: Delta,
    polled: Sequence[Record],
    progress: Mapping[int, Progress],
    decoder: Decoder,
    plans: PlanBook,
    clocks: Clocks,
    sampling_rate: float = 1.0,
) -> None:
    """Count the records of one poll into the delta and move ``progress`` past them.

    ``sampling_rate`` is below 1 while the worker sheds feature statistics.
    """
    payloads = records.split(list(polled), decoder.event_bytes_max)
    partitions = np.array([record.partition() for record in polled], dtype=np.int64)
    append_ms = np.array([record.timestamp()[1] for record in polled], dtype=np.int64)
    of_record = np.array(payloads.record, dtype=np.int64)
    events = decoder.decode(payloads.values)
    offsets = np.array([record.offset() for record in polled], dtype=np.int64)
    batch = _Batch(
        polled,
        payloads,
        events,
        partitions[of_record],
        offsets[of_record],
        np.array(payloads.index, dtype=np.int64),
        append_ms[of_record],
    )
    _book(progress, "consumed", batch.partition)
    for position in payloads.empty:
        _book(progress, "consumed", partitions[[position]])
        _book(progress, "empty", partitions[[position]])
    for position, rejected in payloads.refused:
        record = polled[position]
        _book(progress, "consumed", partitions[[position]])
        _book(progress, "rejected", partitions[[position]])
        delta.refused.append(Refused(record, record.value() or b"", -1, rejected))
    for version, members in _group(delta, progress, batch, decoder).items():
        _add_version(
            delta, progress, batch, version, members, decoder, plans, clocks, sampling_rate
        )
    _advance(progress, polled, partitions, append_ms)


def _book(progress: Mapping[int, Progress], book: str, partitions: IntArray) -> None:
    for partition, count in zip(*np.unique(partitions, return_counts=True), strict=True):
        progress[int(partition)].books[book] += int(count)


def _refuse(
    delta: Delta, progress: Mapping[int, Progress], batch: _Batch, i: int, rejected: Rejected
) -> None:
    record = batch.records[batch.payloads.record[i]]
    refused = Refused(record, batch.payloads.values[i], batch.payloads.index[i], rejected)
    delta.refused.append(refused)
    book = "late" if rejected.reason is Reason.TOO_LATE else "rejected"
    progress[int(batch.partition[i])].books[book] += 1


def _group(
    delta: Delta, progress: Mapping[int, Progress], batch: _Batch, decoder: Decoder
) -> dict[VersionId, IntArray]:
    """Positions of the events of each model version, in the order of the log."""
    groups: dict[VersionId, list[int]] = {}
    events = batch.events
    types = set(map(type, events))
    if Rejected in types:
        good = []
        for i, event in enumerate(events):
            if isinstance(event, Rejected):
                _refuse(delta, progress, batch, i, event)
            else:
                good.append(i)
        types.discard(Rejected)
    else:
        good = list(range(len(events)))
    for kind in types:
        model = decoder.model_of[kind]
        mine = good if len(types) == 1 else [i for i in good if type(events[i]) is kind]
        raw = [events[i].model_version for i in mine]
        names = {version: _version_name(version) for version in set(raw)}
        if len(names) == 1 and None not in names.values():
            groups[VersionId(model, str(names[raw[0]]))] = mine
            continue
        for i, version in zip(mine, raw, strict=True):
            name = names[version]
            if name is None:
                rejected = decoder.explain(batch.payloads.values[i])
                assert isinstance(rejected, Rejected), f"{version!r} is a name after all"
                _refuse(delta, progress, batch, i, rejected)
            else:
                groups.setdefault(VersionId(model, name), []).append(i)
    return {version: np.array(members) for version, members in groups.items()}


def _version_name(raw: str | float | None) -> str | None:
    if raw is None:
        return UNKNOWN_VERSION
    name = text_of_id(raw)
    return name if _NAME.match(name) else None


def _add_version(
    delta: Delta,
    progress: Mapping[int, Progress],
    batch: _Batch,
    version: VersionId,
    members: IntArray,
    decoder: Decoder,
    plans: PlanBook,
    clocks: Clocks,
    sampling_rate: float,
) -> None:
    events: list[DecodedEvent] = [batch.events[i] for i in members.tolist()]
    times = columns.event_times(events, batch.append_ms[members], clocks.future_skew_ms_max)
    refused = dict(times.refused)
    for k, event in enumerate(events):
        if event.prediction is None and event.error is None:
            refused[k] = _NO_PREDICTION
    kept = np.array([k for k in range(len(events)) if k not in refused], dtype=np.int64)
    if not refused:
        kept = np.arange(len(events))
    kept = _on_time(progress, batch, version, members, times.times_ms, kept, refused, clocks)
    for k, rejected in refused.items():
        _refuse(delta, progress, batch, int(members[k]), rejected)
    if len(kept) == 0:
        return
    _book(progress, "accepted", batch.partition[members[kept]])
    accepted = events if len(kept) == len(events) else [events[k] for k in kept.tolist()]
    names = decoder.feature_names(version.model)
    panes = delta.panes.setdefault(version, {})
    at = times.times_ms[kept]
    counted = _to_count(batch, accepted, at, members[kept], decoder, version.model)
    for plan, chosen in plans.split(version, at):
        count_events(panes, counted.take(chosen), plans.tier_ms(version), plan, sampling_rate)
    if plans.learns(version):
        where = members[kept]
        good = [k for k, event in enumerate(accepted) if event.error is None]
        rows = sample_rows(
            [accepted[k] for k in good],
            at[good],
            [_request_id(batch, int(where[k]), accepted[k], progress) for k in good],
            names,
            plans.sample_bounds.get(version),
        )
        delta.samples.setdefault(version, []).extend(rows)


def _to_count(
    batch: _Batch,
    events: list[DecodedEvent],
    times_ms: IntArray,
    members: IntArray,
    decoder: Decoder,
    model: str,
) -> Batch:
    """Accepted events with what is known of their requests."""
    names = decoder.feature_names(model)
    hashes = request_hashes(
        events, batch.partition[members], batch.offset[members], batch.index[members]
    )
    gained: dict[int, list[str]] = {}
    if names is not None:
        known = frozenset(names)
        for k in np.flatnonzero(hashes % GAINED_EVERY == 0).tolist():
            new = decoder.names_beyond(model, batch.payloads.values[int(members[k])], known)
            found = [name for name in new if len(name) <= FEATURE_NAME_CHARACTERS_MAX]
            if found:
                gained[k] = found
    identified = np.array([event.request_id is not None for event in events], dtype=np.bool_)
    return Batch(events, times_ms, hashes, identified, names, gained)


def _request_id(
    batch: _Batch, i: int, event: DecodedEvent, progress: Mapping[int, Progress]
) -> str:
    """Id of a request: the sender's, else its place in the log."""
    if event.request_id is not None:
        return text_of_id(event.request_id)
    record = batch.records[batch.payloads.record[i]]
    index = batch.payloads.index[i]
    place = f"{progress[int(batch.partition[i])].topic}/{record.partition()}/{record.offset()}"
    return place if index < 0 else f"{place}/{index}"


def _on_time(
    progress: Mapping[int, Progress],
    batch: _Batch,
    version: VersionId,
    members: IntArray,
    times_ms: IntArray,
    kept: IntArray,
    refused: dict[int, Rejected],
    clocks: Clocks,
) -> IntArray:
    """Drop events beyond the allowed lateness and advance the watermarks of each partition."""
    slack = clocks.disorder_ms + clocks.allowed_lateness_ms
    partitions = batch.partition[members[kept]]
    late_any = False
    for partition in np.unique(partitions).tolist():
        here = kept[partitions == partition]
        at = progress[partition]
        mark = at.watermarks.get(version)
        before = mark.event_ms if mark else NEVER_MS
        late = too_late(times_ms[here], before, slack)
        for k in here[late].tolist():
            late_any = True
            behind_s = (max(before, int(times_ms[here].max())) - int(times_ms[k])) / 1000
            detail = f"{behind_s:.0f} s behind the newest event of its partition"
            refused[k] = Rejected(Reason.TOO_LATE, detail)
        newest = max(before, int(times_ms[here].max()))
        at.watermarks[version] = Watermark(newest, int(batch.append_ms[members[here[-1]]]))
        at.touched.add(version)
    if not late_any:
        return kept
    return np.array([k for k in kept.tolist() if k not in refused], dtype=np.int64)


def _advance(
    progress: Mapping[int, Progress],
    polled: Sequence[Record],
    partitions: IntArray,
    append_ms: IntArray,
) -> None:
    for partition in np.unique(partitions).tolist():
        last = int(np.flatnonzero(partitions == partition)[-1])
        at = progress[partition]
        at.next = int(polled[last].offset() or 0) + 1
        at.clock_ms = max(at.clock_ms, int(append_ms[last]))
