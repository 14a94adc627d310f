"""Accepted events and labels as ``join.lua`` takes them: packed by column, not event by event.

A request is known by eight bytes of its id's hash: the first two choose the bucket, the other six
are its id there. Of these the last four also decide whether it is in a sample.
"""

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.events import Probability
from stream.arrays import ByteArray, FloatArray, IntArray
from stream.ingest import columns
from stream.ingest.decode import DecodedEvent
from stream.window.label_terms import HASH_BYTES, Groups, LabelTerms, Mode, classes_of
from stream.window.label_text import name_hash, ranking_bytes, relevance_bytes, scalar_text

_SAMPLED_FROM = 4
PREDICTIONS_BIT, INDEX_BIT = 16384, 32768
"""In the place of a record, beside its partition: it is of the topic of predictions; its index in
the record follows."""
_MODEL, _VERSION, _VALUE, _NUMBER, _RANKING, _METRICS = 1, 2, 4, 8, 16, 32
_METRICS_MAX = 16
_METRIC_NAME_BYTES_MAX = 128
_LABEL, _LABEL_IN_BATCH = struct.Struct("<IHHIIB"), struct.Struct("<IHHIHIB")
"""Timestamp in two parts, place, offset, [index], append time and flags."""
_U16 = struct.Struct("<H")
_DOUBLE = struct.Struct("<d")
_U32_MAX = 2**32 - 1
"""A producer that sets the time of its records may set any."""

_NUMBERS = (int, float)
_SCALARS = (int, float, bool, str)

Form = tuple[Mode, tuple[str, ...], bool]
"""Mode, classes with a probability, and whether there is a single one."""


def request_keys(ids: Iterable[str]) -> ByteArray:
    """Hash request ids, shape ``(n, 8)``."""
    blake2b = hashlib.blake2b
    digests = [blake2b(i.encode("utf-8", "replace"), digest_size=HASH_BYTES).digest() for i in ids]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, HASH_BYTES)


def in_sample(keys: ByteArray, rate: float) -> npt.NDArray[np.bool_]:
    """Which requests a sample of this rate holds, shape ``(n,)``: the same for labels."""
    shares = np.ascontiguousarray(keys[:, _SAMPLED_FROM:]).view("<u4")[:, 0]
    return shares < rate * 2**32


@dataclass(frozen=True, slots=True)
class Requests:
    """Events of one model version that were answered, n of them.

    Attributes
    ----------
    events : n events
    keys : (n, 8) hashes of their ids
    times_ms, append_ms : (n,)
    partitions, offsets, indexes : (n,) their places in the log; index -1 outside of batches
    """

    events: Sequence[DecodedEvent]
    keys: ByteArray
    times_ms: IntArray
    append_ms: IntArray
    partitions: IntArray
    offsets: IntArray
    indexes: IntArray

    def take(self, chosen: npt.NDArray[np.intp]) -> "Requests":
        """Some of them; ``chosen`` are positions, ascending."""
        if len(chosen) == len(self.events):
            return self
        return Requests(
            [self.events[i] for i in chosen.tolist()],
            self.keys[chosen],
            self.times_ms[chosen],
            self.append_ms[chosen],
            self.partitions[chosen],
            self.offsets[chosen],
            self.indexes[chosen],
        )


def add_requests(
    groups: Groups, requests: Requests, terms: LabelTerms, names: Sequence[str] | None
) -> None:
    """Pack requests whose predictions a label can be compared with.

    Parameters
    ----------
    groups : extended
    requests : counted by one plan
    terms : of the model version and that plan
    names : features in the order of the events' feature struct
    """
    segments = _segment_codes(requests.events, names, terms)
    for (mode, classes, binary), chosen in _by_form(requests.events, terms).items():
        made = terms.of(mode, classes, binary=binary)
        part = requests.take(chosen)
        scores = _scores(part.events, classes, binary=binary)
        for rest, of in _by_rest(part.events, mode):
            one_length = part.take(of)
            record = _records(one_length, segments[chosen][of], scores[of], rest)
            for indexed in (False, True):
                has = np.flatnonzero((one_length.indexes >= 0) == indexed)
                if len(has):
                    blob = record(has, indexed)
                    groups.setdefault((made, blob.shape[1]), []).append(blob.tobytes())


def _by_form(events: Sequence[DecodedEvent], terms: LabelTerms) -> dict[Form, npt.NDArray[np.intp]]:
    """Positions of events by what their entries hold; no label can be compared with the others."""
    types = {(type(event.prediction), type(event.probability)) for event in events}
    if terms.plan.mode in (None, Mode.CLASS) and all(
        prediction in _SCALARS and probability in _NUMBERS for prediction, probability in types
    ):
        return {(Mode.CLASS, (terms.plan.positive,), True): np.arange(len(events))}
    found: dict[Form, list[int]] = {}
    form_of = _form_finder(terms)
    for i, event in enumerate(events):
        form = form_of(event)
        if form is not None:
            found.setdefault(form, []).append(i)
    return {form: np.array(members) for form, members in found.items()}


