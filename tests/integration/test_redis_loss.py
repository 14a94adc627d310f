"""Redis emptied, restarted and killed under load: the log brings back the very same reports."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from checker import Reports, expected_windows, read_books
from programs import Programs, programs_of, until
from settled import EMPTY, QUICK, assert_settled
from traffic import Sender, create_topic, make_events, pack

from stream.embedded import EmbeddedStack

EVENTS = 60_000


def test_after_redis_was_emptied_the_same_reports_come_again(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    programs.start("agents", **QUICK)
    sent = make_events(EVENTS, seed=11)
    before, after = sent[: EVENTS // 2], sent[EVENTS // 2 :]
    topic = create_topic(stack.bootstrap_servers, namespace)
    sender = Sender(stack.bootstrap_servers, topic)
    sender.send(pack(before, seed=12))
    worker = programs.start("worker", **QUICK)
    assert_settled(stack, namespace, read, before)

    sender.send(pack(after, seed=13, first_number=len(before)))
    until(lambda: read_books(read, namespace)["consumed"] > len(before), "more is being counted")
    assert read.eval(EMPTY, 0, f"{namespace}:*") > 0
    assert_settled(stack, namespace, read, sent)
    assert worker.poll() is None, "the worker went on"

    first, whole = expected_windows(before), expected_windows(sent)
    same = [key for key in first if first[key].count == whole[key].count]
    assert len(same) > 500
    with Reports(stack.bootstrap_servers, namespace) as reports:
        until(
            lambda: (
                reports.read() and all(len(reports.ids[key, first[key].count]) > 1 for key in same)
            ),
            "what was reported before is reported again",
        )
        for key in same:
            assert len(set(reports.ids[key, first[key].count])) == 1, key


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[EmbeddedStack]:
    with EmbeddedStack.start(tmp_path / "stack") as running:
        yield running


def test_redis_restarted_and_killed_under_load_loses_and_repeats_nothing(
    own_stack: EmbeddedStack, namespace: str, tmp_path: Path
) -> None:
    slow = {"STREAMGAUGE_WORKER__POLL_RECORDS": "100", "STREAMGAUGE_WORKER__CHECKPOINT_MS": "20"}
    sent = make_events(EVENTS, seed=14)
    topic = create_topic(own_stack.bootstrap_servers, namespace)
    Sender(own_stack.bootstrap_servers, topic).send(pack(sent, seed=15))
    client = redis.Redis.from_url(own_stack.redis_url, decode_responses=True)
    with client, programs_of(own_stack, namespace, tmp_path) as programs:
        agents = programs.start("agents", **QUICK)
        worker = programs.start("worker", **QUICK, **slow)

        def until_consumed(share: float) -> None:
            until(
                lambda: read_books(client, namespace)["consumed"] > share * EVENTS,
                f"{share:.0%} consumed",
            )

        until_consumed(0.1)
        own_stack.restart_redis()
        until_consumed(0.4)
        own_stack.kill_redis()  # with -9: the last second may be lost, and is read again
        own_stack.start_redis()
        assert read_books(client, namespace)["consumed"] < EVENTS, "killed in the middle"
        assert_settled(own_stack, namespace, client, sent)
        assert worker.poll() is None
        assert agents.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0, "and it ends well"
