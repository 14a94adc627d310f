"""Hashes of request ids, by which requests are sampled: the same in every process and order.

A request is in a sample of rate r when its hash is below r * 2**32, in this process, in a replay
and beside its label alike. Events without an id of their own are known by their place in the log.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from schemas.names import text_of_id
from stream.arrays import IntArray
from stream.ingest.decode import DecodedEvent
from stream.sketches.bottom_k import HashArray

HASH_RANGE = 2**32


def request_hashes(
    events: Sequence[DecodedEvent], partitions: IntArray, offsets: IntArray, indexes: IntArray
) -> HashArray:
    """Hash the request ids of n events.

    Parameters
    ----------
    events : n events
    partitions, offsets, indexes : (n,) places in the log; index -1 outside of batches

    Returns
    -------
    (n,) hashes
    """
    crc32 = zlib.crc32
    ids = [event.request_id for event in events]
    if set(map(type, ids)) == {str}:
        raw = np.array([crc32(i.encode("utf-8", "replace")) for i in ids], dtype=np.uint32)  # type: ignore[union-attr]
        return _mixed(raw)
    texts = [
        f"{p}/{o}/{k}" if i is None else text_of_id(i)
        for i, p, o, k in zip(
            ids, partitions.tolist(), offsets.tolist(), indexes.tolist(), strict=True
        )
    ]
    return _mixed(np.array([crc32(t.encode("utf-8", "replace")) for t in texts], dtype=np.uint32))


def _mixed(crc: HashArray) -> HashArray:
    """Spread checksums over all 32 bits (the finaliser of MurmurHash3, which is a bijection)."""
    h = crc
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def is_sampled(hashes: HashArray, rate: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which requests are in the sample of this rate, shape ``(n,)``."""
    return hashes < rate * HASH_RANGE
