from typing import Any

import pytest

from schemas.alerts import Severity
from schemas.notifications import Kind, Notification
from stream.alerting.superseded import superseded

KINDS = {"F": Kind.FIRST, "U": Kind.UPDATE, "R": Kind.REPEAT, "E": Kind.RESOLVED}
PEOPLE = {"every_event": False, "pages": False, "edits": False}


def waiting(text: str) -> list[Notification]:
    """Read ``Fa R1b``: kind, number of the repeat, conversation."""
    return [
        Notification(
            id=f"{at} {word}",
            key=word[-1],
            kind=KINDS[word[0]],
            title="",
            severity=Severity.ERROR,
            events=(),
            firing=1,
            at=at,
            repeat=int(word[1:-1] or 0),
        )
        for at, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("channel", "text", "gone"),
    [
        # repeats that something follows, in their conversation
        ({}, "Fa R1a R2a Ua", {1, 2}),
        ({}, "Fa R1a Fb Eb", set()),
        # a round of repeats may be several; an update says nothing of the others to a program
        ({"every_event": True}, "R1a R1a Ua R1b", set()),
        ({"every_event": True}, "R1a R1a Ua R2a R2a", {0, 1}),
        ({"every_event": True}, "R1a Ea", {0}),
        # where a new state takes the place of the one before
        ({"edits": True}, "Fa Ua Ua Ub Ra", {1, 2}),
        ({"edits": True}, "Ua Ea", {0}),
        ({}, "Ua Ua Ea", set()),
        ({}, "", set()),
    ],
)
def test_what_is_overtaken_need_not_be_sent(
    channel: dict[str, Any], text: str, gone: set[int]
) -> None:
    assert superseded(waiting(text), set(), **PEOPLE | channel) == gone


@pytest.mark.parametrize(
    ("text", "failed", "gone"),
    [
        ("Fa Ua Ea", {0}, {0, 1, 2}),
        ("Fa Ea", set(), set()),  # it is only late: who is woken is told that it is over, too
        ("Fa Ua", {0}, set()),  # it is not over
        ("Ua Ea", {0}, set()),  # it began: who was woken wants to know
        ("Fa Ea Fa Ua", {0}, {0, 1}),
        ("Fa Fb Eb Ea", {1}, {1, 2}),
    ],
)
def test_nobody_is_woken_for_what_was_refused_and_is_over(
    text: str, failed: set[int], gone: set[int]
) -> None:
    all_ = waiting(text)
    ids = {all_[at].id for at in failed}
    assert superseded(all_, ids, every_event=False, pages=True, edits=False) == gone
    assert superseded(all_, ids, every_event=False, pages=False, edits=False) == set()
