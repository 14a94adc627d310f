"""How all channels are doing, for those who look: the command, the doctor, /health and /metrics."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from schemas.notifications import decode_notification
from stream.alerting.channel_store import ChannelState, Dead, read_state
from stream.alerting.keys import AlertKeys
from stream.state.client import RedisClient

FAILING_MS_MAX = 300_000
"""So long a place may be down, to be restarted say, before somebody has to look."""


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """How one channel is doing. Times are epoch ms.

    Attributes
    ----------
    name : of the channel
    state : what became of its notifications
    waiting : how many it has still to deliver
    waiting_since : when the first of these was made; None where there are none
    dead_letters : how many that it could not deliver are kept
    dead_at : when the last of these was given up; None where there are none
    """

    name: str
    state: ChannelState
    waiting: int
    waiting_since: int | None
    dead_letters: int
    dead_at: int | None

    @property
    def failing_since(self) -> int | None:
        """Since when all tries have failed; None where the last one did not."""
        if not self.state.failures:
            return None
        return self.state.failing_since or self.state.failed_at

    def is_down(self, now_ms: int) -> bool:
        """Whether something waits that could not be delivered for too long."""
        since = self.failing_since
        return bool(self.waiting) and since is not None and now_ms - since > FAILING_MS_MAX


def read_channels(
    client: RedisClient, namespace: str, names: Collection[str]
) -> list[ChannelFigures]:
    """Read how some channels are doing; one that never had anything to deliver has zeros.

    Parameters
    ----------
    client : Redis, answering in bytes
    namespace : of the alerts
    names : of the channels
    """
    keys = AlertKeys(namespace)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(keys.channel(name))
            pipe.llen(keys.waiting(name))
            pipe.lindex(keys.waiting(name), 0)
            pipe.llen(keys.dead(name))
            pipe.lindex(keys.dead(name), 0)
        found = pipe.execute()
    out = []
    for number, name in enumerate(names):
        state, waiting, oldest, dead_letters, dead = found[5 * number : 5 * number + 5]
        out.append(
            ChannelFigures(
                name=name,
                state=read_state(state),
                waiting=int(waiting),
                waiting_since=None if oldest is None else decode_notification(oldest).at,
                dead_letters=int(dead_letters),
                dead_at=None if dead is None else msgspec.json.decode(dead, type=Dead).at,
            )
        )
    return out
