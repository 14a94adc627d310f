"""Wait until everything that was sent is counted and reported, and check all of it."""

from collections.abc import Sequence
from typing import Any

from checker import (
    Reports,
    Sent,
    WindowKey,
    assert_balanced,
    differences,
    expected_windows,
    read_books,
)
from programs import until

QUICK = {
    "STREAMGAUGE_WORKER__IDLE_TIMEOUT_MS": "2000",
    "STREAMGAUGE_WORKER__REPORT_AGAIN_MS": "2000",
}
"""Windows close two seconds after the traffic has ended, instead of ten, and are reported again as
soon, instead of half a minute later."""
EMPTY = """
local keys = redis.call('KEYS', ARGV[1])
for i = 1, #keys do redis.call('DEL', keys[i]) end
return #keys
"""
"""Empties a namespace in one step, as a Redis that lost its data has lost all of it at once."""


def assert_settled(
    stack: Any, namespace: str, client: Any, sent: Sequence[Sent], **refused: int
) -> dict[WindowKey, dict[str, Any]]:
    """Check every window and the books, and return the reports.

    ``refused`` says what there must be in the books beside the accepted events.
    """
    expected = expected_windows(sent)
    books = {"accepted": len(sent), **refused}
    total = sum(books.values())
    until(lambda: read_books(client, namespace)["consumed"] >= total, f"{total} events consumed")
    with Reports(stack.bootstrap_servers, namespace) as reports:
        until(lambda: reports.read().keys() >= expected.keys(), "every window reported")
        wrong = wait_until_right(expected, reports)
    assert not wrong, "\n".join(wrong)
    found = read_books(client, namespace)
    assert_balanced(found)
    assert found == {"consumed": total, "late": 0, "rejected": 0, "empty": 0, **books}
    return reports.best


def wait_until_right(expected: Any, reports: Reports, deadline_s: float = 50.0) -> list[str]:
    """Return what is still wrong at the deadline: a window is reported again after 30 s."""
    wrong: list[str] = []

    def right() -> bool:
        wrong[:] = differences(expected, reports.read())
        return not wrong

    try:
        until(right, "every window right", deadline_s)
    except AssertionError:
        return wrong
    return []
