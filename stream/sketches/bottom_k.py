"""Bottom-k sample of hashes with their counts: how many requests came more than once.

The k smallest hashes of a stream are a uniform sample of its distinct items, whatever the order in
which they came and in which parts were merged; each one's count is exact. Below k distinct items
the sample is the whole. The standard error of a share estimated from it is
``sqrt(share * (1 - share) / k)``: 1.4 points at 5 % with k = 256.

References
----------
.. [1] E. Cohen, H. Kaplan, Summarizing data using bottom-k sketches, PODC 2007.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream.arrays import IntArray

HashArray = npt.NDArray[np.uint32]


class BottomK(NamedTuple):
    """A sample: the ``bound`` smallest hashes, ascending, and how often each came."""

    bound: int
    hashes: HashArray
    counts: IntArray

    @property
    def repeated_share(self) -> float | None:
        """Share of items that came before, of all items; None of no items.

        Examples
        --------
        >>> bottom_k([np.array([7, 7, 3, 9], dtype=np.uint32)], 256).repeated_share
        0.25
        """
        total = int(self.counts.sum())
        return 1 - len(self.hashes) / total if total else None


def bottom_k(parts: Sequence[HashArray], bound: int) -> BottomK:
    """Sample a stream given in parts, each of shape ``(n,)``."""
    together = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint32)
    hashes, counts = np.unique(together, return_counts=True)
    return BottomK(bound, hashes[:bound], counts[:bound].astype(np.int64))


def merge(a: BottomK, b: BottomK) -> BottomK:
    """Add two samples of one bound; the result is the same in any order."""
    hashes, places = np.unique(np.concatenate([a.hashes, b.hashes]), return_inverse=True)
    counts = np.zeros(len(hashes), dtype=np.int64)
    np.add.at(counts, places, np.concatenate([a.counts, b.counts]))
    return BottomK(a.bound, hashes[: a.bound], counts[: a.bound])
