"""What one data directory holds: ports, password, locks, and the state of its stack.

==================  =====================================================================
``kafka/``          Kafka's log directory
``redis/``          Redis' append-only file
``logs/``           ``kafka.log``, ``redis.log``, ``supervisor.log``
``ports.json``      the ports chosen at the first start, kept while they are free
``redis.password``  random, readable by its owner only
``state.json``      written by the supervisor: phase, pids, ports; gone when nothing runs
``plan.json``       what the supervisor is told to run
``start.lock``      held by whoever is starting the stack
``alive.lock``      held by the supervisor as long as it lives
==================  =====================================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stream.embedded.errors import EmbeddedError
from stream.embedded.supervisor import is_same_process

# Outside Linux's range for outgoing connections (32768-60999), so that no client sits on a port
# between two starts.
PORT_MIN, PORT_MAX = 20_000, 32_000
PORT_TRIES = 200

LOCK_POLL_S = 0.05

LAST_WORDS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback TCP ports of one stack."""

    kafka: int
    controller: int
    redis: int


class DataDir:
    """One directory that is one stack.

    Parameters
    ----------
    root
        Created if missing, for its owner only.

    Raises
    ------
    EmbeddedError
        If it can't be created or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in (self.kafka, self.redis, self.logs):
                directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"the data directory {self.root} can't be written ({error.strerror}):"
                " choose another one"
            ) from error

    @property
    def kafka(self) -> Path:
        """Kafka's log directory."""
        return self.root / "kafka"

    @property
    def redis(self) -> Path:
        """Redis' working directory."""
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        """Where the output of every process goes."""
        return self.root / "logs"

    @property
    def state_path(self) -> Path:
        """The supervisor's account of what runs."""
        return self.root / "state.json"

    @property
    def alive_lock(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.root / "alive.lock"

    def is_formatted(self) -> bool:
        """Whether Kafka has already been given this directory's log directory."""
        return (self.kafka / "meta.properties").exists()

    def choose_ports(self) -> Ports:
        """Return the remembered ports if all are free, else new ones, and remember those."""
        path = self.root / "ports.json"
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            remembered = Ports(**json.loads(path.read_text("utf-8")))
            if all(map(_is_free, (remembered.kafka, remembered.controller, remembered.redis))):
                return remembered
        free = (port for port in _random_ports() if _is_free(port))
        try:
            ports = Ports(next(free), next(free), next(free))
        except StopIteration:
            raise EmbeddedError(
                f"no three free ports were found on 127.0.0.1 from {PORT_MIN} to {PORT_MAX}:"
                " end what uses them"
            ) from None
        write_private(path, json.dumps(asdict(ports)))
        return ports

    def redis_password(self) -> str:
        """Return this directory's Redis password, made at the first call."""
        path = self.root / "redis.password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text("ascii").strip()

    def read_state(self) -> dict[str, Any] | None:
        """Return the supervisor's latest account, or None if there is none."""
        try:
            state: dict[str, Any] = json.loads(self.state_path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        return state

    def last_words(self, name: str) -> str:
        """Say where the log ``name`` is and what it ends with, for an error message."""
        log = self.logs / f"{name}.log"
        try:
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - LAST_WORDS_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return f"see {self.logs}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return f"see {log}" + (f', which ends with "{lines[-1][:200]}"' if lines else "")

    def end_leftovers(self) -> None:
        """End servers that outlived their supervisor, and drop its account of them.

        Call it under `start_lock`, with no supervisor alive. On Linux the kernel ends them, and
        this waits the moment that takes; elsewhere it does the work.
        """
        for entry in (self.read_state() or {}).get("servers", {}).values():
            while is_same_process(entry["pid"], entry["started"]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(entry["pid"], signal.SIGKILL)
                time.sleep(LOCK_POLL_S)
        self.state_path.unlink(missing_ok=True)

    def is_supervised(self) -> bool:
        """Whether a supervisor lives, whatever `read_state` says. Call it under `start_lock`."""
        with self.alive_lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextlib.contextmanager
    def start_lock(self, timeout_s: float) -> Iterator[None]:
        """Let one process at a time start this stack.

        Raises
        ------
        EmbeddedError
            If another one is still starting it after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        with (self.root / "start.lock").open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedError(
                            f"another process has been starting the stack in {self.root} for"
                            f" {timeout_s:.0f} s: see {self.logs}, or choose another directory"
                        ) from None
                    time.sleep(LOCK_POLL_S)
            yield


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step by one that only its owner can read."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _random_ports() -> Iterator[int]:
    yield from random.SystemRandom().sample(range(PORT_MIN, PORT_MAX), PORT_TRIES)


def _is_free(port: int) -> bool:
    """Whether a server could listen on this port now, as both of ours do: with address reuse."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
