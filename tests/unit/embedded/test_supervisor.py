"""The supervisor with two idle programs in the place of the servers: quick, and without Java."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.embedded import supervisor

IDLE = ["sleep", "600"]


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


class Watched:
    """A supervisor process under test and what it publishes."""

    def __init__(self, root: Path, *, kafka_format: list[str] | None, owner_pid: int) -> None:
        self.state_path = root / "state.json"
        plan = {
            "owner_pid": owner_pid,
            "owner_started": supervisor.start_time(owner_pid),
            "data_dir": str(root),
            "logs_dir": str(root),
            "state_path": str(self.state_path),
            "lock_path": str(root / "alive.lock"),
            "ports": {},
            "format_timeout_s": 20.0,
            "kafka_format": kafka_format,
            "commands": {"kafka": IDLE, "redis": IDLE},
        }
        plan_path = root / "plan.json"
        plan_path.write_text(json.dumps(plan))
        command = [sys.executable, "-I", str(supervisor.__file__), str(plan_path)]
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, start_new_session=True
        )

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.state_path.read_text())
        except FileNotFoundError:
            return {"phase": "", "servers": {}, "commands_obeyed": 0}
        return found

    def pids(self) -> dict[str, int]:
        return {name: entry["pid"] for name, entry in self.state()["servers"].items()}

    def tell(self, command: str) -> None:
        before = self.state()["commands_obeyed"]
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        wait_until(lambda: bool(self.state()["commands_obeyed"] > before), f"{command} is done")

    def wait_for_phase(self, phase: str) -> None:
        wait_until(lambda: bool(self.state()["phase"] == phase), f"the phase is {phase}")

    def wait_for_servers_gone(self, pids: dict[str, int]) -> None:
        assert len(pids) == 2
        gone = lambda: all(supervisor.start_time(pid) is None for pid in pids.values())  # noqa: E731
        wait_until(gone, "both servers are gone")


Launch = Callable[..., Watched]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    launched: list[Watched] = []

    def make(kafka_format: list[str] | None = None, owner_pid: int | None = None) -> Watched:
        watched = Watched(tmp_path, kafka_format=kafka_format, owner_pid=owner_pid or os.getpid())
        launched.append(watched)
        return watched

    yield make
    for watched in launched:
        assert watched.process.stdin is not None
        watched.process.stdin.close()
        watched.process.wait(20)


def test_a_closed_pipe_ends_both_servers_and_the_account(launch: Launch) -> None:
    watched = launch()
    watched.wait_for_phase("running")
    pids = watched.pids()
    assert watched.process.stdin is not None
    watched.process.stdin.close()
    assert watched.process.wait(20) == 0
    watched.wait_for_servers_gone(pids)
    assert not watched.state_path.exists()


def test_a_dead_owner_ends_the_stack_though_the_pipe_stays_open(launch: Launch) -> None:
    with subprocess.Popen(IDLE) as owner:
        watched = launch(owner_pid=owner.pid)
        watched.wait_for_phase("running")
        pids = watched.pids()
        owner.kill()
        owner.wait()
    assert watched.process.wait(20) == 0
    watched.wait_for_servers_gone(pids)


def test_sigterm_ends_the_stack_and_ctrl_c_does_not(launch: Launch) -> None:
    watched = launch()
    watched.wait_for_phase("running")
    watched.process.send_signal(signal.SIGINT)
    watched.tell("start redis")  # still obeys
    watched.process.terminate()
    assert watched.process.wait(20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_killing_the_supervisor_takes_the_servers_along(launch: Launch) -> None:
    watched = launch()
    watched.wait_for_phase("running")
    pids = watched.pids()
    watched.process.kill()
    watched.wait_for_servers_gone(pids)


def test_a_server_that_dies_is_reported_and_stays_down_until_told(launch: Launch) -> None:
    watched = launch()
    watched.wait_for_phase("running")
    os.kill(watched.pids()["redis"], signal.SIGKILL)
    wait_until(lambda: "redis" not in watched.pids(), "the account drops redis")
    assert watched.state()["exit_codes"] == {"redis": -signal.SIGKILL}
    assert "kafka" in watched.pids()
    watched.tell("start redis")
    assert "redis" in watched.pids()
    assert watched.state()["exit_codes"] == {}


@pytest.mark.parametrize("verb", ["kill", "end"])
def test_one_server_can_be_taken_down_and_brought_back(launch: Launch, verb: str) -> None:
    watched = launch()
    watched.wait_for_phase("running")
    before = watched.pids()
    watched.tell(f"{verb} kafka")
    assert watched.pids() == {"redis": before["redis"]}
    watched.tell("start kafka")
    assert watched.pids()["kafka"] != before["kafka"]


def test_servers_start_only_after_formatting_succeeded(launch: Launch) -> None:
    watched = launch(kafka_format=["false"])
    assert watched.process.wait(20) == 1
    assert watched.state()["phase"] == "failed"
    assert watched.state()["servers"] == {}


def test_an_owner_that_leaves_while_formatting_is_noticed(launch: Launch) -> None:
    watched = launch(kafka_format=IDLE)
    watched.wait_for_phase("starting")
    assert watched.process.stdin is not None
    watched.process.stdin.close()
    watched.process.wait(20)
    assert watched.state()["servers"] == {}


def test_a_namesake_of_a_dead_process_is_not_that_process() -> None:
    started = supervisor.start_time(os.getpid())
    assert started is not None
    assert supervisor.is_same_process(os.getpid(), started)
    assert not supervisor.is_same_process(os.getpid(), started - 60)
