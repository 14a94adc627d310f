"""Bottom-k sample of the events of a model version that has no baseline yet.

The k events whose request ids have the smallest hashes are kept. Which ones these are does not
depend on the order or the batching of events, so a replay draws the same sample, and it is a
uniform sample of distinct requests. It becomes the provisional baseline.
"""

import hashlib
import heapq
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from stream.arrays import IntArray
from stream.ingest.decode import DecodedEvent
from stream.window.count import FEATURE_NAME_CHARACTERS_MAX

HASH_BYTES = 6
"""48 bits: a double, which is what Redis' scores are, holds them exactly."""
ROW_BYTES_MAX = 4_000
"""A longer row goes without its arrays, and is left out if it is too long even so: 5,000 rows then
stay below 20 MB, and usually at 2 MB."""

_ITEM_TYPES = frozenset({int, float, str, type(None)})

SampleRow = tuple[int, bytes]


class SampledEvent(msgspec.Struct, array_like=True, frozen=True):
    """One row of the sample."""

    request_id: str
    time_ms: int
    features: dict[str, bool | int | float | str | list[float | str | None] | None]
    prediction: bool | int | float | str | None
    probability: float | None


def hash_of(request_id: str) -> int:
    """Hash by which events are chosen."""
    digest = hashlib.blake2b(request_id.encode("utf-8", "replace"), digest_size=HASH_BYTES)
    return int.from_bytes(digest.digest(), "big")


def sample_rows(
    events: Sequence[DecodedEvent],
    times_ms: IntArray,
    request_ids: Sequence[str],
    names: Sequence[str] | None,
    bound: float | None,
) -> list[SampleRow]:
    """Rows of the events that may belong to the sample.

    Parameters
    ----------
    events : n events without ``error``
    times_ms : (n,) their event times
    request_ids : n ids
    names : features in the order of the events' feature struct; None where they are dicts
    bound : the largest hash in a sample that is full; None while it is not
    """
    rows = []
    for event, time_ms, request_id in zip(events, times_ms.tolist(), request_ids, strict=True):
        score = hash_of(request_id)
        if bound is not None and score >= bound:
            continue
        features: Any = event.features or {}
        if names is not None and event.features is not None:
            features = dict(zip(names, msgspec.structs.astuple(event.features), strict=True))
        values = [
            request_id,
            time_ms,
            {k: v for k, v in features.items() if _is_kept(k, v)},
            None if isinstance(event.prediction, list) else event.prediction,
            None if isinstance(event.probability, dict) else event.probability,
        ]
        row = _encoded(values)
        if len(row) > ROW_BYTES_MAX:  # a long embedding, most likely
            scalars = {k: v for k, v in values[2].items() if not isinstance(v, list)}
            row = _encoded([*values[:2], scalars, *values[3:]])
        if len(row) <= ROW_BYTES_MAX:
            rows.append((score, row))
    return rows


def _encoded(row: list[Any]) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        row[2] = {name: _bounded(value) for name, value in row[2].items()}
        row[3] = _bounded(row[3])
        return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def _bounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    if not isinstance(value, int) or -(2**63) <= value < 2**64:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def _is_kept(name: str, value: Any) -> bool:
    """Whether a baseline could hold it: no object, nor an array of more than numbers or strings."""
    if len(name) > FEATURE_NAME_CHARACTERS_MAX or isinstance(value, dict):
        return False
    return not isinstance(value, list) or _ITEM_TYPES.issuperset(map(type, value))


def smallest(rows: Sequence[SampleRow], rows_max: int) -> list[SampleRow]:
    """The ``rows_max`` rows with the smallest hashes."""
    return list(rows) if len(rows) <= rows_max else heapq.nsmallest(rows_max, rows)
