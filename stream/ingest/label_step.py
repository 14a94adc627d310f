"""One poll's label records into what goes to the join: decode, judge, pack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.events import LabelEvent
from schemas.names import text_of_id
from stream.arrays import BoolArray, ByteArray
from stream.ingest.accepted import Limits, accept
from stream.ingest.joining import Labels, in_sample, request_keys
from stream.ingest.progress import Progress, Refused
from stream.ingest.records import Record
from stream.window.label_text import name_hash

LabelRate = Callable[[str | None, str | None], float]
"""Share of the requests whose labels are kept, by the model and the version that a label names."""


@dataclass(frozen=True, slots=True)
class LabelJudge:
    """What labels are judged by.

    Attributes
    ----------
    limits : by which they are refused
    rate : share of the requests whose labels are kept
    """

    limits: Limits
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
    found = accept(LabelEvent, polled, progress, refused, judge.limits)
    if not found:
        return
    keys = request_keys([text_of_id(one.event.request_id) for one in found])
    sampled = _sampled(keys, [one.event for one in found], judge.rate)
    for row in np.flatnonzero(sampled).tolist():
        one = found[row]
        event, record = one.event, one.record
        version = None if event.model_version is None else text_of_id(event.model_version)
        labels.add(
            keys[row].tobytes(),
            time_ms=one.time_ms,
            place=(int(record.partition() or 0), int(record.offset() or 0), one.index),
            append_ms=int(record.timestamp()[1]),
            label=event.label,
            metrics=event.metrics,
            model=None if event.model_name is None else name_hash(event.model_name),
            version=None if version is None else name_hash(version),
        )


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
