"""What the doctor calls trouble, and what a warning."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.models import LabelsConfig, ModelConfig
from schemas.topics import TOPICS, Topic, topic_name
from stream.doctor.check import Book
from stream.doctor.kafka_checks import Reach, check_retention
from stream.doctor.label_checks import Waiting, check_need, check_orphans, check_room
from stream.doctor.plane_checks import (
    LAG_MS_MAX,
    Progress,
    check_books,
    check_health,
    check_lag,
    check_ownership,
)
from stream.doctor.redis_checks import check_redis
from stream.settings import JOIN_BYTES_MAX, HttpSettings
from stream.state.join import JOIN_OUTCOMES, JoinFigures
from stream.state.keys import VersionId

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


# --- labels

MB = 2**20
DAY_MS = 86_400_000
LABELS = "ml.labels"


def join(**changed: Any) -> JoinFigures:
    fields: dict[str, Any] = dict.fromkeys(("entries", "memory_bytes", *JOIN_OUTCOMES), 0)
    return JoinFigures(**{**fields, "rates": {}, **changed})


def test_a_join_with_room_is_fine() -> None:
    check = check_room(join(entries=12_000, memory_bytes=MB // 2), 256 * MB, {})
    assert (check.ok, check.hint) == (True, None)
    said = "12,000 requests are remembered, 0.5 MB of join.max_bytes = 256.0 MB"
    assert check.detail == said


def test_a_join_short_of_memory_names_whose_requests_are_left_out() -> None:
    config = ModelConfig(model_name="credit", labels=LabelsConfig(sampling_rate=0.25))
    fraud = ModelConfig(model_name="fraud")
    configs = {VersionId("credit", "3"): config, VersionId("fraud", "1"): fraud}
    short = join(rates={"credit 3": 0.25, "fraud 1": 0.5, "": 0.5, "gone 1": 0.125})
    check = check_room(short, MB, configs)
    assert not check.ok
    assert check.detail.startswith(
        "memory was short, so not all is joined: a part of the labels that come before their"
        " prediction, 0.5 of the requests of fraud 1; 0 requests are remembered"
    )
    assert "join.max_bytes" in str(check.hint)
    assert "labels.sampling_rate" in str(check.hint)
    assert check_room(join(rates={"credit 3": 0.25}), MB, configs).ok  # as it was asked for


@pytest.mark.parametrize(
    ("figures", "read", "warns", "says"),
    [
        ({}, 0, False, "no label was joined yet"),
        ({"matched": 900, "early": 800}, 900, False, "none; 900 labels found their prediction"),
        ({"matched": 960, "orphaned": 40}, 1_000, False, "40 labels waited in vain"),
        ({"matched": 900, "orphaned": 100}, 1_000, True, "10.00%"),
        ({"matched": 9_000, "orphaned": 100}, 1_000, True, "10.00%"),  # absent ones are matched
        ({"matched": 90, "orphaned": 10}, 10_000, True, "10.00%"),  # the rest is not in the sample
        ({"orphaned": 7}, 0, True, "100.00%"),  # the books are of a topic made anew
        ({"early": 50}, 50, True, "50 labels wait for their prediction, 0 found one"),
        ({"early": 50, "matched": 20}, 50, True, "30 labels wait"),
        ({"early": 50, "matched": 30}, 50, False, "30 labels found"),
    ],
)
def test_labels_without_a_prediction(figures: Any, read: int, warns: bool, says: str) -> None:
    books = [book(consumed=9**9, accepted=9**9), Book(LABELS, 0, read, read, 0, 0, 0)]
    check = check_orphans(join(**figures), books, LABELS)
    assert check.ok
    assert check.is_warning is warns
    assert says in check.detail


def test_what_the_traffic_needs_is_compared_with_what_it_may_have() -> None:
    waiting = [Waiting(40.0, DAY_MS), Waiting(60.0, 2 * DAY_MS)]
    requests = (40 + 2 * 60) * 86_400
    check = check_need(join(), requests * 48, waiting)
    assert check.hint is None
    assert check.detail.startswith(
        "100 requests a second × 1.6 d until they are forgotten × 48 bytes = 632.8 MB of"
    )
    check = check_need(join(), requests * 12, waiting)
    assert check.is_warning
    assert f"set join.max_bytes to {requests * 48:,} or more" in str(check.hint)
    assert "labels.sampling_rate to 0.25" in str(check.hint)
    measured = join(entries=2_000, memory_bytes=200_000)
    check = check_need(measured, requests * 48, waiting)
    assert "× 100 bytes" in check.detail
    assert requests * 100 > JOIN_BYTES_MAX
    assert "join.max_bytes" not in str(check.hint)
    assert check_need(measured, 1, []).hint is None


NAMES = {topic: topic_name("ml", topic) for topic in TOPICS}


@pytest.mark.parametrize(
    ("predictions_d", "labels_d", "raised"),
    [
        (14, 7, []),
        (-1, -1, []),
        (13, 7, ["ml.predictions to 1209600000"]),
        (14, 6, ["ml.labels to 604800000"]),
        (1, 1, ["ml.predictions to 1209600000", "ml.labels to 604800000"]),
    ],
)
def test_topics_are_kept_as_long_as_labels_are_waited_for(
    predictions_d: int, labels_d: int, raised: list[str]
) -> None:
    configs = {
        NAMES[topic]: {"retention.ms": str(days * DAY_MS if days > 0 else -1)}
        for topic, days in ((Topic.PREDICTIONS, predictions_d), (Topic.LABELS, labels_d))
    }
    check = check_retention(configs, NAMES, Reach(window_ms=14 * DAY_MS, horizon_ms=7 * DAY_MS))
    assert check.is_warning is bool(raised)
    assert all(one in str(check.hint) for one in raised)
    assert ("for ever" in check.detail) is (predictions_d < 0)


def test_topics_that_cannot_be_asked_about() -> None:
    check = check_retention({}, NAMES, Reach(DAY_MS, DAY_MS))
    assert (check.is_warning, check.detail) == (True, "ml.predictions: can't be asked")


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