def _form_finder(terms: LabelTerms) -> Callable[[DecodedEvent], Form | None]:
    """What an event's entry holds; None where no label can be compared with its prediction."""
    decided, positive = terms.plan.mode, terms.plan.positive
    single: Form = (Mode.CLASS, (positive,), True)
    bare: Form = (Mode.CLASS, (), False)
    number, auto, ranking = ((mode, (), False) for mode in (Mode.NUMBER, Mode.AUTO, Mode.RANKING))
    by_names: dict[tuple[str, ...], Form] = {}

    def find(event: DecodedEvent) -> Form | None:
        prediction = event.prediction
        kind = type(prediction)
        if kind is list:
            return ranking if decided in (None, Mode.RANKING) and _ranks(prediction) else None
        is_number = kind in (int, float) and math.isfinite(_as_float(prediction))
        if decided in (Mode.NUMBER, Mode.RANKING) or prediction is None:
            return number if decided is Mode.NUMBER and is_number else None
        return of_scalar(event.probability, is_number=is_number)

    def of_scalar(probability: Probability | None, *, is_number: bool) -> Form:
        if probability is None:
            return auto if decided is None and is_number else bare
        if not isinstance(probability, dict):
            return single
        names = tuple([name for name, value in probability.items() if value is not None])
        form = by_names.get(names)
        if form is None:
            form = by_names[names] = _form_of(names, positive)
        return form

    return find


def _ranks(prediction: Any) -> bool:
    """Whether a list is of items, not of numbers with fractions: then it is an embedding, say."""
    return not any(isinstance(item, float) and not item.is_integer() for item in prediction)


def _form_of(names: Sequence[str], positive: str) -> Form:
    if len(names) <= 2 and positive in names:  # noqa: PLR2004  # it and the other one
        return (Mode.CLASS, (positive,), True)
    return (Mode.CLASS, classes_of(names), False)


def _scores(
    events: Sequence[DecodedEvent], classes: tuple[str, ...], *, binary: bool
) -> FloatArray:
    """Probabilities, shape ``(n, classes)``; NaN where an event has none."""
    if not classes:
        return np.empty((len(events), 0))
    if binary:
        return columns.positive_probabilities(events, classes[0])[:, None]
    probabilities_of = itemgetter(*classes)
    rows = [probabilities_of(event.probability) for event in events]  # type: ignore[arg-type]
    return np.array(rows, dtype=np.float64).reshape(len(events), len(classes))


def _segment_codes(
    events: Sequence[DecodedEvent], names: Sequence[str] | None, terms: LabelTerms
) -> ByteArray:
    """Segment of each event in each split, shape ``(n, splits)``."""
    codes = np.empty((len(events), len(terms.plan.segments)), dtype=np.uint8)
    for k, column in enumerate(terms.plan.segments):
        codes[:, k] = column.codes_of(columns.segment_values(events, names, column))
    return codes


def _by_rest(
    events: Sequence[DecodedEvent], mode: Mode
) -> Iterable[tuple[ByteArray, npt.NDArray[np.intp]]]:
    """Events by the length of what was predicted: its bytes, shape ``(n, length)``, and which."""
    if mode in (Mode.NUMBER, Mode.AUTO):
        numbers = np.array([_as_float(event.prediction) for event in events], dtype="<f8")
        return [(numbers.view(np.uint8).reshape(-1, 8), np.arange(len(events)))]
    texts = _class_bytes(events) if mode is Mode.CLASS else _ranking_bytes(events)
    lengths = set(map(len, texts))
    if len(lengths) == 1:
        joined = np.frombuffer(b"".join(texts), np.uint8)
        return [(joined.reshape(len(texts), lengths.pop()), np.arange(len(texts)))]
    by_length: dict[int, list[int]] = {}
    for i, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(i)
    return [
        (
            np.frombuffer(b"".join([texts[i] for i in of]), np.uint8).reshape(len(of), length),
            np.array(of),
        )
        for length, of in by_length.items()
    ]


def _class_bytes(events: Sequence[DecodedEvent]) -> list[bytes]:
    known: dict[Any, bytes] = {}
    out = []
    for event in events:
        value: Any = event.prediction
        text = known.get(value)
        if text is None:
            text = known[value] = scalar_text(value).encode()
        out.append(text)
    return out


def _ranking_bytes(events: Sequence[DecodedEvent]) -> list[bytes]:
    return [ranking_bytes(event.prediction) for event in events]  # type: ignore[arg-type]


