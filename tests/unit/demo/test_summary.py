"""The demo's last screen."""

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from stream.demo.observed import Observed
from stream.demo.summary import further, summary
from stream.settings import RedisSettings, Settings


def drawn(observed: Observed, sent: int = 1_440, labels: int = 1_440, width: int = 120) -> str:
    replay: Any = SimpleNamespace(sent=sent, labels_sent=labels)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(summary(observed, replay, 30.0, [0.2, 0.3, 0.4]))
    return console.export_text()


def test_it_says_whether_all_was_counted_and_joined(make_report: Any) -> None:
    observed = Observed([make_report(0, {}), make_report(1, {})])
    text = drawn(observed)
    assert "1,440 sent in 30 s, each counted exactly once" in text
    assert "1,440 sent 21 days after their predictions, each joined exactly once; 0 are not" in text
    text = drawn(observed, sent=1_441, labels=1_439)
    assert "but counted 30d: 1,440" in text
    assert "but joined 30d: 1,440; 2 are not known yet" in text


def test_it_shows_alerts_from_when_to_when(make_alert: Any, make_report: Any) -> None:
    alerts = [
        make_alert("accuracy-drop", 60),
        make_alert("accuracy-drop", 60, ends=90),
        make_alert("f1-drop", 120),
    ]
    lines = drawn(Observed([make_report(0, {})], alerts)).splitlines()
    assert any("2021-08-01 to 2021-08-31 error accuracy-drop" in line for line in lines)
    assert any("2021-09-30 still firing  error f1-drop" in line for line in lines)
    assert any("3 events on the topic" in line for line in lines)
    many = [make_alert("f1-drop", day) for day in range(10)]
    assert "… and 2 more" in drawn(Observed([make_report(0, {})], many))


def test_it_shows_performance(make_report: Any) -> None:
    reports = [make_report(n, {"accuracy": 0.8 - n / 10, "accuracy_change": 0.0}) for n in (0, 1)]
    text = drawn(Observed(reports))
    assert "Performance in %, by windows of 30d:" in text
    assert "At their lowest: accuracy 70 in Jul (estimated –)." in text


def test_it_fits_a_terminal_of_eighty_columns(make_report: Any, make_alert: Any) -> None:
    figures = {"accuracy": 0.8, "accuracy_change": 0.1, "estimated_accuracy": 0.7}
    reports = [make_report(number, figures) for number in range(12)]
    text = drawn(Observed(reports, [make_alert("f1-drop", 3)]), width=80)
    rows = [line.split() for line in text.splitlines() if line.startswith("accuracy")]
    assert rows == [["accuracy", "70", *["80"] * 12]]


def test_nothing_came_out() -> None:
    text = drawn(Observed())
    assert "but counted nothing" in text
    assert "but joined nothing" in text
    assert "Performance" not in text


def test_it_says_where_to_look_further() -> None:
    settings = Settings(redis=RedisSettings("redis://h:1"), data_dir="/d")
    assert any("--performance --window 30d --data-dir /d" in line for line in further(settings))
