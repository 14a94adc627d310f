from itertools import pairwise

import pytest

from stream.window.panes import HOUR_MS, MINUTE_MS, TIERS_MS, PaneId, ceil_to, floor_to


def test_a_pane_joins_the_one_around_it() -> None:
    pane = PaneId(MINUTE_MS, 7 * MINUTE_MS)
    chain = [pane]
    while (parent := chain[-1].parent()) is not None:
        chain.append(parent)
    assert [p.tier_ms for p in chain] == list(TIERS_MS)
    assert [p.start_ms for p in chain] == [7 * MINUTE_MS, 5 * MINUTE_MS, 0, 0]
    assert all(big.start_ms <= pane.start_ms < pane.end_ms <= big.end_ms for big in chain)


def test_each_size_divides_the_next() -> None:
    assert all(b % a == 0 for a, b in pairwise(TIERS_MS))


def test_names_are_read_as_they_were_written() -> None:
    pane = PaneId(HOUR_MS, 472_222 * HOUR_MS)
    assert PaneId.parse(pane.member()) == pane


@pytest.mark.parametrize(("time", "down", "up"), [(0, 0, 0), (1, 0, 60), (60, 60, 60)])
def test_rounding(time: int, down: int, up: int) -> None:
    assert floor_to(time, 60) == down
    assert ceil_to(time, 60) == up
