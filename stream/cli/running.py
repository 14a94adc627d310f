"""The note that a running ``up`` leaves in its data directory, by which other commands find it."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

DATA_DIR_DEFAULT = Path("~/.local/share/streamgauge")
NOTE = "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """Where the parts of a running ``up`` are.

    Attributes
    ----------
    pid, started
        Its process, and when that started (epoch seconds): a later process of the same number is
        another one.
    """

    pid: int
    started: float
    bootstrap_servers: str
    redis_url: str
    namespace: str
    http_host: str
    http_port: int

    def defaults(self) -> dict[str, Any]:
        """Return settings that hold where nothing else is said, by dotted key."""
        return {
            "kafka.bootstrap.servers": self.bootstrap_servers,
            "redis.url": self.redis_url,
            "namespace": self.namespace,
            "http.host": self.http_host,
            "http.port": self.http_port,
        }

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1.0
        except psutil.Error:
            return False


def data_directory(given: str | Path | None) -> Path:
    """Return the data directory that is meant: the given one, or the default."""
    return Path(given or DATA_DIR_DEFAULT).expanduser().absolute()


def find_running(data_dir: Path) -> Running | None:
    """Return the ``up`` that runs in a data directory, None where none does."""
    try:
        found = Running(**json.loads((data_dir / NOTE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.is_alive else None


def leave_note(data_dir: Path, running: Running) -> None:
    """Write the note, readable by its owner only: it holds Redis' password."""
    draft = data_dir / f"{NOTE}.draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(running), file)
    draft.replace(data_dir / NOTE)


def remove_note(data_dir: Path) -> None:
    """Take the note away."""
    with contextlib.suppress(FileNotFoundError):
        (data_dir / NOTE).unlink()


def this_process() -> tuple[int, float]:
    """Return pid and start of this process."""
    return os.getpid(), psutil.Process().create_time()
