"""Run the stack from a shell, or from a program in another language.

``python -m stream.embedded --data-dir DIR`` prints one line of JSON,
``{"bootstrap_servers": …, "redis_url": …}``, once both servers answer, and stays until its
standard input closes or SIGTERM comes. Progress goes to standard error.

``python -m stream.embedded --prepare`` only finds Java and Redis and fetches the jars.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from stream.embedded import EmbeddedError, EmbeddedStack
from stream.embedded.jars import ensure_jars
from stream.embedded.java import find_java
from stream.embedded.redis_server import find_redis


class _Terminated(Exception):
    """SIGTERM or Ctrl-C arrived: the ordinary end."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, serve, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stream.embedded", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="everything is kept below this directory")
    parser.add_argument("--kafka-heap-mb", type=int, default=256, help="Java heap of the broker")
    parser.add_argument("--prepare", action="store_true", help="only find and fetch what is needed")
    options = parser.parse_args(arguments)
    if not options.prepare and options.data_dir is None:
        parser.error("--data-dir is needed, unless --prepare is given")
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, _terminate)
    try:
        if options.prepare:
            _prepare()
        else:
            _serve(options.data_dir, options.kafka_heap_mb)
    except EmbeddedError as error:
        _say(f"error: {error}")
        return 1
    except _Terminated:
        pass
    return 0


def _serve(data_dir: Path, kafka_heap_mb: int) -> None:
    """Keep the stack up until standard input ends."""
    with EmbeddedStack.start(data_dir, progress=_say, kafka_heap_mb=kafka_heap_mb) as stack:
        addresses = {"bootstrap_servers": stack.bootstrap_servers, "redis_url": stack.redis_url}
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        while os.read(sys.stdin.fileno(), 4096):
            pass


def _prepare() -> None:
    """Find and fetch everything that a start needs, and say what was found."""
    _say(f"Java:  {find_java()}")
    _say(f"Redis: {find_redis()}")
    _say(f"Kafka: {len(ensure_jars(progress=_say))} jars, all with the pinned SHA-256")


def _terminate(_signum: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
