"""Processes that are started again when they die, ever more slowly when they keep dying."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits before the first, second, … restart in a row; the last one from then on."""
STEADY_S = 60.0
"""Who has run this long starts with the shortest wait again."""
STOP_TIMEOUT_S = 20.0
"""A worker commits within a second and leaves its group within a few; then patience ends."""
LOG_BYTES_MAX = 8 * 1024 * 1024
_LAST_WORDS_BYTES = 4_096
_SHOWN_CHARACTERS = 200

Say = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One role to keep running.

    Attributes
    ----------
    name
        Such as ``worker-1``; also the name of its log.
    command
        What runs.
    """

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    due_s: float = field(default=0.0)


class Supervisor:
    """Starts children and keeps them running until `stop`.

    Parameters
    ----------
    environment
        Of the children.
    say
        Told what happens, a line each.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = dict(environment)
        self._say = say
        self._clock = clock
        self._children: list[Child] = []

    def add(self, name: str, command: Sequence[str], log: Path) -> None:
        """Start a child."""
        child = Child(name, command, log)
        self._children.append(child)
        self._start(child)

    def tend(self) -> None:
        """Look after the children once: note who died, start again who is due."""
        for child in self._children:
            if child.process is None:
                if self._clock() >= child.due_s:
                    self._start(child)
            elif child.process.poll() is not None:
                self._mourn(child, child.process.returncode)

    def stop(self) -> None:
        """End all children in order, the last started first; kill who does not end in time."""
        alive = [c for c in reversed(self._children) if c.process is not None]
        for child in alive:
            assert child.process is not None
            child.process.terminate()
        deadline = self._clock() + STOP_TIMEOUT_S
        for child in alive:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} does not end by itself: killed")
                child.process.kill()
                child.process.wait()

    def _start(self, child: Child) -> None:
        if child.log.exists() and child.log.stat().st_size > LOG_BYTES_MAX:
            child.log.replace(child.log.with_suffix(".log.1"))
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603  # a list, our own program
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C is for the parent, which ends its children in order.
                start_new_session=True,
            )
        child.started_s = self._clock()

    def _mourn(self, child: Child, code: int) -> None:
        now = self._clock()
        if now - child.started_s >= STEADY_S:
            child.failures = 0
        wait_s = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
        child.failures += 1
        child.process = None
        child.due_s = now + wait_s
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        self._say(
            f"{child.name} {how}; starting it again in {wait_s:g} s ({last_words(child.log)})"
        )


def last_words(log: Path) -> str:
    """Say where a log is and what it ends with."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_WORDS_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return f"see {log}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"see {log}" + (f': "{lines[-1][:_SHOWN_CHARACTERS]}"' if lines else "")


def own_command(*arguments: str) -> list[str]:
    """Return the command line that runs a command of this program in this very installation."""
    return [sys.executable, "-m", "stream.cli.main", *arguments]
