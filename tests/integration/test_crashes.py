"""Workers that are killed or stand still: nothing is lost and nothing counts twice."""

import signal
import time
from typing import Any

from checker import read_books
from programs import Programs, until
from settled import QUICK, assert_settled
from traffic import Sender, create_topic, make_events, pack

KILLS = 5
EVENTS = 80_000
CHECKPOINT_MS = 5_000


def test_a_worker_killed_five_times_in_the_middle_loses_and_repeats_nothing(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    # Small polls and a commit after almost each: a kill hits every part of the work.
    slow = {"STREAMGAUGE_WORKER__POLL_RECORDS": "50", "STREAMGAUGE_WORKER__CHECKPOINT_MS": "20"}

    def start() -> Any:
        return programs.start("worker", "--instance", "one", **QUICK, **slow)

    programs.start("agents", **QUICK)
    sent = make_events(EVENTS, seed=3)
    topic = create_topic(stack.bootstrap_servers, namespace)
    Sender(stack.bootstrap_servers, topic).send(pack(sent, seed=4))
    worker = start()
    for kill in range(1, KILLS + 1):
        share = kill * EVENTS // (KILLS + 2)
        until(lambda: read_books(read, namespace)["consumed"] > share, f"{share} consumed")  # noqa: B023
        programs.kill(worker)
        assert read_books(read, namespace)["consumed"] < EVENTS, "killed in the middle"
        worker = start()
    assert_settled(stack, namespace, read, sent)


def test_a_worker_without_room_for_panes_reads_on_slowly_and_exactly(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    # Fewer panes than the allowed lateness alone needs: there is never room.
    narrow = {"STREAMGAUGE_WORKER__UNROLLED_PANES_MAX": "20"}
    programs.start("agents", **QUICK)
    sent = make_events(20_000, seed=16)
    topic = create_topic(stack.bootstrap_servers, namespace)
    Sender(stack.bootstrap_servers, topic).send(pack(sent, seed=17))
    programs.start("worker", **QUICK, **narrow, STREAMGAUGE_WORKER__POLL_RECORDS="500")
    until(lambda: "paused" in programs.log(), "the worker pauses")
    assert_settled(stack, namespace, read, sent)


def test_a_worker_that_stood_still_past_its_session_changes_nothing(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    # One partition of the other topics: a group shares out all partitions, not those of each topic.
    other = {"STREAMGAUGE_TOPICS__PARTITIONS": "1"}
    quick = QUICK | other | {"STREAMGAUGE_KAFKA__SESSION_TIMEOUT_MS": "1500"}
    topic = create_topic(stack.bootstrap_servers, namespace)
    programs.start("agents", **QUICK, **other)
    sleeper = programs.start(
        "worker", **quick, STREAMGAUGE_WORKER__CHECKPOINT_MS=str(CHECKPOINT_MS)
    )

    def owners() -> list[str]:
        """Owners of the partitions of predictions; those of other topics have owners, too."""
        partitions = read.hkeys(f"{namespace}:state:clocks")
        return [read.hget(f"{namespace}:state:{{{one}}}", "owner") or "" for one in partitions]

    until(lambda: len(owners()) == 4 and "" not in owners(), "the first worker has all partitions")
    first = owners()[0]
    programs.start("worker", **quick, STREAMGAUGE_WORKER__CHECKPOINT_MS="50")
    until(lambda: 0 < owners().count(first) < 4, "each worker has some of them")
    joined_s = time.monotonic()

    sent = make_events(60_000, seed=5)
    sender = Sender(stack.bootstrap_servers, topic)
    sender.send(pack(sent[:40_000], seed=6))
    until(lambda: read_books(read, namespace)["consumed"] > 10_000, "the second worker has its own")
    sleeper.send_signal(signal.SIGSTOP)  # what it counted is not committed
    try:
        until(lambda: first not in owners(), "the second worker has all partitions")
        sender.send(pack(sent[40_000:], seed=7, first_number=40_000))
        until(lambda: read_books(read, namespace)["consumed"] >= len(sent), "all is consumed")
        due_s = joined_s + CHECKPOINT_MS / 1000
        until(lambda: time.monotonic() > due_s, "the sleeper's next checkpoint is overdue")
    finally:
        sleeper.send_signal(signal.SIGCONT)
    until(lambda: "commit_refused" in programs.log(), "what it had counted is refused")
    assert_settled(stack, namespace, read, sent)
    assert sleeper.poll() is None, "it works on"
