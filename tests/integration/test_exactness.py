"""Two hundred thousand events in all forms and out of order: every window of every hop is exact."""

from typing import Any

from programs import Programs
from settled import QUICK, assert_settled
from traffic import Sender, create_topic, make_events, pack

EVENTS = 200_000


def test_every_window_of_every_hop_is_exactly_right(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    programs.start("agents", **QUICK)
    sent = make_events(EVENTS, seed=1)
    topic = create_topic(stack.bootstrap_servers, namespace)
    Sender(stack.bootstrap_servers, topic).send(pack(sent, seed=2))
    programs.start("worker", **QUICK)
    assert_settled(stack, namespace, read, sent)
