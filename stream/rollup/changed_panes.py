"""Follow the panes of a model version in Redis: read those that changed since the last look."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from stream.rollup.tracker import Tracker
from stream.state.client import RedisClient
from stream.window.panes import PaneId

PANES_READ_AT_ONCE = 200

Counts = TypeVar("Counts")


def read_changed(
    client: RedisClient,
    index_key: str,
    key_of: Callable[[str], str],
    tracker: Tracker[Counts],
    take: Callable[[PaneId, Mapping[bytes, bytes], int], None],
) -> None:
    """Bring a tracker up to date.

    Parameters
    ----------
    client : Redis, bytes in and out
    index_key : of the panes' index: pane → number of its last change
    key_of : key of a pane, by its member in the index
    tracker : panes that are gone leave it
    take : gets each pane that changed, its rows and the number of its last change
    """
    while True:
        present = _index(client, index_key)
        for gone in tracker.panes.keys() - present.keys():
            tracker.drop(gone)
        changed = [pane for pane, at in present.items() if tracker.read_at.get(pane) != at]
        for first in range(0, len(changed), PANES_READ_AT_ONCE):
            some = changed[first : first + PANES_READ_AT_ONCE]
            with client.pipeline(transaction=False) as pipe:
                for pane in some:
                    pipe.hgetall(key_of(pane.member()))
                for pane, rows in zip(some, pipe.execute(), strict=True):
                    if rows:
                        take(pane, rows, present[pane])
        # Another agents process may have rolled panes up meanwhile; none must count twice, on its
        # own and within the next size.
        if not changed or _index(client, index_key).keys() >= present.keys():
            return


def _index(client: RedisClient, key: str) -> dict[PaneId, int]:
    """Read which panes there are, and the number of each one's last change."""
    index = client.zrange(key, 0, -1, withscores=True)
    return {PaneId.parse(member.decode()): int(score) for member, score in index}
