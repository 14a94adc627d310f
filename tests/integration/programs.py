"""Start the product's own commands as separate processes, and wait for what they do."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

DEADLINE_S = 60.0
_POLL_S = 0.05

T = TypeVar("T")


def until(look: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Return the first true value of ``look``; fail naming ``what`` when it takes too long."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(_POLL_S)
    raise AssertionError(f"after {deadline_s:.0f} s still not: {what}")


class Programs:
    """Processes of one test; all of them have ended when the test has."""

    def __init__(self, stack: Any, namespace: str, logs: Path) -> None:
        self.namespace = namespace
        self.logs = logs
        self.environment = {
            **os.environ,
            "STREAMGAUGE_NAMESPACE": namespace,
            "STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "STREAMGAUGE_REDIS__URL": stack.redis_url,
            "STREAMGAUGE_DATA_DIR": str(logs),
            "STREAMGAUGE_HTTP__PORT": "0",  # a free one
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start ``streamgauge ARGUMENTS`` in the background, its output in the test's folder."""
        path = self.logs / f"{arguments[0]}-{len(self._running)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.main", *arguments],
                env=self.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._running.append(process)
        return process

    def run(
        self, *arguments: str, stdin: bytes = b"", deadline_s: float = DEADLINE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run ``streamgauge ARGUMENTS`` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli.main", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=deadline_s,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill one of our processes with -9 and wait until it is gone."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def log(self) -> str:
        """Everything the background commands printed."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text('utf-8', 'replace')}"
            for path in sorted(self.logs.glob("*.log"))
        )

    def close(self) -> None:
        """End what still runs."""
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                self.kill(process)


@contextlib.contextmanager
def programs_of(stack: Any, namespace: str, logs: Path) -> Iterator[Programs]:
    """Processes that end with the block; what they printed is shown where it fails."""
    programs = Programs(stack, namespace, logs)
    try:
        yield programs
    except BaseException:
        print(programs.log())
        raise
    finally:
        programs.close()