def _records(
    requests: Requests, segments: ByteArray, scores: FloatArray, rest: ByteArray
) -> Callable[[npt.NDArray[np.intp], bool], ByteArray]:
    """Pack requests of one length; the terms' code is filled in when it is known."""
    n = len(requests.events)
    code = np.zeros((n, 4), dtype=np.uint8)
    append = _bytes_of(np.minimum(requests.append_ms // 1000, _U32_MAX), 4)
    event = _bytes_of(requests.times_ms, 6)
    score = np.ascontiguousarray(scores, dtype="<f8").view(np.uint8).reshape(n, -1)
    offset = _bytes_of(requests.offsets, 4)

    def pack(chosen: npt.NDArray[np.intp], indexed: bool) -> ByteArray:
        place = requests.partitions % PREDICTIONS_BIT + PREDICTIONS_BIT + indexed * INDEX_BIT
        parts = [requests.keys, code, append, event, segments, score, _bytes_of(place, 2), offset]
        if indexed:
            parts.append(_bytes_of(requests.indexes, 2))
        return np.ascontiguousarray(np.hstack([*parts, rest])[chosen])

    return pack


def _bytes_of(values: IntArray, size: int) -> ByteArray:
    """Lowest bytes of integers, little-endian, shape ``(n, size)``."""
    return np.ascontiguousarray(values, dtype="<i8").view(np.uint8).reshape(-1, 8)[:, :size]


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


@dataclass(slots=True)
class Labels:
    """Labels to join: places of their requests and bodies, in turn."""

    parts: list[bytes] = field(default_factory=list)

    def add(
        self,
        key: bytes,
        *,
        time_ms: int,
        place: tuple[int, int, int],
        append_ms: int,
        label: Any,
        metrics: Mapping[str, float | None] | None,
        model: bytes | None,
        version: bytes | None,
    ) -> None:
        """Add one label.

        Parameters
        ----------
        key : (8 bytes) of its request
        time_ms : when it was known
        place : partition (with `PREDICTIONS_BIT`, where it came with its prediction), offset, and
            index, which is -1 outside of batches
        append_ms : of its record
        label, metrics : as sent
        model, version : hashes of the names it is restricted to
        """
        partition, offset, index = place
        flags = (_MODEL if model else 0) | (_VERSION if version else 0)
        value = b""
        if isinstance(label, list | dict):
            raw = relevance_bytes(label)
            flags, value = flags | _RANKING, _U16.pack(len(raw)) + raw
        elif label is not None:
            kind, value = _scalar_bytes(label)
            flags |= kind
        if metrics:
            figures = _metric_bytes(metrics)
            value, flags = value + figures, flags | (_METRICS if figures else 0)
        low, high = time_ms % 2**32, time_ms >> 32
        offset, append_s = offset % 2**32, min(append_ms // 1000, _U32_MAX)
        if index < 0:
            head = _LABEL.pack(low, high, partition, offset, append_s, flags)
        else:
            partition, index = partition + INDEX_BIT, index % 2**16
            head = _LABEL_IN_BATCH.pack(low, high, partition, offset, index, append_s, flags)
        self.parts += (key, head + (model or b"") + (version or b"") + value)


@lru_cache(maxsize=1024, typed=True)
def _scalar_bytes(label: str | float | bool) -> tuple[int, bytes]:
    """Flags of a label and its bytes; classes are few, and come again and again."""
    is_number = isinstance(label, int | float) and not isinstance(label, bool)
    text = scalar_text(label).encode()
    return _VALUE | (_NUMBER if is_number else 0), bytes([len(text)]) + text


def _metric_bytes(metrics: Mapping[str, float | None]) -> bytes:
    out = []
    for name, value in metrics.items():
        raw = name.encode("utf-8", "replace")
        if value is not None and math.isfinite(value) and 0 < len(raw) <= _METRIC_NAME_BYTES_MAX:
            out.append(bytes([len(raw)]) + raw + _DOUBLE.pack(value))
    return b"".join(out[:_METRICS_MAX])


def add_own_labels(labels: Labels, requests: Requests, model: str) -> None:
    """Add the labels that events bring along; they are about this model's answers alone."""
    for i, event in enumerate(requests.events):
        if event.label is None:
            continue
        partition = int(requests.partitions[i]) % PREDICTIONS_BIT + PREDICTIONS_BIT
        labels.add(
            requests.keys[i].tobytes(),
            time_ms=int(requests.times_ms[i]),
            place=(partition, int(requests.offsets[i]), int(requests.indexes[i])),
            append_ms=int(requests.append_ms[i]),
            label=event.label,
            metrics=None,
            model=name_hash(model),
            version=None,
        )
