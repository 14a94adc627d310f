"""Labels and measurements of one poll: taken apart, decoded, judged and booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from schemas.errors import Reason, Rejected
from schemas.events import LabelEvent, MeasurementEvent
from stream.ingest import columns, records
from stream.ingest.decode import decode_lenient
from stream.ingest.progress import Progress, Refused, advance, book, book_unread
from stream.ingest.records import Record

Kind = TypeVar("Kind", LabelEvent, MeasurementEvent)
_decode: Mapping[type, Any] = {
    kind: msgspec.json.Decoder(kind).decode for kind in (LabelEvent, MeasurementEvent)
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is accepted: length of an event, and how far a timestamp may lie ahead."""

    event_bytes_max: int
    future_skew_ms_max: int


class Accepted(msgspec.Struct, Generic[Kind], frozen=True, gc=False):
    """An event, its time, the record it came in and its place in that; -1 outside of batches.

    ``gc=False``: made in a tenth of the time, and the collector need not walk thousands of them.
    """

    event: Kind
    time_ms: int
    record: Record
    index: int


def accept(
    kind: type[Kind],
    polled: Sequence[Record],
    progress: Mapping[int, Progress],
    refused: list[Refused],
    limits: Limits,
) -> list[Accepted[Kind]]:
    """Return the events of one poll that are sound, in the order of the log.

    Parameters
    ----------
    kind : what the records hold
    polled : of one topic
    progress : by partition, moved past them
    refused : extended by the others
    limits : by which they are judged
    """
    payloads = records.split(list(polled), limits.event_bytes_max)
    partitions = np.array([record.partition() for record in polled], dtype=np.int64)
    append_ms = np.array([record.timestamp()[1] for record in polled], dtype=np.int64)
    of_record = np.array(payloads.record, dtype=np.intp)
    book_unread(payloads, polled, partitions, progress, refused)
    events = [_decoded(payload, kind, limits.event_bytes_max) for payload in payloads.values]
    book(progress, "consumed", partitions[of_record])
    good = [i for i, event in enumerate(events) if not isinstance(event, Rejected)]
    wrong = {i: event for i, event in enumerate(events) if isinstance(event, Rejected)}
    known: list[Any] = [events[i] for i in good]
    times = columns.event_times(known, append_ms[of_record[good]], limits.future_skew_ms_max)
    wrong |= {good[k]: rejected for k, rejected in times.refused.items()}
    for i, rejected in sorted(wrong.items()):
        record = polled[payloads.record[i]]
        refused.append(Refused(record, payloads.values[i], payloads.index[i], rejected))
        book(progress, "rejected", partitions[of_record[[i]]])
    out = [
        Accepted(event, time_ms, polled[payloads.record[i]], payloads.index[i])
        for i, event, time_ms in zip(good, known, times.times_ms.tolist(), strict=True)
        if i not in wrong
    ]
    if out:
        kept = [i for i in good if i not in wrong]
        book(progress, "accepted", partitions[of_record[kept]])
    advance(progress, polled, partitions, append_ms)
    return out


def _decoded(payload: bytes, kind: type[Kind], bytes_max: int) -> Kind | Rejected:
    if len(payload) > bytes_max:
        detail = f"{len(payload)} bytes; at most {bytes_max} are accepted"
        return Rejected(Reason.TOO_LARGE, detail)
    if payload.isascii():
        try:
            event: Kind = _decode[kind](payload)
        except (msgspec.DecodeError, RecursionError):
            pass  # the slower way says what is wrong
        else:
            return event
    return decode_lenient(payload, kind)
