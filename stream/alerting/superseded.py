"""Which of the notifications that wait are overtaken by later ones. Pure."""

from collections.abc import Collection, Sequence

from schemas.notifications import Kind, Notification


def superseded(
    waiting: Sequence[Notification],
    failed: Collection[str],
    *,
    every_event: bool,
    pages: bool,
    edits: bool,
) -> set[int]:
    """Return the places of those that need not be sent any more.

    Parameters
    ----------
    waiting : in order
    failed : ids of those that the channel has refused
    every_event : whether it is told every event, so that an update says nothing of the others
    pages : whether it wakes somebody
    edits : whether a new state takes the place of the one before

    Returns
    -------
    set
        In any channel: repeats that the next round of repeats or the end follows, and where not
        every event is told, repeats that anything follows. Where states are edited: updates that
        anything follows. Where somebody is woken: a conversation that the channel refused to begin
        and that is over by now, from its first notification to its last.
    """
    gone: set[int] = set()
    followed: dict[str, list[Notification]] = {}
    for at in range(len(waiting) - 1, -1, -1):
        one = waiting[at]
        later = followed.setdefault(one.key, [])
        if one.kind is Kind.UPDATE and edits and later:
            gone.add(at)
        if one.kind is Kind.REPEAT and any(_overtakes(after, one, every_event) for after in later):
            gone.add(at)
        later.append(one)
    return gone | (_over_already(waiting, failed) if pages else set())


def _overtakes(after: Notification, repeat: Notification, every_event: bool) -> bool:
    """Whether a notification makes a repeat before it needless."""
    if after.kind is Kind.REPEAT:
        return after.repeat != repeat.repeat  # a round of repeats may be several notifications
    return after.kind is Kind.RESOLVED or not every_event


def _over_already(waiting: Sequence[Notification], failed: Collection[str]) -> set[int]:
    gone: set[int] = set()
    begun: dict[str, list[int]] = {}
    for at, one in enumerate(waiting):
        if one.kind is Kind.FIRST:
            begun[one.key] = [at]
        elif one.key in begun:
            begun[one.key].append(at)
        if one.kind is Kind.RESOLVED:
            places = begun.pop(one.key, [])
            if any(waiting[place].id in failed for place in places):
                gone.update(places)
    return gone
