"""Workers that are killed or stand still: nothing is lost and nothing counts twice."""

import signal
import time
from typing import Any

from checker import read_books
from programs import Programs, until
from settled import QUICK, assert_settled
from traffic import Sender, create_topic, make_events, pack

KILLS = 5
EVENTS = 120_000
CHECKPOINT_MS = 5_000


def test_a_worker_that_stood_still_past_its_session_changes_nothing(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    quick = QUICK | {"STREAMGAUGE_KAFKA__SESSION_TIMEOUT_MS": "1500"}
    topic = create_topic(stack.bootstrap_servers, namespace)
    programs.start("agents", **QUICK)
    sleeper = programs.start(
        "worker", **quick, STREAMGAUGE_WORKER__CHECKPOINT_MS=str(CHECKPOINT_MS)
    )

    def owners() -> list[str]:
        keys = read.scan_iter(f"{namespace}:state:{{*}}", count=1000)
        return sorted(read.hget(key, "owner") or "" for key in keys)

    until(lambda: len(owners()) == 4, "the first worker has all partitions")
    first = owners()[0]
    programs.start("worker", **quick, STREAMGAUGE_WORKER__CHECKPOINT_MS="50")
    until(lambda: owners().count(first) == 2, "each worker has two partitions")
    joined_s = time.monotonic()

    sent = make_events(60_000, seed=5)
    sender = Sender(stack.bootstrap_servers, topic)
    print('T send1', time.time())
    sender.send(pack(sent[:40_000], seed=6))
    until(lambda: read_books(read, namespace)["consumed"] > 10_000, "the second worker has its own")
    print('T stop', time.time())
    sleeper.send_signal(signal.SIGSTOP)  # what it counted is not committed
    try:
        until(lambda: first not in owners(), "the second worker has all partitions")
        print('T send2', time.time())
        sender.send(pack(sent[40_000:], seed=7, first_number=40_000))
        until(lambda: read_books(read, namespace)["consumed"] >= len(sent), "all is consumed")
        due_s = joined_s + CHECKPOINT_MS / 1000
        until(lambda: time.monotonic() > due_s, "the sleeper's next checkpoint is overdue")
    finally:
        sleeper.send_signal(signal.SIGCONT)
    print('T cont', time.time())
    until(lambda: "commit_refused" in programs.log(), "what it had counted is refused")
    try:
        assert_settled(stack, namespace, read, sent)
    except AssertionError as e:
        from checker import Reports, expected_windows
        ex=expected_windows(sent)
        with Reports(stack.bootstrap_servers, namespace) as reports:
            r=reports.read()
            for k in sorted(ex):
                if k not in r: print('MISSING', k)
                elif r[k]['count']!=ex[k].count: print('WRONG', k, r[k]['count'], ex[k].count)
        for key in read.scan_iter(f'{namespace}:state:v:*:panes'):
            print('PANES', key, [(int(p.split(':')[0])//60000, (int(p.split(':')[1])-1700000220000)//60000, int(a)) for p,a in read.zrange(key,0,-1,withscores=True)])
            print('META', read.hgetall(key[:-6]))
        print('NOW', time.time())
        raise
    assert sleeper.poll() is None, "it works on"
