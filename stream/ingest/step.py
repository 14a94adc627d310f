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
from stream.ingest.joining import (
    Labels,
    Requests,
    add_own_labels,
    add_requests,
    in_sample,
    request_keys,
)
from stream.ingest.progress import Progress, Refused, advance, book, book_unread
from stream.ingest.records import Payloads, Record
from stream.ingest.request_hash import request_hashes
from stream.ingest.sample import SampleRow, sample_rows
from stream.state.keys import VersionId
from stream.state.store import Watermark
from stream.window.count import FEATURE_NAME_CHARACTERS_MAX, Batch, count_events
from stream.window.delta import GAINED_EVERY, PaneDelta
from stream.window.label_terms import Groups
from stream.window.measured import MeasuredDelta
from stream.window.panes import PaneId
from stream.window.plan import CountingPlan, PlanBook
from stream.window.watermark import NEVER_MS, too_late

_NAME = re.compile(NAME_PATTERN)
_NO_PREDICTION = Rejected(Reason.MISSING_FIELD, "missing `prediction`")


@dataclass(slots=True)
class Delta:
    """Everything counted since the last commit.

    Attributes
    ----------
    panes, samples : by model version: what was counted, and rows of those that learn a baseline
    refused : what goes to ``ml.rejected``
    requests, labels : what goes to the join
    measured : figures that belong to no request, by model version
    """

    panes: dict[VersionId, dict[PaneId, PaneDelta]] = field(default_factory=dict)
    samples: dict[VersionId, list[SampleRow]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    requests: Groups = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    measured: dict[VersionId, dict[PaneId, MeasuredDelta]] = field(default_factory=dict)

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
    book(progress, "consumed", batch.partition)
    book_unread(payloads, polled, partitions, progress, delta.refused)
    for version, members in _group(delta, progress, batch, decoder).items():
        _add_version(
            delta, progress, batch, version, members, decoder, plans, clocks, sampling_rate
        )
    advance(progress, polled, partitions, append_ms)


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
    book(progress, "accepted", batch.partition[members[kept]])
    accepted = events if len(kept) == len(events) else [events[k] for k in kept.tolist()]
    names = decoder.feature_names(version.model)
    panes = delta.panes.setdefault(version, {})
    at = times.times_ms[kept]
    counted = _to_count(batch, accepted, at, members[kept], decoder, version.model)
    for plan, chosen in plans.split(version, at):
        count_events(panes, counted.take(chosen), plans.tier_ms(version), plan, sampling_rate)
        if plans.joins:
            where = members[kept[chosen]]
            _add_requests(delta, batch, version, where, at[chosen], progress, plans, plan, names)
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


def _add_requests(
    delta: Delta,
    batch: _Batch,
    version: VersionId,
    where: IntArray,
    times_ms: IntArray,
    progress: Mapping[int, Progress],
    plans: PlanBook,
    plan: CountingPlan,
    names: Sequence[str] | None,
) -> None:
    """Hand answered requests, at ``where`` in the batch, to the join, and the labels they bring."""
    places = where.tolist()
    good = np.array([k for k, i in enumerate(places) if batch.events[i].error is None], np.intp)
    if not len(good):
        return
    at = where[good]
    events = [batch.events[i] for i in at.tolist()]
    ids = [
        _request_id(batch, i, event, progress) for i, event in zip(at.tolist(), events, strict=True)
    ]
    requests = Requests(
        events,
        request_keys(ids),
        times_ms[good],
        batch.append_ms[at],
        batch.partition[at],
        batch.offset[at],
        batch.index[at],
    )
    rate = plans.labels(version).sampling_rate
    if rate < 1:
        requests = requests.take(np.flatnonzero(in_sample(requests.keys, rate)))
    if len(requests.events):
        add_requests(delta.requests, requests, plans.label_terms(version, plan), names)
        add_own_labels(delta.labels, requests, version.model)


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
