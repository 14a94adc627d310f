"""Panes and windows in memory: sums of blocks are sums of panes, and rolling loses nothing."""

from typing import Any

import numpy as np
import pytest

from schemas.models import ModelConfig, window_specs
from stream.backtest import windows
from stream.backtest.windows import VersionWindows, traffic_of
from stream.rollup.merge import PaneCounts, decode_pane
from stream.window.delta import PaneDelta
from stream.window.panes import HOUR_MS, MINUTE_MS, PaneId

SPECS = window_specs(ModelConfig(model_name="credit"))
BY_NAME = {spec.name: spec for spec in SPECS}
DAY_MS = 24 * HOUR_MS
T0 = 100 * DAY_MS


def pane_of(count: int, *, country: str | None = None) -> PaneDelta:
    delta = PaneDelta()
    latencies = np.linspace(1, count, count)
    delta.add_traffic(np.arange(count) % 5 == 0, latencies, ["timeout"] * -(-count // 5))
    if country is not None:
        delta.segments[f"country={country}"] = pane_of(count)
    return delta


def minute(number: int) -> PaneId:
    return PaneId(MINUTE_MS, T0 + number * MINUTE_MS)


@pytest.fixture
def filled() -> tuple[VersionWindows, dict[int, int]]:
    """Three hours with some minutes empty, in two parts each."""
    held = VersionWindows(segments=True)
    rng = np.random.default_rng(1)
    counts: dict[int, int] = {}
    for number in rng.permutation(180).tolist():
        if number % 7 == 0:
            continue
        for _ in range(2):
            count = int(rng.integers(1, 9))
            counts[number] = counts.get(number, 0) + count
            held.add(minute(number), pane_of(count, country="FR"), SPECS)
    return held, counts


def total(counts: dict[int, int], start_ms: int, end_ms: int) -> int:
    return sum(n for m, n in counts.items() if start_ms <= T0 + m * MINUTE_MS < end_ms)


def found(counts: PaneCounts | None) -> int:
    return 0 if counts is None else counts.count


@pytest.mark.parametrize("kept", [1, 400])
def test_every_window_holds_its_panes(filled: Any, monkeypatch: Any, kept: int) -> None:
    monkeypatch.setattr(windows, "BLOCKS_KEPT", kept)
    held, counts = filled
    due = held.take_due(SPECS, T0 + 8 * DAY_MS)
    assert {spec.name for _, spec in due} == set(BY_NAME)
    assert due == sorted(due)
    for end_ms, spec in due:
        expected = total(counts, end_ms - spec.size_ms, end_ms)
        whole, traffic = held.whole(spec, end_ms), held.traffic(spec, end_ms)
        assert found(whole) == found(traffic) == expected
        if whole is not None and traffic is not None:
            assert whole.segments["country=FR"].count == expected
            assert traffic.segments["country=FR"].error_count == whole.error_count
    assert held.take_due(SPECS, T0 + 8 * DAY_MS) == []


def test_what_is_added_later_is_in_the_window(filled: Any) -> None:
    held, counts = filled
    hour = BY_NAME["1h"]
    assert found(held.whole(hour, T0 + HOUR_MS)) == total(counts, T0, T0 + HOUR_MS)
    held.take_due(SPECS, T0 + 8 * DAY_MS)
    held.add(minute(7), pane_of(4), SPECS)
    assert found(held.whole(hour, T0 + HOUR_MS)) == total(counts, T0, T0 + HOUR_MS) + 4
    assert (
        found(held.traffic(BY_NAME["5m"], T0 + 10 * MINUTE_MS))
        == total(counts, T0 + 5 * MINUTE_MS, T0 + 10 * MINUTE_MS) + 4
    )
    again = {(spec.name, end_ms) for end_ms, spec in held.take_due(SPECS, T0 + HOUR_MS)}
    assert ("1m", T0 + 8 * MINUTE_MS) in again
    assert ("1m", T0 + 9 * MINUTE_MS) not in again


def test_settled_panes_are_rolled_up_and_long_windows_still_hold_them(filled: Any) -> None:
    held, counts = filled
    before = len(held)
    held.roll(SPECS, T0 + 8 * DAY_MS, HOUR_MS)
    assert len(held) == before  # all of them are in windows that are due
    held.take_due(SPECS, T0 + 3 * HOUR_MS)
    held.roll(SPECS, T0 + 4 * HOUR_MS, HOUR_MS)
    assert len(held) < before / 2
    assert found(held.whole(BY_NAME["1d"], T0 + DAY_MS)) == sum(counts.values())
    assert held.whole(BY_NAME["1m"], T0 + 2 * MINUTE_MS) is None  # within a pane of 5m now
    held.take_due(SPECS, T0 + 30 * DAY_MS)
    for _ in range(4):  # from size to size
        held.roll(SPECS, T0 + 30 * DAY_MS, HOUR_MS)
    assert len(held) == 0
    assert held.whole(BY_NAME["7d"], T0 + 7 * DAY_MS) is None


def test_traffic_is_all_of_a_pane_but_its_features() -> None:
    rows = {name.encode(): row for name, row in pane_of(10, country="FR").rows()}
    whole = decode_pane(rows)
    traffic = traffic_of(whole, segments=True)
    assert traffic.count == whole.count
    assert traffic.errors == whole.errors
    assert traffic.latencies is whole.latencies
    assert traffic.segments.keys() == whole.segments.keys()
    assert traffic_of(whole, segments=False).segments == {}
