"""A Redis of a test's own, to be killed, and to lose the last of what it wrote."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from programs import until

from stream.embedded.redis_server import find_redis, redis_conf
from stream.settings import Settings, load_settings


class PrivateRedis:
    """One server; ``url`` stays the same when it starts again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        folder.mkdir()
        self._folder = folder
        self._config = folder / "redis.conf"
        self._config.write_text(redis_conf(directory=folder, port=port, password="secret"))
        self._log = folder / "log"
        self.url = f"redis://:secret@127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers with all it has kept."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [find_redis(), str(self._config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        with redis.Redis.from_url(self.url) as client:
            until(lambda: _answers(client), "Redis answers")

    def settings(self, namespace: str) -> Settings:
        """Settings of one namespace on it; Kafka is not asked for."""
        environment = {"STREAMGAUGE_NAMESPACE": namespace, "STREAMGAUGE_REDIS__URL": self.url}
        return load_settings(environment=environment)

    def written(self) -> int:
        """How many bytes it has written down."""
        return self._log_of_commands().stat().st_size

    def kill(self, left: int | None = None) -> None:
        """Kill it with -9; where a number of bytes is given, the machine crashed and kept those."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if left is not None:
            path = self._log_of_commands()
            whole = _whole(path.read_bytes()[:left])
            with path.open("r+b") as log:
                log.truncate(whole)

    def _log_of_commands(self) -> Path:
        """The file that grows; from Redis 7 on, the newest of several in a folder."""
        return max(self._folder.rglob("appendonly*.aof"), key=lambda path: path.stat().st_mtime_ns)


def _whole(log: bytes) -> int:
    """How much of it is whole commands and transactions.

    Redis 6.2 leaves the beginning of a transaction in the file, does not run it, and runs it at the
    start after that, as if it were whole.
    """
    at, whole, in_transaction = 0, 0, False
    while (end := log.find(b"\r\n", at)) >= 0:
        parts, count = [], int(log[at + 1 : end])
        at = end + 2
        for _ in range(count):
            end = log.find(b"\r\n", at)
            length = int(log[at + 1 : end]) if end >= 0 else len(log)
            parts.append(log[end + 2 : end + 2 + length])
            at = end + 4 + length
        if at > len(log) or end < 0:
            return whole
        in_transaction = (in_transaction or parts == [b"MULTI"]) and parts != [b"EXEC"]
        if not in_transaction:
            whole = at
    return whole


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:  # not yet listening, or still loading
        return False


@contextmanager
def private_redis(folder: Path) -> Iterator[PrivateRedis]:
    """One that runs while the block does."""
    server = PrivateRedis(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
