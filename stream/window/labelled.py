r"""What the join counts of a model version: the rows of a *label pane*, and their sums.

Label panes are of an hour or a day. They lie beside the panes of events, in hashes of their own, so
that a late label changes them without touching what was counted of the events. Rows:

=====================  ========================================================================
``n``                  counts: see `REGISTERED` and the cells after it
``pairs``              by name ``<predicted>\x1f<actual>``: labelled requests
``p:<grid>:<class>``   counts of 2 k cells: requests by cell of the probability of this class,
                       first those of another class, then those of it; grid names the cells
``x:<what>:<band>``    exact sums of a figure (:mod:`stream.sketches.exact_sums`)
``h:<metric>:<block>`` magnitudes of a delayed figure (:mod:`stream.sketches.magnitudes`)
``y:<grid>``           counts: numeric labels by cell of the baseline's label
``delay``              counts: labels by the ms from prediction to label, see `DELAY_STEPS`
=====================  ========================================================================

Rows of a segment have the prefix ``s:<bytes>:<segment>|``, bytes being the length of its name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from stream.arrays import IntArray
from stream.sketches import magnitudes
from stream.sketches.exact_sums import PARTS, ExactSums
from stream.state import codec
from stream.state.codec import NameCounts

CELLS = 4
REGISTERED, LABELLED, CORRECTED, UNUSABLE = range(CELLS)
"""Requests that wait or waited for a label; that have one; how often a label of one was replaced by
another; that have one which no figure can be made of (text for a number, say)."""
PAIR_SEPARATOR = "\x1f"
PAIRS_MAX = 4096
DELAY_STEPS = 8
"""Cells of each octave of delays, of one width: cell 8 i + j begins at 2**i (1 + j / 8) ms."""
DELAY_CELLS = 64 * DELAY_STEPS
SEGMENT = b"s:"

LOG_LOSS, BRIER = "log_loss", "brier"
ERROR, TARGET, RELATIVE = "error", "target", "relative"
NDCG, RECIPROCAL_RANK, HIT = "ndcg", "reciprocal_rank", "hit"
"""Names of exact sums: of -ln of the probability of the actual class and of the squared error of
probabilities; of prediction - target, targets and |error / target|; of rankings. A delayed figure
is ``metric.<name>``."""
METRIC = "metric."


@dataclass(slots=True)
class LabelCounts:
    r"""Everything the join counted in one pane, or in several.

    Attributes
    ----------
    cells : (4,) the row ``n``
    pairs : labelled requests by ``<predicted>\x1f<actual>``
    scores : by grid, then by class: (2 k,) requests by cell of the class' probability, of another
        class first
    sums : by name, see `LOG_LOSS` and the names after it
    magnitudes : (6145,) of delayed figures, by name
    targets : numeric labels by cell of the baseline's label, by grid
    delays : (512,) labels by delay, see `DELAY_STEPS`; the first holds all below, too
    segments : the same of each segment
    """

    cells: IntArray = field(default_factory=lambda: np.zeros(CELLS, dtype=np.int64))
    pairs: NameCounts = field(default_factory=lambda: NameCounts(PAIRS_MAX, 0, {}))
    scores: dict[str, dict[str, IntArray]] = field(default_factory=dict)
    sums: dict[str, ExactSums] = field(default_factory=dict)
    magnitudes: dict[str, IntArray] = field(default_factory=dict)
    targets: dict[str, IntArray] = field(default_factory=dict)
    delays: IntArray = field(default_factory=lambda: np.zeros(DELAY_CELLS, dtype=np.int64))
    segments: dict[str, "LabelCounts"] = field(default_factory=dict)

    @property
    def registered(self) -> int:
        """Requests that wait or waited for a label."""
        return int(self.cells[REGISTERED])

    @property
    def labelled(self) -> int:
        """Requests that have a label."""
        return int(self.cells[LABELLED])

    @property
    def revision(self) -> int:
        """Label matches and corrections."""
        return int(self.cells[LABELLED] + self.cells[CORRECTED])

    def confusion(self) -> dict[tuple[str, str], int]:
        """Labelled requests by (predicted, actual) class."""
        out = {}
        for name, count in self.pairs.names.items():
            predicted, _, actual = name.partition(PAIR_SEPARATOR)
            out[predicted, actual] = count
        return out


def decode_labels(rows: Mapping[bytes, bytes]) -> LabelCounts:
    """Read a label pane's hash.

    Raises
    ------
    ValueError
        When a row is of the wrong kind, or of a later version.
    """
    out = LabelCounts()
    for name, row in rows.items():
        if name.startswith(SEGMENT):
            length, _, rest = name.removeprefix(SEGMENT).partition(b":")
            segment, inside = rest[: int(length)].decode(), rest[int(length) + 1 :]
            _decode_row(out.segments.setdefault(segment, LabelCounts()), inside.decode(), row)
        else:
            _decode_row(out, name.decode(), row)
    return out


def _decode_row(into: LabelCounts, name: str, row: bytes) -> None:
    marker, _, rest = name.partition(":")
    match marker:
        case "n":
            into.cells = codec.decode_counts(row)
        case "pairs":
            into.pairs = codec.decode_names(row)
        case "delay":
            into.delays = codec.decode_counts(row)
        case "p":
            grid, _, of = rest.partition(":")
            into.scores.setdefault(grid, {})[of] = codec.decode_counts(row)
        case "x":
            what, _, band = rest.rpartition(":")
            parts = codec.decode_sums(row)
            if len(parts) != PARTS:
                raise ValueError(f"row {name!r} holds {len(parts)} sums instead of {PARTS}")
            into.sums.setdefault(what, ExactSums()).bands[int(band)] = parts
        case "h":
            metric, _, block = rest.rpartition(":")
            cells = codec.decode_counts(row)
            first = int(block) * magnitudes.BLOCK_CELLS
            whole = into.magnitudes.setdefault(metric, np.zeros(magnitudes.CELLS, dtype=np.int64))
            whole[first : first + len(cells)] = cells
        case "y":
            into.targets[rest] = codec.decode_counts(row)
        case _:
            raise ValueError(f"unknown row {name!r}: it was written by a later version")


def merge_labels(panes: Iterable[LabelCounts]) -> LabelCounts:
    """Add label panes up; the result does not depend on their order."""
    out = LabelCounts()
    parts: dict[str, list[LabelCounts]] = {}
    for pane in panes:
        out.cells = out.cells + pane.cells
        out.delays = out.delays + pane.delays
        out.pairs = codec.merge_names(out.pairs, pane.pairs)
        for grid, classes in pane.scores.items():
            _add_arrays(out.scores.setdefault(grid, {}), classes)
        for what, sums in pane.sums.items():
            out.sums.setdefault(what, ExactSums()).merge(sums)
        _add_arrays(out.magnitudes, pane.magnitudes)
        _add_arrays(out.targets, pane.targets)
        for segment, part in pane.segments.items():
            parts.setdefault(segment, []).append(part)
    out.segments = {segment: merge_labels(found) for segment, found in parts.items()}
    return out


def _add_arrays(into: dict[str, IntArray], more: Mapping[str, IntArray]) -> None:
    for name, counts in more.items():
        into[name] = into[name] + counts if name in into else counts
