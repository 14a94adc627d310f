"""The process that owns Kafka and Redis, and ends them when its owner is gone.

Run as a script with the path of a plan file (see `stream.embedded.plan`). It stands alone: the
standard library and psutil, one thread, 17 MB. One thread matters: `PR_SET_PDEATHSIG` is tied to
the thread that forks.

What ends the stack, in the order in which it is noticed:

1. standard input closed (the owner left, in whatever way);
2. SIGTERM;
3. the owner's process gone, though a forked child of it still holds the pipe;
4. this process killed with -9: the kernel then kills both servers.

A server that dies by itself is not started again: what depends on it should say so, and the tests
that kill one want it dead. The state file always says what is true: the phase, and each server's
pid while it runs.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

# How soon a dead owner or a dead server is noticed where no pipe tells; a check costs 50 µs.
TICK_S = 0.1

# Kafka closes its logs in about a second, Redis flushes its file; then patience ends.
STOP_TIMEOUT_S = 15.0

# Linux: `prctl` option that delivers a signal when the parent thread dies.
PR_SET_PDEATHSIG = 1

# Servers log warnings only. A log that outgrew this is set aside once when its server starts.
LOG_BYTES_MAX = 8 * 1024 * 1024

SERVERS = ("redis", "kafka")


def start_time(pid: int) -> float | None:
    """Return when the process `pid` started, in epoch seconds, or None if there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def is_same_process(pid: int, started: float) -> bool:
    """Whether `pid` still is the process that started at `started`, not a later namesake."""
    now = start_time(pid)
    # Start times are counted in ticks of 10 ms from a boot time that may be corrected a little.
    return now is not None and abs(now - started) < 1.0


class Supervisor:
    """Starts, watches and ends the two servers of one data directory."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._phase = "starting"
        self._detail = ""
        self._exit_codes: dict[str, int] = {}
        self._commands_obeyed = 0
        self._stop_asked = False
        self._input = b""

    def run(self) -> int:
        """Serve until told to stop or orphaned; return the exit status."""
        for from_terminal in (signal.SIGINT, signal.SIGHUP):
            signal.signal(from_terminal, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._write_state()
        if self._prepare():
            for name in SERVERS:
                self._start(name)
            self._phase = "running"
            self._write_state()
            while not self._should_stop():
                self._reap()
                self._obey(self._read_commands(TICK_S))
            self._phase = "stopping"
            self._write_state()
        self._stop(SERVERS)
        if self._phase == "failed":
            return 1
        Path(self._plan["state_path"]).unlink(missing_ok=True)
        return 0

    def _on_sigterm(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_asked = True

    def _should_stop(self) -> bool:
        return self._stop_asked or not is_same_process(
            self._plan["owner_pid"], self._plan["owner_started"]
        )

    def _prepare(self) -> bool:
        """Format Kafka's log directory where that is still to do; say why when it fails."""
        command = self._plan["kafka_format"]
        if command is None:
            return True
        formatter = self._spawn(command, "kafka-format")
        deadline = time.monotonic() + self._plan["format_timeout_s"]
        while formatter.poll() is None and not self._should_stop() and time.monotonic() < deadline:
            self._obey(self._read_commands(TICK_S))
        if formatter.poll() is None:
            formatter.kill()
        code = formatter.wait()
        if code != 0:
            self._phase = "failed"
            self._detail = f"formatting Kafka's log directory ended with code {code}"
            self._write_state()
        return code == 0

    def _read_commands(self, timeout_s: float) -> list[str]:
        """Wait up to `timeout_s` for whole lines from the owner; a closed pipe reads ``stop``."""
        try:
            ready, _, _ = select.select([sys.stdin.fileno()], [], [], timeout_s)
        except InterruptedError:
            return []
        if not ready:
            return []
        chunk = os.read(sys.stdin.fileno(), 4096)
        if not chunk:
            return ["stop"]
        *lines, self._input = (self._input + chunk).split(b"\n")
        return [line.decode("ascii") for line in lines]

    def _obey(self, commands: list[str]) -> None:
        """Carry out ``start NAME``, ``end NAME`` (orderly), ``kill NAME`` (-9) and ``stop``.

        The count in the state file tells the owner that its command is done.
        """
        for command in commands:
            verb, _, name = command.partition(" ")
            if verb == "stop":
                self._stop_asked = True
            elif verb == "start" and name not in self._running:
                self._start(name)
            elif verb == "end":
                self._stop((name,))
            elif verb == "kill" and name in self._running:
                self._running[name].kill()
                self._running[name].wait()
            self._reap()
            self._commands_obeyed += 1
            self._write_state()

    def _start(self, name: str) -> None:
        self._exit_codes.pop(name, None)
        self._running[name] = self._spawn(self._plan["commands"][name], name)

    def _spawn(self, command: list[str], log_name: str) -> subprocess.Popen[bytes]:
        """Start a child that dies with this process, its output appended to its log."""
        supervisor_pid = os.getpid()

        def die_with_parent() -> None:
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != supervisor_pid:  # it died between the fork and the line above
                    os._exit(1)

        log_path = Path(self._plan["logs_dir"]) / f"{log_name}.log"
        if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX:
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._plan["data_dir"],
                # Safe here: the process has one thread.
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )

    def _reap(self) -> None:
        """Take note of servers that ended."""
        ended = {n: p.returncode for n, p in self._running.items() if p.poll() is not None}
        if ended:
            for name in ended:
                del self._running[name]
            self._exit_codes |= ended
            self._write_state()

    def _stop(self, names: tuple[str, ...]) -> None:
        """End these servers in order, killing what does not end in time."""
        processes = {n: self._running[n] for n in names if n in self._running}
        for process in processes.values():
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in processes:
            del self._running[name]

    def _write_state(self) -> None:
        """Publish what is true now, in one atomic step."""
        path = Path(self._plan["state_path"])
        state = {
            "phase": self._phase,
            "detail": self._detail,
            "supervisor": {"pid": os.getpid(), "started": start_time(os.getpid())},
            "owner": {"pid": self._plan["owner_pid"], "started": self._plan["owner_started"]},
            "servers": {
                name: {"pid": process.pid, "started": start_time(process.pid)}
                for name, process in self._running.items()
            },
            "exit_codes": self._exit_codes,
            "commands_obeyed": self._commands_obeyed,
            "ports": self._plan["ports"],
        }
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(state), "utf-8")
        draft.replace(path)


def main() -> int:
    """Take the data directory's lock for the whole life of this process, then supervise."""
    plan = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    # The proof of life that neither a crash nor a reused pid can fake: the kernel lets go of it. It
    # is free already, but for a supervisor whose owner died this instant, and that one will end.
    with Path(plan["lock_path"]).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Supervisor(plan).run()


if __name__ == "__main__":
    sys.exit(main())
