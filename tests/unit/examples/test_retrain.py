"""The retraining trigger of the examples, on alerts as `streamgauge alerts tail` has them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[bytes]]
# What a training job does here: leave a line that says of what, and fail.
JOB = """
import json, sys
alert = json.load(sys.stdin)
with open(sys.argv[1], "a") as jobs:
    print(alert["labels"]["model_name"], alert["rule"], alert["starts_at"] % 10, file=jobs)
sys.exit(1)
"""


@pytest.fixture
def retrained(start: Start, tmp_path: Path) -> Any:
    """Run it once on some alerts; returns the jobs of all runs so far."""
    jobs, handled = tmp_path / "jobs", tmp_path / "handled"

    def retrained(*alerts: bytes) -> list[str]:
        command = ("--", sys.executable, "-c", JOB, str(jobs))
        with start("retrain.py", "--handled", str(handled), *command) as program:
            _, errors = program.communicate(b"".join(alerts), timeout=60)
        assert (errors, program.returncode) == (b"", 0)
        return jobs.read_text().splitlines() if jobs.exists() else []

    return retrained


@pytest.mark.parametrize(
    ("rule", "severity", "expected"),
    [
        ("accuracy-drop", "error", True),
        ("accuracy-drop", "info", True),
        ("rmse-rise", "warning", True),
        ("data-drift", "critical", True),
        ("data-drift", "error", True),
        ("data-drift", "warning", False),
        ("latency", "critical", False),
    ],
)
def test_measured_loss_or_severe_drift_is_a_reason(
    retrained: Any, alert: Any, rule: str, severity: str, expected: bool
) -> None:
    jobs = retrained(alert(rule, severity=severity))
    assert jobs == ([f"credit {rule} 0"] if expected else [])


@pytest.mark.parametrize(
    "fields",
    [{"stale": True}, {"silenced_by": "s-1"}, {"status": "resolved"}, {"status": "no_data"}],
    ids=str,
)
def test_what_is_old_silenced_or_over_is_none(retrained: Any, alert: Any, fields: Any) -> None:
    assert retrained(alert("accuracy-drop", **fields)) == []


def test_an_episode_is_handled_once_however_often_it_is_told(retrained: Any, alert: Any) -> None:
    mild, severe, worse = (alert("data-drift", severity=of) for of in ("info", "error", "critical"))
    assert retrained(mild) == []
    assert retrained(mild, severe) == ["credit data-drift 0"]
    assert retrained(severe, worse) == ["credit data-drift 0"], "a restart does not retrain"


def test_the_next_episode_and_another_model_are_handled(retrained: Any, alert: Any) -> None:
    assert retrained(alert("accuracy-drop")) == ["credit accuracy-drop 0"]
    over, again = alert("accuracy-drop", "resolved"), alert("accuracy-drop", episode=1)
    assert retrained(over, again, alert("accuracy-drop", model="fraud"))[1:] == [
        "credit accuracy-drop 1",
        "fraud accuracy-drop 0",
    ]


def test_of_what_is_kept_only_what_still_fires_counts(retrained: Any, alert: Any) -> None:
    over = [alert("accuracy-drop"), alert("accuracy-drop", "resolved")]
    assert retrained(*over) == []


def test_a_crash_in_the_middle_of_a_job_does_not_make_it_run_twice(
    start: Start, alert: Any, tmp_path: Path
) -> None:
    handled, begun = tmp_path / "handled", tmp_path / "begun"
    event = alert("accuracy-drop")
    command = ("--handled", str(handled), "--", "sh", "-c", f"echo job >> {begun}; echo on; cat")
    with start("retrain.py", *command) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(event)
        program.stdin.flush()
        assert program.stdout.readline() == b"retraining: accuracy-drop of credit 3\n"
        assert program.stdout.readline() == b"on\n"
        program.kill()
    assert handled.read_text() == json.loads(event)["id"] + "\n"
    with start("retrain.py", *command) as program:
        rest, _ = program.communicate(event, timeout=60)
    assert (rest, begun.read_text()) == (b"", "job\n")
