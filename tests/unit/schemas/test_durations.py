import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.durations import (
    EVERY_MS,
    WINDOW_MS_MAX,
    default_every_ms,
    duration_text,
    parse_duration_ms,
    window_name,
)
from schemas.windows import WindowConfig, window_spec


@pytest.mark.parametrize("text", ["", "1", "1 h", "1w", "-1h", "1.5h", "h", "1h\n", "\uff11h"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse_duration_ms(text)


@given(st.integers(1, 10**9))
def test_a_name_is_read_back_as_the_size(seconds: int) -> None:
    assert parse_duration_ms(window_name(seconds * 1000)) == seconds * 1000


@given(st.integers(0, 10**12))
def test_a_duration_is_read_back(span_ms: int) -> None:
    assert parse_duration_ms(duration_text(span_ms)) == span_ms


@pytest.mark.parametrize("size_ms", [0, -60_000, 1, 1500])
def test_no_name(size_ms: int) -> None:
    with pytest.raises(ValueError, match="no name"):
        window_name(size_ms)


@pytest.mark.parametrize(
    ("size", "every"),
    [
        ("1m", "1m"),
        ("5m", "1m"),
        ("15m", "5m"),
        ("1h", "5m"),
        ("6h", "1h"),
        ("1d", "1h"),
        ("7d", "1d"),
        ("30d", "1d"),
        ("7m", "1m"),
        ("90m", "5m"),
        ("61m", "1m"),
        ("36h", "1h"),
    ],
)
def test_default_every(size: str, every: str) -> None:
    assert window_name(default_every_ms(parse_duration_ms(size))) == every


@given(st.integers(1, WINDOW_MS_MAX // 60_000))
def test_every_window_is_a_number_of_panes(minutes: int) -> None:
    every_ms = default_every_ms(minutes * 60_000)
    assert every_ms in EVERY_MS
    assert minutes * 60_000 % every_ms == 0


@pytest.mark.parametrize("size_ms", [0, -60_000, 30_000, 90_000])
def test_no_every(size_ms: int) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        default_every_ms(size_ms)


def test_configured_every_wins() -> None:
    spec = window_spec(WindowConfig(size="24h", every="5m"))
    assert (spec.name, spec.size_ms, spec.every_ms) == ("1d", 86_400_000, 300_000)
