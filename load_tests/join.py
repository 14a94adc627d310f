"""What the join of labels costs: bytes of Redis for each open prediction, and joins a second.

First Redis alone, which gets packed predictions, then a label of each, as a worker sends them. Its
memory is the difference of ``used_memory``, panes of labels included; its time is the CPU time of
the server itself, and the wall clock of a client that waits for every answer. Then whole workers
(:mod:`load_tests.join_workers`), which read both from Kafka.

Usage: ``python -m load_tests.join [--quick]``
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import redis

from load_tests.join_traffic import BINARY, HORIZON_S, SHAPES, Shape, Traffic, prepare
from load_tests.join_workers import EVENTS, PAIRS, compare_workers
from stream.embedded import EmbeddedStack
from stream.state.client import RedisClient

BYTES_GOAL, JOINS_GOAL = 48, 50_000
LABELS_MAX = 500_000
"""Of so many predictions the labels are joined."""
_WEEK_HOURS = 168
_LOOK_S = 0.1
_BARE = """
for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local bucket, value = 'bare:' .. i % 65536, string.rep('x', 30) .. i
  redis.call('HGET', bucket, i)
  redis.call('HSET', bucket, i, value)
end
"""
"""What every join needs at least: an entry is read, and written."""
_BARE_ENTRIES, _BARE_AT_ONCE = 200_000, 2_000


class Case(NamedTuple):
    """So many open predictions of one shape, made in so many hours."""

    shape: Shape
    predictions: int
    hours: int = 1


CASES = (
    Case(BINARY, 200_000),
    Case(BINARY, 1_000_000),
    Case(BINARY, 3_000_000),
    Case(BINARY, 1_000_000, _WEEK_HOURS),
    *(Case(shape, 500_000) for shape in SHAPES[1:]),
)


class Spent:
    """CPU time of Redis and wall clock in parts of a program, s."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self.cpu_s = 0.0
        self.wall_s = 0.0

    def _cpu_s(self) -> float:
        told = self._client.info("cpu")
        return float(told["used_cpu_user"] + told["used_cpu_sys"])

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what the block takes."""
        cpu_s, wall_s = self._cpu_s(), time.perf_counter()
        yield
        self.wall_s += time.perf_counter() - wall_s
        self.cpu_s += self._cpu_s() - cpu_s

    def rates(self, records: int) -> str:
        """Records a second of either."""
        return f"{records / self.cpu_s:11,.0f} {records / self.wall_s:11,.0f}"


def used_memory(client: RedisClient) -> int:
    """Memory of Redis, bytes, once it writes no append-only file anew, which takes memory too."""
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(_LOOK_S)
    return int(client.info("memory")["used_memory"])


def measure_bare(client: RedisClient) -> str:
    """Read and write as many entries in a script that does nothing else; a line for a person."""
    client.flushall()
    bare, spent = client.register_script(_BARE), Spent(client)
    with spent.counted():
        for first in range(0, _BARE_ENTRIES, _BARE_AT_ONCE):
            bare(args=[first, _BARE_AT_ONCE])
    return f"{'a bare HGET and HSET':79s}{spent.rates(_BARE_ENTRIES)}"


def measure(client: RedisClient, case: Case) -> str:
    """Register the predictions of a case, join their labels; a line for a person."""
    traffic = Traffic.draw(case.shape, case.predictions, case.hours)
    store = prepare(client)
    empty = used_memory(client)
    registering, joining, joined = Spent(client), Spent(client), 0
    for groups in traffic.predictions():
        with registering.counted():
            store.join(groups, [], HORIZON_S)
    opened = (used_memory(client) - empty) / case.predictions
    for labels in traffic.labels(min(case.predictions, LABELS_MAX)):
        with joining.counted():
            store.join({}, labels, HORIZON_S)
        joined += len(labels) // 2
    more = (used_memory(client) - empty - opened * case.predictions) / joined
    return (
        f"{case.shape.name:17s} {case.hours:5d} {case.predictions:10,d} {opened:8.1f} {more:8.1f} "
        f"{registering.rates(case.predictions)} {joining.rates(joined)}"
    )


def compare_cases(client: RedisClient, cases: tuple[Case, ...]) -> None:
    """Measure Redis alone and print the figures."""
    print(f"{'':34s} bytes of Redis       registrations a second        joins a second")
    print(
        "predictions       hours     number   opened   + label    of its CPU     of time "
        " of its CPU     of time"
    )
    for case in cases:
        print(measure(client, case), flush=True)
    print(measure_bare(client))
    print(f"goals: {BYTES_GOAL} bytes opened of binary predictions, {JOINS_GOAL:,} joins a second")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it, for a try")
    quick = parser.parse_args().quick
    cases = tuple(case._replace(predictions=case.predictions // 10) for case in CASES)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack.start(Path(folder), kafka_heap_mb=1024) as stack,
    ):
        client = redis.Redis.from_url(stack.redis_url)
        version = client.info("server")["redis_version"]
        print(f"{platform.machine()}, Python {platform.python_version()}, Redis {version}")
        compare_cases(client, cases if quick else CASES)
        compare_workers(stack, EVENTS // 2 if quick else EVENTS, 1 if quick else PAIRS)


if __name__ == "__main__":
    main()
