"""Redis is emptied in the middle: Kafka holds everything, and the same reports come out again."""

from typing import Any

from checker import Reports, Sent, read_books
from programs import Programs, until
from settled import QUICK, assert_settled
from traffic import Sender, create_topic, make_events, pack

EVENTS = 20_000
EMPTY = """
local gone = redis.call('KEYS', ARGV[1])
for first = 1, #gone, 1000 do
  redis.call('DEL', unpack(gone, first, math.min(first + 999, #gone)))
end
return #gone
"""
"""One step, as FLUSHALL is, for the keys of one test only."""


def final_reports(stack: Any, namespace: str) -> dict[Any, Any]:
    with Reports(stack.bootstrap_servers, namespace) as reports:
        return {key: report["id"] for key, report in reports.read().items()}


def play(
    stack: Any, namespace: str, programs: Programs, read: Any, sent: list[Sent], *, lose: bool
) -> dict[Any, Any]:
    topic = create_topic(stack.bootstrap_servers, namespace)
    variables = QUICK | {"STREAMGAUGE_NAMESPACE": namespace}
    agents = programs.start("agents", **variables)
    worker = programs.start("worker", **variables)
    sender = Sender(stack.bootstrap_servers, topic)
    half = len(sent) // 2
    sender.send(pack(sent[:half], seed=12))
    if lose:
        until(lambda: read_books(read, namespace)["consumed"] > half // 2, "half of it consumed")
        until(lambda: read.hgetall(f"{namespace}:{{credit}}:m:1:1h"), "figures shown")
        assert read.eval(EMPTY, 0, f"{namespace}:*") > 0
    sender.send(pack(sent[half:], seed=13, first_number=half))
    assert_settled(stack, namespace, read, sent)
    for process in (worker, agents):
        assert process.poll() is None, "it went on"
        process.terminate()
        process.wait()
    return final_reports(stack, namespace)


def test_the_same_final_reports_come_out_after_redis_was_emptied(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    sent = make_events(EVENTS, seed=11)
    undisturbed = play(stack, namespace, programs, read, sent, lose=False)
    rebuilt = play(stack, f"{namespace}-lost", programs, read, sent, lose=True)
    assert rebuilt == undisturbed
