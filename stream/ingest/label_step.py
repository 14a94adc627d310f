"""One poll's label records into what goes to the join: decode, judge, pack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from schemas.errors import Reason, Rejected
from schemas.events import LabelEvent
from schemas.names import text_of_id
from stream.arrays import BoolArray, ByteArray
from stream.ingest import columns, records
from stream.ingest.decode import decode_lenient
from stream.ingest.joining import Labels, in_sample, request_keys
from stream.ingest.progress import Progress, Refused, advance, book, book_unread
from stream.ingest.records import Record
from stream.window.label_text import name_hash

LabelRate = Callable[[str | None, str | None], float]
"""Share of the requests whose labels are kept, by the model and the version that a label names."""
_decode = msgspec.json.Decoder(LabelEvent).decode


@dataclass(frozen=True, slots=True)
class LabelJudge:
    """What labels are judged by.

    Attributes
    ----------
    event_bytes_max : a longer label is refused
    future_skew_ms_max : how far a timestamp may lie ahead of its record's append time
    rate : share of the requests whose labels are kept
    """

    event_bytes_max: int
    future_skew_ms_max: int
    rate: LabelRate


def add_labels(
    labels: Labels,
    refused: list[Refused],
    polled: Sequence[Record],
    progress: Mapping[int, Progress],
    judge: LabelJudge,
) -> None:
    """Pack the labels of one poll and move ``progress`` past them.

    Parameters
    ----------
    labels, refused : extended
    polled : records of the topic of labels
    progress : by partition
    judge : what they are judged by
    """
    payloads = records.split(list(polled), judge.event_bytes_max)
    partitions = np.array([record.partition() for record in polled], dtype=np.int64)
    append_ms = np.array([record.timestamp()[1] for record in polled], dtype=np.int64)
    of_record = np.array(payloads.record, dtype=np.intp)
    book_unread(payloads, polled, partitions, progress, refused)
    events = [_decoded(payload, judge.event_bytes_max) for payload in payloads.values]
    book(progress, "consumed", partitions[of_record])
    good = [i for i, event in enumerate(events) if isinstance(event, LabelEvent)]
    wrong = {i: event for i, event in enumerate(events) if isinstance(event, Rejected)}
    known: list[LabelEvent] = [events[i] for i in good]  # type: ignore[misc]
    times = columns.event_times(known, append_ms[of_record[good]], judge.future_skew_ms_max)
    wrong |= {good[k]: rejected for k, rejected in times.refused.items()}
    for i, rejected in sorted(wrong.items()):
        record = polled[payloads.record[i]]
        refused.append(Refused(record, payloads.values[i], payloads.index[i], rejected))
        book(progress, "rejected", partitions[of_record[[i]]])
    kept = [k for k in range(len(good)) if k not in times.refused]
    if kept:
        book(progress, "accepted", partitions[of_record[[good[k] for k in kept]]])
        keys = request_keys([text_of_id(known[k].request_id) for k in kept])
        sampled = _sampled(keys, [known[k] for k in kept], judge.rate)
        for row in np.flatnonzero(sampled).tolist():
            k = kept[row]
            record = polled[payloads.record[good[k]]]
            event = known[k]
            version = None if event.model_version is None else text_of_id(event.model_version)
            labels.add(
                keys[row].tobytes(),
                time_ms=int(times.times_ms[k]),
                place=(
                    int(record.partition() or 0),
                    int(record.offset() or 0),
                    payloads.index[good[k]],
                ),
                append_ms=int(record.timestamp()[1]),
                label=event.label,
                metrics=event.metrics,
                model=None if event.model_name is None else name_hash(event.model_name),
                version=None if version is None else name_hash(version),
            )
    advance(progress, polled, partitions, append_ms)


def _decoded(payload: bytes, bytes_max: int) -> LabelEvent | Rejected:
    if len(payload) > bytes_max:
        detail = f"{len(payload)} bytes; at most {bytes_max} are accepted"
        return Rejected(Reason.TOO_LARGE, detail)
    if payload.isascii():
        try:
            return _decode(payload)
        except (msgspec.DecodeError, RecursionError):
            pass  # the slower way says what is wrong
    return decode_lenient(payload, LabelEvent)


def _sampled(keys: ByteArray, events: Sequence[LabelEvent], rate: LabelRate) -> BoolArray:
    """Which labels are of requests that are joined, shape ``(n,)``."""
    named = [
        (e.model_name, None if e.model_version is None else text_of_id(e.model_version))
        for e in events
    ]
    rates = {pair: rate(*pair) for pair in set(named)}
    out = np.ones(len(events), dtype=np.bool_)
    for pair, share in rates.items():
        if share < 1:
            mine = np.array([one == pair for one in named])
            out[mine] = in_sample(keys[mine], share)
    return out
