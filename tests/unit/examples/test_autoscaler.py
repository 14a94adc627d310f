"""The autoscaler of the examples, on alerts as `streamgauge alerts tail --json` prints them."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[bytes]]
MODEL = ("--model", "credit", "--min", "2", "--max", "4", "--cooldown")


@pytest.fixture
def scaled(start: Start) -> Any:
    """Let it act on one burst of alerts after another; returns what it wanted after each."""

    def scaled(*bursts: bytes, cooldown: str = "0") -> list[str]:
        with start("autoscaler.py", *MODEL, cooldown) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            said = []
            for burst in bursts:
                program.stdin.write(burst)
                program.stdin.flush()
                said.append(program.stdout.readline().decode().strip())
            rest, errors = program.communicate(timeout=60)
            assert (rest, errors, program.returncode) == (b"", b"", 0)
        return said

    return scaled


def test_a_replica_more_for_what_fires_and_one_fewer_when_it_is_over(
    scaled: Any, alert: Any
) -> None:
    assert scaled(
        alert("latency"),
        alert("credit-throughput_per_s"),
        alert("latency", "resolved"),
        alert("credit-throughput_per_s", "resolved"),
    ) == ["replicas 3", "replicas 4", "replicas 3", "replicas 2"]


def test_bounds_hold(scaled: Any, alert: Any) -> None:
    many = [alert(f"latency-{number}") for number in range(5)]
    assert scaled(b"".join(many)) == ["replicas 4"]


def test_what_says_nothing_of_load_changes_nothing(scaled: Any, alert: Any) -> None:
    ignored = [
        alert("accuracy-drop"),
        alert("latency", model="fraud"),
        alert("latency", stale=True),
        alert("latency-p50", "no_data"),
        alert("latency-p99", "resolved"),
    ]
    assert scaled(b"".join(ignored)) == ["replicas 2"]


def test_an_alert_without_data_fires_on(scaled: Any, alert: Any) -> None:
    unknown = alert("latency", "no_data") + alert("latency-p50")
    assert scaled(alert("latency"), unknown) == ["replicas 3", "replicas 4"]


def test_of_what_happened_before_it_started_only_the_outcome_counts(
    scaled: Any, alert: Any
) -> None:
    history = [alert("latency"), alert("latency", "resolved"), alert("latency", episode=1)]
    assert scaled(b"".join(history)) == ["replicas 3"]


def test_a_change_during_the_cooldown_comes_after_it(scaled: Any, alert: Any) -> None:
    said = scaled(alert("latency"), alert("latency", "resolved"), cooldown="0.5")
    assert said == ["replicas 3", "replicas 2"]


def test_no_second_change_while_the_cooldown_lasts(start: Start, alert: Any) -> None:
    with start("autoscaler.py", *MODEL, "3600") as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(alert("latency"))
        program.stdin.flush()
        assert program.stdout.readline() == b"replicas 3\n"
        rest, _ = program.communicate(alert("latency", "resolved"), timeout=60)
    assert rest == b""


def test_the_command_gets_the_number_and_runs_again_where_it_failed(
    start: Start, alert: Any, tmp_path: Any
) -> None:
    tried = tmp_path / "tried"
    # Fails the first time; takes nothing of the alerts, which are on standard input.
    script = f'cat; echo "$1" >> {tried}; test $(wc -l < {tried}) -gt 1 && echo "scaled to $1"'
    command = ("--", "sh", "-c", script, "scale", "{}")
    with start("autoscaler.py", *MODEL, "0", *command) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(alert("latency") + alert("latency-p50"))
        program.stdin.flush()
        assert program.stdout.readline() == b"scaled to 4\n"
        program.communicate(timeout=60)
    assert tried.read_text() == "4\n4\n"
