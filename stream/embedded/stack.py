"""Real Kafka and real Redis on a laptop, behind one object.

The first process that starts a data directory **owns** the stack: when it ends, in whatever way,
the stack ends with it. A later process that starts the same directory **adopts** what runs, and
its `stop` leaves it running; when the owner goes, adopters lose their servers, as with any server
that is shut down.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from stream.embedded import readiness, supervisor
from stream.embedded.data_dir import DataDir, Ports
from stream.embedded.errors import EmbeddedError
from stream.embedded.plan import Progress, find_programs, write_plan

# Measured 3 s on two cores; a busy machine may take twenty times as long before something is wrong.
START_TIMEOUT_S = 60.0

# The supervisor gives the servers STOP_TIMEOUT_S, then kills them; past this it is stuck itself.
END_TIMEOUT_S = supervisor.STOP_TIMEOUT_S + 5.0

POLL_S = 0.02

Server = Literal["redis", "kafka"]


class EmbeddedStack:
    """A running Kafka and a running Redis on loopback. Get one with `start`."""

    def __init__(
        self, directory: DataDir, ports: Ports, process: subprocess.Popen[bytes] | None
    ) -> None:
        self._directory = directory
        self._ports = ports
        self._process = process
        self._pid = os.getpid()
        self._commands_sent = 0

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        progress: Progress | None = None,
        kafka_heap_mb: int = 256,
        timeout_s: float = START_TIMEOUT_S,
    ) -> Self:
        """Start the stack of `data_dir`, or adopt it when it is already up.

        Parameters
        ----------
        data_dir
            Everything lives below it: data, logs, ports, password. Starting it again continues
            where it was.
        progress
            Called with a line for a person at each step that takes time.
        kafka_heap_mb
            The broker's Java heap, in MB: 256 serves a laptop, load tests want 1,024. From 512 on
            the broker also runs optimised code. Ignored when adopting.
        timeout_s
            How long the servers may take to answer. Fetching jars is not counted.

        Raises
        ------
        EmbeddedError
            If Java, the jars or Redis can't be had, or a server ends or does not answer in time.
        """
        report = progress or (lambda _line: None)
        if os.name != "posix":
            raise EmbeddedError(
                "the embedded stack runs on Linux and macOS only: set `kafka.bootstrap_servers`"
                " and `redis.url` to existing servers"
            )
        directory = DataDir(data_dir)
        # A first download may take minutes: not while others wait for the lock.
        programs = None if directory.state_path.exists() else find_programs(report)
        with directory.start_lock(timeout_s):
            adopted = cls._adopt(directory, timeout_s)
            if adopted:
                return adopted
            directory.end_leftovers()
            programs = programs or find_programs(report)
            report("starting Kafka and Redis")
            begun = time.monotonic()
            ports = directory.choose_ports()
            plan_path = write_plan(directory, programs, ports, kafka_heap_mb)
            stack = cls(directory, ports, _spawn_supervisor(directory, plan_path))
            try:
                stack._await_ready(("redis", "kafka"), timeout_s)
            except BaseException:
                stack.stop()
                raise
            report(f"Kafka and Redis are up after {time.monotonic() - begun:.1f} s")
            return stack

    @classmethod
    def _adopt(cls, directory: DataDir, timeout_s: float) -> Self | None:
        """Return a handle on the stack that runs in `directory`, or None if none does.

        One that is just coming up or going down is waited for.
        """
        deadline = time.monotonic() + timeout_s
        while directory.is_supervised():
            state = directory.read_state()
            if state and state["phase"] == "running":
                stack = cls(directory, Ports(**state["ports"]), None)
                if stack._is_ready("redis") and stack._is_ready("kafka"):
                    return stack
            if time.monotonic() > deadline:
                owner = state["owner"]["pid"] if state else "unknown"
                raise EmbeddedError(
                    f"the stack in {directory.root} runs but does not answer: see {directory.logs},"
                    f" end its owner (process {owner}), and start again"
                )
            time.sleep(POLL_S)
        return None

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, ``host:port``."""
        return f"127.0.0.1:{self._ports.kafka}"

    @property
    def redis_url(self) -> str:
        """Redis' address, password included."""
        return f"redis://:{self._directory.redis_password()}@127.0.0.1:{self._ports.redis}/0"

    @property
    def adopted(self) -> bool:
        """Whether another process, or another handle of this one, owns the stack."""
        return self._process is None

    @property
    def data_dir(self) -> Path:
        """Where the stack keeps everything."""
        return self._directory.root

    def pid(self, server: Server) -> int | None:
        """Return the server's process id, None while it is down."""
        entry = self._state().get("servers", {}).get(server)
        return None if entry is None else int(entry["pid"])

    def stop(self) -> None:
        """End both servers in order if this handle owns them; else, and the second time, nothing.

        A process forked from the owner does not own them either.
        """
        process = self._process
        if process is None or os.getpid() != self._pid or process.returncode is not None:
            return
        assert process.stdin is not None
        # Closing the pipe is the command; it also works when the supervisor is already gone.
        process.stdin.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()  # the kernel ends both servers with it
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def kill_redis(self) -> None:
        """End Redis with -9 and leave it down, as a crash would. Owner only."""
        self._command("kill", "redis")

    def kill_kafka(self) -> None:
        """End Kafka with -9 and leave it down, as a crash would. Owner only."""
        self._command("kill", "kafka")

    def start_redis(self) -> None:
        """Start Redis on the same port and data, and wait until it answers. Owner only."""
        self._command("start", "redis")
        self._await_ready(("redis",), START_TIMEOUT_S)

    def start_kafka(self) -> None:
        """Start Kafka on the same port and data, and wait until it answers. Owner only."""
        self._command("start", "kafka")
        self._await_ready(("kafka",), START_TIMEOUT_S)

    def restart_redis(self) -> None:
        """End Redis in order and start it again. Owner only."""
        self._command("end", "redis")
        self.start_redis()

    def restart_kafka(self) -> None:
        """End Kafka in order and start it again. Owner only."""
        self._command("end", "kafka")
        self.start_kafka()

    def _command(self, verb: str, server: Server) -> None:
        """Tell the supervisor to do something, and wait until its state says that it has."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.closed:
            raise EmbeddedError(
                f"the stack in {self.data_dir} is not run by this handle:"
                f" only its owner can {verb} {server}"
            )
        self._commands_sent += 1
        try:
            process.stdin.write(f"{verb} {server}\n".encode("ascii"))
        except BrokenPipeError:
            process.wait()
        deadline = time.monotonic() + END_TIMEOUT_S
        while self._state().get("commands_obeyed", 0) < self._commands_sent:
            self._raise_if_supervisor_ended()
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"the supervisor in {self.data_dir} did not {verb} {server}:"
                    f" {self._directory.last_words('supervisor')}"
                )
            time.sleep(POLL_S)

    def _await_ready(self, servers: tuple[Server, ...], timeout_s: float) -> None:
        """Wait until each server answers; say what went wrong as soon as it is known."""
        deadline = time.monotonic() + timeout_s
        for server in servers:
            while self.pid(server) is None or not self._is_ready(server):
                self._raise_if_failed(server)
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"{server} in {self.data_dir} did not answer within {timeout_s:.0f} s:"
                        f" {self._directory.last_words(server)}"
                    )
                time.sleep(POLL_S)

    def _raise_if_failed(self, server: Server) -> None:
        state = self._state()
        if state.get("phase") == "failed":
            raise EmbeddedError(f"{state['detail']}: {self._directory.last_words('kafka-format')}")
        code = state.get("exit_codes", {}).get(server)
        if code is not None:
            raise EmbeddedError(
                f"{server} ended with code {code}: {self._directory.last_words(server)}"
            )
        self._raise_if_supervisor_ended()

    def _raise_if_supervisor_ended(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise EmbeddedError(
                f"the supervisor in {self.data_dir} ended with code {self._process.returncode}:"
                f" {self._directory.last_words('supervisor')}"
            )

    def _state(self) -> dict[str, Any]:
        """Return the supervisor's account; empty until ours has written one."""
        state = self._directory.read_state() or {}
        ours = self.adopted or state.get("supervisor", {}).get("pid") == self._supervisor_pid
        return state if ours else {}

    @property
    def _supervisor_pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def _is_ready(self, server: Server) -> bool:
        if server == "redis":
            return readiness.redis_is_ready(self._ports.redis, self._directory.redis_password())
        return readiness.kafka_is_ready(self._ports.kafka)


def _spawn_supervisor(directory: DataDir, plan_path: Path) -> subprocess.Popen[bytes]:
    """Start the supervisor in its own session: Ctrl-C is for the application, not the servers."""
    with (directory.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            # As a script in isolated mode: it must not import the application it outlives.
            [sys.executable, "-I", str(Path(supervisor.__file__)), str(plan_path)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
