"""The terminal view: fits every terminal, says what is there, and nothing that is not."""

import io
from typing import Any

import pytest
from rich.console import Console

from stream.live import Learning, LiveView, Overview, VersionView, WindowView, plain_lines
from stream.live.overview import FeatureView, parse_hash
from stream.live.view import age_text, short

NOW = 1_790_002_800_000
FIGURES = {
    "count": 14_400,
    "throughput_per_s": 4.0,
    "error_rate": 0.0125,
    "latency_p50_ms": 12.5,
    "latency_p95_ms": 31.25,
    "latency_p99_ms": 41.2,
    "missing_rate": 0.0,
    "drift_share": 0.25,
    "accuracy": 0.91,
    "label_count": 480,
    "watermark": NOW - 12_000,
}


def version(
    name: str = "credit", of: Any = "3", windows: Any = ("1m", "5m", "1h", "1d", "7d"), **more: Any
) -> Any:
    given = {
        "features": (FeatureView("age", True, 0.31, 0.4), FeatureView("income", False, 0.0, 0.0)),
        "learning": None,
    }
    return VersionView(name, of, tuple(WindowView(w, FIGURES) for w in windows), **(given | more))


def drawn(overview: Any, width: int = 80, height: Any = 24, **more: Any) -> Any:
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(LiveView(overview, NOW, **more))
    return console.export_text()


def test_it_shows_the_figures_drift_and_alerts() -> None:
    alert = {"severity": "critical", "status": "firing", "summary": "accuracy fell"}
    text = drawn(Overview((version(),), (alert,)), width=120)
    for shown in ("credit 3", "14,400", "1.25 %", "31.2", "0.91", "25 %", "480"):
        assert shown in text
    assert "drifted: age" in text
    assert "income" not in text
    assert "events up to 12 s ago" in text
    assert "● critical accuracy fell" in text


def test_the_estimate_is_beside_the_accuracy_where_there_is_room() -> None:
    both = WindowView("1d", FIGURES | {"estimated_accuracy": 0.77})
    newest = WindowView("1h", {"estimated_accuracy": 0.66})
    overview = Overview((VersionView("m", "1", (newest, both), (), None),), ())
    head, _, without_labels, with_labels = drawn(overview, width=120).splitlines()[:4]
    assert "Accuracy  Estimated" in head
    assert without_labels.split()[-3:] == ["–", "0.66", "–"]
    assert with_labels.split()[-3:] == ["0.91", "0.77", "480"]
    assert "Estimated" not in drawn(overview, width=80)


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
@pytest.mark.parametrize("versions", [1, 3, 40])
def test_it_fits(width: int, versions: int) -> None:
    many = tuple(version(f"model-with-a-long-name-{i}") for i in range(versions))
    alerts = ({"severity": "warning", "summary": "x" * 300},) * 9
    text = drawn(Overview(many, alerts), width=width, height=24)
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width
    if versions == 40:
        assert "more model versions: streamgauge" in text


def test_everything_is_there_when_the_height_does_not_matter() -> None:
    many = tuple(version(f"m{i}") for i in range(40))
    text = drawn(Overview(many, ()), all_rows=True)
    assert all(f"m{i} 3" in text for i in range(40))
    assert "no alert is active" in text


def test_it_says_what_is_missing_until_a_baseline() -> None:
    learning = Learning(3_120, 19 * 3_600_000)
    text = drawn(Overview((version(features=(), learning=learning),), ()), width=120)
    assert "no baseline yet: learned after 3,120 more events and 19 h more of traffic" in text
    assert "drifted" not in text


def test_absent_figures_are_no_zeros() -> None:
    bare = VersionView("m", "1", (WindowView("1m", {"count": 1}),), (), None)
    text = drawn(Overview((bare,), ()))
    assert "–" in text
    assert "0 %" not in text


def test_nothing_yet_says_how_to_begin() -> None:
    assert "streamgauge emit -" in drawn(Overview((), ()))


def test_hostile_names_are_text() -> None:
    text = drawn(Overview((version("[red]x[/]"),), ({"summary": "[bold]y[/]"},)), width=120)
    assert "[bold]y[/]" in text


def test_names_cannot_steer_the_terminal_or_forge_lines() -> None:
    hostile = "age\x1b[2J\x9b2J\nmodel=credit count=0"
    drifted = version(features=(FeatureView(hostile, True, 0.31, 0.4),))
    alert = {"severity": "error", "status": "firing", "rule": "r", "summary": f'"{hostile}"'}
    overview = Overview((drifted,), (alert,))
    for text in (drawn(overview, width=200), "\n".join(plain_lines(overview))):
        assert not {"\x1b", "\x9b"} & set(text)
        assert not any(line.startswith("model=credit count=0") for line in text.splitlines())
    lines = plain_lines(overview)
    assert len(lines) == len(drifted.windows) + 1
    assert lines[-1].endswith('=0\\""')


def test_plain_lines_hold_names_and_values() -> None:
    learning = Learning(10, 0)
    (line,) = plain_lines(Overview((version(windows=("5m",), learning=learning),), ()))
    assert line.startswith("model=credit version=3 window=5m count=14400 throughput_per_s=4 ")
    assert "drifted=age" in line
    assert line.endswith("baseline_events_missing=10")


def test_values_of_hashes_are_json_or_text() -> None:
    fields = {"a": "1", "b": "0.5", "c": "true", "d": "FR", "e": '{"x":1}'}
    assert parse_hash(fields) == {"a": 1, "b": 0.5, "c": True, "d": "FR", "e": {"x": 1}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e-5, "<0.001"),
        (0.0123, "0.012"),
        (4.0, "4"),
        (1234.5, "1,234"),
        (2.5e6, "2.5M"),
        (6.87e10, "7e+10"),
        (1e308, "1e+308"),
    ],
)
def test_numbers_are_short(value: Any, text: str) -> None:
    assert short(value) == text


def test_ages_are_in_their_largest_unit() -> None:
    spans = (1_000, 300_000, 7_200_000, 259_200_000)
    assert [age_text(ms) for ms in spans] == ["1 s", "5 min", "2 h", "3 d"]
