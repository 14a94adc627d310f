import pytest

from schemas.windows import window_spec
from stream.rollup.finality import closing_ms, live_end_ms, settled_from_ms, window_ends
from stream.state.keys import PartitionId
from stream.state.store import Watermark
from stream.window.panes import DAY_MS, HOUR_MS, MINUTE_MS, PaneId

DISORDER, IDLE = 5_000, 10_000
A, B, C = (PartitionId("topic", number) for number in range(3))
NOW = 1_790_000_000_000


def closing(marks: dict[PartitionId, Watermark], clocks: dict[PartitionId, int]) -> int:
    return closing_ms(marks, clocks, DISORDER, IDLE)


def test_the_slowest_carrying_partition_decides() -> None:
    marks = {A: Watermark(NOW - 1_000, NOW), B: Watermark(NOW - 60_000, NOW)}
    assert closing(marks, {A: NOW, B: NOW}) == NOW - 60_000 - DISORDER


def test_an_idle_partition_holds_nothing_back() -> None:
    marks = {A: Watermark(NOW, NOW), B: Watermark(NOW - HOUR_MS, NOW - IDLE)}
    assert closing(marks, {A: NOW, B: NOW}) == NOW - DISORDER


def test_nothing_closes_ahead_of_the_log_clock() -> None:
    marks = {A: Watermark(NOW, NOW - IDLE)}
    assert closing(marks, {A: NOW}) == NOW
    assert closing(marks, {A: NOW + 1_000}) == NOW + 1_000


def test_a_partition_that_is_read_again_holds_back_what_it_may_still_carry() -> None:
    marks = {A: Watermark(NOW, NOW)}
    assert closing(marks, {A: NOW, B: NOW - HOUR_MS}) == 0
    assert closing(marks, {A: NOW, B: NOW - IDLE}) == NOW - IDLE  # that is the slowest log clock


def test_without_watermarks_nothing_closes() -> None:
    assert closing({}, {A: NOW}) == 0
    assert closing({A: Watermark(NOW, NOW)}, {}) == 0


@pytest.mark.parametrize(
    ("size", "pane", "ends"),
    [
        ("1m", PaneId(MINUTE_MS, 0), [MINUTE_MS]),
        ("5m", PaneId(MINUTE_MS, 0), [k * MINUTE_MS for k in range(1, 6)]),
        ("1h", PaneId(HOUR_MS, HOUR_MS), [HOUR_MS + k * 5 * MINUTE_MS for k in range(1, 24)]),
        ("1d", PaneId(DAY_MS, 0), [k * HOUR_MS for k in range(1, 48)]),
    ],
)
def test_every_window_that_holds_part_of_a_pane(size: str, pane: PaneId, ends: list[int]) -> None:
    spec = window_spec(size)
    found = list(window_ends(spec, pane))
    overlapping = [
        end
        for end in range(spec.every_ms, pane.end_ms + spec.size_ms + spec.every_ms, spec.every_ms)
        if end > pane.start_ms and end - spec.size_ms < pane.end_ms
    ]
    assert found == ends == overlapping


def test_a_pane_is_settled_when_no_finer_window_needs_it() -> None:
    specs = [window_spec(size) for size in ("1m", "5m", "1h", "1d", "7d")]
    minute = PaneId(MINUTE_MS, 0)
    # Its five minutes join one pane together, and the last of them is in a window until minute 9.
    assert settled_from_ms(minute, specs, HOUR_MS) == 9 * MINUTE_MS + HOUR_MS
    day = PaneId(DAY_MS, 0)
    assert settled_from_ms(day, specs, HOUR_MS) == 2 * DAY_MS + 5 * DAY_MS + HOUR_MS


def test_the_live_window_is_the_newest_open_one() -> None:
    spec = window_spec("5m")
    assert live_end_ms(spec, 59_999) == MINUTE_MS
    assert live_end_ms(spec, 60_000) == 2 * MINUTE_MS
