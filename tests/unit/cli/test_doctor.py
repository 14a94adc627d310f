"""What the doctor calls trouble, and what a warning."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from stream.doctor.check import Book
from stream.doctor.plane_checks import (
    LAG_MS_MAX,
    Progress,
    check_books,
    check_health,
    check_lag,
    check_ownership,
)
from stream.doctor.redis_checks import check_redis
from stream.settings import HttpSettings

NOW = 1_790_002_800_000
URL = "redis://:secret@127.0.0.1:6379/0"


class FakeRedis:
    def __init__(self, fsync: Any = "everysec", **info: Any) -> None:
        self._info = {"redis_version": "7.2.4", "role": "master", "aof_enabled": 1} | info
        self._fsync = fsync

    def info(self) -> Any:
        return self._info

    def config_get(self, _name: Any) -> Any:
        return {"appendfsync": self._fsync}


def found(**info: Any) -> Any:
    return {check.name: check for check in check_redis(FakeRedis(**info), URL)}


def test_a_redis_as_it_should_be() -> None:
    checks = found()
    assert all(check.ok and check.hint is None for check in checks.values())
    assert "secret" not in checks["redis.reach"].detail


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ({"redis_version": "6.0.16"}, "redis.reach"),
        ({"cluster_enabled": 1}, "redis.topology"),
        ({"role": "slave"}, "redis.topology"),
        ({"maxmemory_policy": "allkeys-lru"}, "redis.eviction"),
        ({"aof_enabled": 0}, "redis.persistence"),
        ({"fsync": "no"}, "redis.persistence"),
        ({"aof_last_write_status": "err"}, "redis.persistence"),
    ],
)
def test_what_redis_must_not_be(info: Any, name: str) -> None:
    check = found(**info)[name]
    assert not check.ok
    assert check.hint


def test_a_nearly_full_redis_is_a_warning() -> None:
    assert found(used_memory=90, maxmemory=100)["redis.memory"].is_warning


def progress(partition: Any = 0, **changed: Any) -> Any:
    fields: dict[str, Any] = {"owner": "a", "offset": 10, "clock_ms": NOW, "end": 10} | changed
    return Progress("ml.predictions", partition, **fields)


def test_lag_by_clock_is_trouble_and_names_the_partition() -> None:
    slow = progress(2, clock_ms=NOW - LAG_MS_MAX - 1, end=25)
    check = check_lag([progress(0), slow], NOW)
    assert not check.ok
    assert check.detail == "15 records, 300 s behind on ml.predictions/2"


def test_a_deep_backlog_that_is_not_old_yet_is_a_warning() -> None:
    assert check_lag([progress(end=50_000, clock_ms=NOW - 100_000)], NOW).is_warning


def test_keeping_up_is_fine() -> None:
    assert check_lag([progress(clock_ms=NOW + 5)], NOW).detail == "0 records, 0 s behind"
    assert not check_lag([progress(offset=None)], NOW).ok


def test_a_partition_nobody_claimed_is_trouble() -> None:
    check = check_ownership([progress(0), progress(1, owner=None)])
    assert not check.ok
    assert "ml.predictions/1" in check.detail
    assert check_ownership([progress(0), progress(1)]).detail == "2 partitions, 1 owner"


def book(partition: Any = 0, **changed: Any) -> Any:
    fields: dict[str, Any] = {
        "consumed": 100,
        "accepted": 100,
        "late": 0,
        "rejected": 0,
        "empty": 0,
    } | changed
    return Book("ml.predictions", partition, **fields)


def test_books_that_do_not_balance_are_trouble() -> None:
    check = check_books([book(), book(1, accepted=99)])
    assert not check.ok
    assert "ml.predictions/1" in check.detail
    assert check_books([book(accepted=96, late=1, rejected=1, empty=2)]).hint is None


def test_many_refused_events_are_a_warning() -> None:
    assert check_books([book(accepted=90, rejected=10)]).is_warning


@pytest.fixture
def health() -> Iterator[Any]:
    class Handler(http.server.BaseHTTPRequestHandler):
        answer = (200, b"{}")

        def do_GET(self) -> None:
            status, body = self.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Handler, HttpSettings(port=server.server_port)
        server.shutdown()
        thread.join()


def test_agents_that_are_well_ill_or_away(health: Any) -> None:
    handler, settings = health
    assert check_health(settings).hint is None
    handler.answer = (503, b'{"ok": false, "parts": {"lag": {"ok": false, "detail": "slow"}}}')
    check = check_health(settings)
    assert not check.ok
    assert "lag: slow" in check.detail
    assert check_health(HttpSettings(port=1)).is_warning
