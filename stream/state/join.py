"""The join in Redis: predictions and labels handed to ``join.lua``, and what it says of itself."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from stream.state.client import RedisClient
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.state.packed import packed, raw, raw_list
from stream.state.store import CommitRefusedError, script
from stream.window.label_terms import CODE_BYTES, HASH_BYTES, Groups, LabelTerms

REQUESTS_AT_ONCE = 2_000
LABELS_AT_ONCE = 2_000
"""In one call, which takes Redis 5 to 50 ms: longer where labels are of many panes."""
TERMS_SENT_AGAIN_S = 3_600
_TERMS_KEPT_S = 30 * 86_400
"""Beyond twice the longest wait: entries that name them are swept by the log's clock, which stands
still while no worker runs."""
_NOT_OURS = 2
_CODE_AT = HASH_BYTES
_TRIES = 3
JOIN_OUTCOMES = (
    "matched",
    "corrected",
    "repeated",
    "early",
    "orphaned",
    "dropped",
    "unlabelled",
    "evicted",
)
"""What becomes of predictions and labels: fields of `JoinFigures`."""


@dataclass(frozen=True, slots=True)
class JoinFigures:
    """What the join holds, and what became of predictions and labels since it began.

    Attributes
    ----------
    entries : requests that are remembered
    memory_bytes : what they take, about
    matched, corrected, repeated : predictions that got a label; whose label was replaced by
        another; labels that said the same again
    early : labels that came before their prediction
    orphaned, dropped : labels that waited in vain; that were not kept, as memory was short
    unlabelled, evicted : predictions that waited in vain; that were left out, as memory was short
    rates : share of the requests that is joined, of the versions for which memory is short
    """

    entries: int
    memory_bytes: int
    matched: int
    corrected: int
    repeated: int
    early: int
    orphaned: int
    dropped: int
    unlabelled: int
    evicted: int
    rates: Mapping[str, float]


def read_join(client: RedisClient, namespace: str) -> JoinFigures:
    """Read what the join of a namespace says of itself."""
    stored = client.hgetall(StateKeys(namespace).join)
    fields = {name.decode(): int(value) for name, value in stored.items()}
    sizes = [size for name, size in fields.items() if name.startswith("bytes:")]
    rates = {
        name.removeprefix("rate:"): share / 2**32
        for name, share in fields.items()
        if name.startswith("rate:")
    }
    counts = {name: fields.get(name, 0) for name in ("entries", *JOIN_OUTCOMES)}
    return JoinFigures(memory_bytes=max(0, sum(sizes)), rates=rates, **counts)


class Hold(NamedTuple):
    """A partition, who owns it and at which offset it stands, as its owner knows them."""

    partition: PartitionId
    owner: str
    base: int


class TermsLostError(Exception):
    """Redis lost the terms of entries as often as they were sent."""


class JoinStore:
    """Hands predictions and labels to the join of one namespace.

    Parameters
    ----------
    client, namespace : as everywhere
    bytes_max : what entries may take, about
    """

    def __init__(self, client: RedisClient, namespace: str, bytes_max: int) -> None:
        self._client = client
        self._keys = StateKeys(namespace)
        self._bytes_max = bytes_max
        self._join = client.register_script(
            script("changes.lua", "entries.lua", "figures.lua", "join.lua")
        )
        self._codes: dict[LabelTerms, tuple[bytes, float]] = {}

    def join(
        self,
        groups: Groups,
        labels: Sequence[bytes],
        horizon_s: int,
        holds: Sequence[Hold] = (),
    ) -> set[VersionId]:
        """Register predictions and apply labels; again, this changes nothing.

        Parameters
        ----------
        groups : predictions, of :func:`stream.ingest.joining.add_requests`
        labels : of :class:`stream.ingest.joining.Labels`
        horizon_s : the longest time that a prediction or a label waits
        holds : partitions that they came from, as their owner knows them

        Returns
        -------
        Model versions whose label panes changed.

        Raises
        ------
        CommitRefusedError
            When a partition has another owner or stands at another offset.
        """
        changed: set[VersionId] = set()
        for part in _parts(groups):
            changed |= self._call(part, [], horizon_s, holds)
        for first in range(0, len(labels), 2 * LABELS_AT_ONCE):
            some = labels[first : first + 2 * LABELS_AT_ONCE]
            changed |= self._call([], some, horizon_s, holds)
        return changed

    def sweep(self, horizon_s: int) -> set[VersionId]:
        """Leave out what has waited long enough, a part of it, where nothing else is to do."""
        return self._call([], [], horizon_s, ())

    def _call(
        self,
        part: Sequence[tuple[LabelTerms, int, bytes]],
        labels: Sequence[bytes],
        horizon_s: int,
        holds: Sequence[Hold],
    ) -> set[VersionId]:
        for _ in range(_TRIES):
            codes = [self._code(terms, horizon_s) for terms, _, _ in part]
            plan: dict[str, Any] = {
                "root": self._keys.join_root,
                "prefix": self._keys.root,
                "horizon": horizon_s,
                "bytes_max": self._bytes_max,
                "groups": [
                    [raw(code), width] for code, (_, width, _) in zip(codes, part, strict=True)
                ],
                "labels": raw_list(labels),
                "holds": [
                    [self._keys.partition(one.partition), one.owner, one.base] for one in holds
                ],
            }
            blobs = [
                _with_code(blob, width, code)
                for code, (_, width, blob) in zip(codes, part, strict=True)
            ]
            keys = [
                self._keys.join,
                self._keys.clocks,
                self._keys.label_clocks,
                self._keys.versions,
            ]
            answer = cast("list[Any]", self._join(keys=keys, args=[packed(plan), *blobs]))
            if answer[0] == 1:
                return {VersionId(*name.decode().split(" ")) for name in answer[1]}
            if answer[0] == _NOT_OURS:
                raise CommitRefusedError(f"partition {answer[1].decode()} is not ours any more")
            self._codes.clear()
        raise TermsLostError("Redis lost the terms of the join three times: is it out of memory?")

    def _code(self, terms: LabelTerms, horizon_s: int) -> bytes:
        """Code of terms that are in Redis: the first of their hashes that names no others."""
        known = self._codes.get(terms)
        now_s = time.monotonic()
        if known is not None and now_s - known[1] < TERMS_SENT_AGAIN_S:
            return known[0]
        payload = terms.payload()
        code = next(c for c in terms.codes(payload) if self._is_free(c, payload))
        self._client.set(self._keys.terms(code), payload, ex=2 * horizon_s + _TERMS_KEPT_S)
        self._codes[terms] = (code, now_s)
        return code

    def _is_free(self, code: bytes, payload: bytes) -> bool:
        stored = self._client.get(self._keys.terms(code))
        return stored is None or stored == payload


def _parts(groups: Groups) -> list[list[tuple[LabelTerms, int, bytes]]]:
    """Records in portions for one call each."""
    parts: list[list[tuple[LabelTerms, int, bytes]]] = [[]]
    room = REQUESTS_AT_ONCE
    for (terms, width), blobs in groups.items():
        blob = b"".join(blobs)
        while blob:
            if room == 0:
                parts.append([])
                room = REQUESTS_AT_ONCE
            taken, blob = blob[: room * width], blob[room * width :]
            parts[-1].append((terms, width, taken))
            room -= len(taken) // width
    return parts if parts[0] else []


def _with_code(blob: bytes, width: int, code: bytes) -> bytes:
    records = np.frombuffer(blob, dtype=np.uint8).reshape(-1, width).copy()
    records[:, _CODE_AT : _CODE_AT + CODE_BYTES] = np.frombuffer(code, dtype=np.uint8)
    return records.tobytes()
