"""Two hundred thousand events in all forms and out of order: every window of every hop is exact."""

from pathlib import Path
from typing import Any

import pytest
from checker import Reports, assert_balanced, differences, expected_windows, read_books
from programs import Programs, until
from traffic import Sender, create_topic, make_events, pack

EVENTS = 200_000
QUICK = {"STREAMGAUGE_WORKER__IDLE_TIMEOUT_MS": "2000"}


def test_every_window_of_every_hop_is_exactly_right(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    sent = make_events(EVENTS, seed=1)
    expected = expected_windows(sent)
    topic = create_topic(stack.bootstrap_servers, namespace)
    programs.start("agents", **QUICK)
    Sender(stack.bootstrap_servers, topic).send(pack(sent, seed=2))
    programs.start("worker", **QUICK)
    until(lambda: read_books(read, namespace)["consumed"] >= EVENTS, "everything consumed")

    with Reports(stack.bootstrap_servers, namespace) as reports:
        until(lambda: reports.read().keys() >= expected.keys(), "every window reported")
        until(lambda: not differences(expected, reports.read()), "every window right")
    books = read_books(read, namespace)
    assert books["accepted"] == books["consumed"] == EVENTS
    assert_balanced(books)
