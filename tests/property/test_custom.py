"""Figures that are sent along: the same from any parts in any order."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.rollup.merge import PaneCounts, decode_pane, merge_panes
from stream.sketches.exact_sums import ExactSums
from stream.window import custom
from stream.window.custom import CustomCounts
from stream.window.delta import PaneDelta

VALUES = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: abs(value) < custom.VALUE_LIMIT
)
NAMES = st.integers(0, 90).map(str)  # more than are kept
SENT = st.lists(st.dictionaries(NAMES, st.none() | VALUES, max_size=8), min_size=1, max_size=40)


def pane_of(sent: Sequence[dict[str, float | None]]) -> PaneCounts:
    delta = PaneDelta()
    if sent:
        delta.custom.add(sent)
    return decode_pane({name.encode(): row for name, row in delta.rows()})


@given(SENT, st.permutations(range(40)), st.integers(0, 40), st.integers(0, 40))
def test_parts_add_up_to_the_whole(
    sent: list[dict[str, float | None]], order: list[int], first: int, second: int
) -> None:
    shuffled = [sent[i] for i in order if i < len(sent)]
    cuts = sorted((first, second))
    parts = [shuffled[: cuts[0]], shuffled[cuts[0] : cuts[1]], shuffled[cuts[1] :]]
    a, b, c = map(pane_of, parts)
    whole = merge_panes([pane_of(sent)])
    for merged in ([a, b, c], [merge_panes([c, a]), b], [c, merge_panes([b, a])]):
        assert same(merge_panes(merged).custom, whole.custom)


def same(one: dict[str, CustomCounts], other: dict[str, CustomCounts]) -> bool:
    return dict(custom.custom_rows(one)) == dict(custom.custom_rows(other))


@given(st.lists(VALUES, min_size=1, max_size=60))
def test_sums_by_columns_are_those_one_by_one(values: list[float]) -> None:
    assert CustomCounts.of(np.array(values)).sums == ExactSums.of(values)
