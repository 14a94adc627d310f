"""Label panes: read from their rows, and added up."""

from functools import reduce
from itertools import permutations

import numpy as np
import pytest

from stream.sketches import magnitudes
from stream.sketches.exact_sums import ExactSums
from stream.state import codec
from stream.state.codec import NameCounts
from stream.window.labelled import (
    CORRECTED,
    DELAY_CELLS,
    ERROR,
    LABELLED,
    LOG_LOSS,
    PAIRS_MAX,
    REGISTERED,
    UNUSABLE,
    LabelCounts,
    decode_labels,
    merge_labels,
)


def counts(cells: int, **hits: int) -> bytes:
    row = np.zeros(cells, dtype=np.int64)
    for cell, count in hits.items():
        row[int(cell[1:])] = count
    return codec.encode_counts(row)


def sums(*values: float) -> dict[int, bytes]:
    return {band: codec.encode_sums(parts) for band, parts in ExactSums.of(values).bands.items()}


def pane(seed: int) -> dict[bytes, bytes]:
    """Rows of a pane with everything in it."""
    rng = np.random.default_rng(seed)
    names = {f"{p}\x1f{a}": int(rng.integers(1, 9)) for p in ("0", "ж", "") for a in ("1", "a:b|")}
    rows = {
        b"n": counts(4, c0=9 + seed, c1=5, c2=seed, c3=1),
        b"pairs": codec.encode_names(NameCounts(PAIRS_MAX, seed, names)),
        b"delay": counts(DELAY_CELLS, c3=seed + 1, c511=1),
        b"p:abc:1": counts(8, c0=1, c7=seed),
        "p:abc:ж:|".encode(): counts(8, c1=2),
        b"p:other:1": counts(4, c2=seed),
        b"y:abc": counts(3, c2=1),
    }
    values = rng.normal(0, 10.0 ** rng.integers(-5, 9), 20).tolist()
    for band, row in sums(*values).items():
        rows[f"x:{ERROR}:{band}".encode()] = row
        rows[f"x:metric.a:b:{band}".encode()] = row
    for number, block in magnitudes.split(magnitudes.count(np.array(values))).items():
        rows[f"h:a:b:{number}".encode()] = codec.encode_counts(block)
    for segment in ("country=ж:|", "country=other"):
        prefix = f"s:{len(segment.encode())}:{segment}|".encode()
        rows |= {prefix + name: row for name, row in list(rows.items()) if name[:2] != b"s:"}
    return rows


def told(found: LabelCounts) -> dict[str, object]:
    return {
        "cells": found.cells.tolist(),
        "pairs": found.pairs,
        "scores": {g: {c: r.tolist() for c, r in of.items()} for g, of in found.scores.items()},
        "sums": found.sums,
        "magnitudes": {n: r.tolist() for n, r in found.magnitudes.items()},
        "targets": {n: r.tolist() for n, r in found.targets.items()},
        "delays": found.delays.tolist(),
        "segments": {name: told(part) for name, part in found.segments.items()},
    }


def test_a_pane_is_read_row_by_row() -> None:
    found = decode_labels(pane(2))
    assert found.cells[[REGISTERED, LABELLED, CORRECTED, UNUSABLE]].tolist() == [11, 5, 2, 1]
    assert (found.registered, found.labelled, found.revision) == (11, 5, 7)
    assert found.confusion().keys() == {(p, a) for p in ("0", "ж", "") for a in ("1", "a:b|")}
    assert found.scores["abc"]["1"].tolist() == [1, 0, 0, 0, 0, 0, 0, 2]
    assert found.scores.keys() == {"abc", "other"}
    assert found.scores["abc"].keys() == {"1", "ж:|"}
    assert found.sums.keys() == {ERROR, "metric.a:b"}
    assert found.sums[ERROR].count == int(found.magnitudes["a:b"].sum()) == 20
    assert found.segments.keys() == {"country=ж:|", "country=other"}
    assert told(found.segments["country=other"]) == told(found) | {"segments": {}}


def test_panes_add_up_in_any_order_and_grouping() -> None:
    panes = [decode_labels(pane(seed)) for seed in range(4)]
    whole = told(merge_labels(panes))
    for order in permutations(panes):
        assert told(merge_labels(order)) == whole
    assert told(reduce(lambda a, b: merge_labels([a, b]), panes)) == whole
    assert told(merge_labels([merge_labels(panes[:2]), LabelCounts(), *panes[2:]])) == whole
    assert whole["cells"] == [9 * 4 + 6, 20, 6, 4]


def test_adding_up_leaves_the_panes_as_they_are() -> None:
    panes = [decode_labels(pane(seed)) for seed in range(2)]
    before = [told(one) for one in panes]
    merge_labels(panes)
    merge_labels([panes[0], panes[0]])
    assert [told(one) for one in panes] == before


def test_of_nothing_nothing_is_known() -> None:
    empty = merge_labels([])
    assert told(empty) == told(LabelCounts()) == told(decode_labels({}))
    assert (empty.registered, empty.revision, empty.confusion()) == (0, 0, {})


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (b"later", counts(4)),
        (b"n", codec.encode_sums([1])),
        (b"pairs", counts(4)),
        (b"x:error:0", codec.encode_sums([1, 2, 3])),
        (b"x:error:0", counts(4)),
        (b"s:3:a=b|later", counts(4)),
        (b"", counts(4)),
    ],
)
def test_rows_of_another_kind_or_a_later_version_are_refused(name: bytes, row: bytes) -> None:
    with pytest.raises(ValueError, match="row"):
        decode_labels({name: row})


def test_losses_have_sums_of_their_own() -> None:
    [(band, row)] = sums(0.5).items()
    found = decode_labels({f"x:{LOG_LOSS}:{band}".encode(): row})
    assert found.sums[LOG_LOSS].total == 0.5
