"""Which of the notifications that wait are overtaken by later ones. Pure."""

from collections.abc import Collection, Sequence

from schemas.notifications import Kind, Notification


def superseded(
    waiting: Sequence[Notification], failed: Collection[str], pages: bool, edits: bool
) -> set[int]:
    """Return the places of those that need not be sent any more.

    Parameters
    ----------
    waiting : in order
    failed : ids of those that the channel has refused
    pages : whether it wakes somebody
    edits : whether a new state takes the place of the one before

    Returns
    -------
    set
        In any channel: repeats that something follows. Where states are edited: updates that
        something follows. Where somebody is woken: a conversation that the channel refused to
        begin and that is over by now, from its first notification to its last.
    """
    gone: set[int] = set()
    followed: set[str] = set()
    for at in range(len(waiting) - 1, -1, -1):
        one = waiting[at]
        overtaken = one.kind is Kind.REPEAT or (edits and one.kind is Kind.UPDATE)
        if one.key in followed and overtaken:
            gone.add(at)
        followed.add(one.key)
    return gone | (_over_already(waiting, failed) if pages else set())


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
