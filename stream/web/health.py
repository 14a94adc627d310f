"""``/health``: whether everything that figures depend on answers and keeps up."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from stream.alerting.channel_figures import FAILING_MS_MAX, ChannelFigures, read_channels
from stream.state.client import RedisClient
from stream.state.keys import StateKeys

LAG_MS_MAX = 300_000
"""A partition read more than 5 minutes behind is trouble, as in the rule `pipeline-lag`."""

Part = dict[str, Any]


def check_health(
    client: RedisClient,
    namespace: str,
    broker: Callable[[], None],
    now_ms: int,
    channels: Collection[str] = (),
) -> tuple[bool, dict[str, Part]]:
    """Ask every part; returns whether all is well, and what each said.

    Parameters
    ----------
    client : Redis
    namespace : of the state
    broker : raises when Kafka does not answer
    now_ms : wall clock
    channels : names of the notification channels
    """
    parts = {
        "redis": _part(client.ping),
        "kafka": _part(broker),
    }
    if parts["redis"]["ok"]:
        parts["lag"] = _lag(client.hgetall(StateKeys(namespace).clocks), now_ms)
        parts["channels"] = _channels(read_channels(client, namespace, channels), now_ms)
    return all(part["ok"] for part in parts.values()), parts


def _part(ask: Callable[[], Any]) -> Part:
    try:
        ask()
    except Exception as error:  # whatever it is, the answer is that this part is not well
        return {"ok": False, "detail": str(error)[:300]}
    return {"ok": True}


def _lag(clocks: Mapping[bytes, bytes], now_ms: int) -> Part:
    """A partition at the end of its log has a clock of now, so old clocks mean a backlog."""
    if not clocks:
        return {"ok": True, "detail": "no worker has run yet"}
    behind_ms = {name.decode(): now_ms - int(value) for name, value in clocks.items()}
    worst = max(behind_ms, key=lambda name: behind_ms[name])
    ok = behind_ms[worst] <= LAG_MS_MAX
    part: Part = {"ok": ok, "behind_ms": max(0, behind_ms[worst])}
    if not ok:
        part["detail"] = (
            f"partition {worst} is {behind_ms[worst] / 1000:.0f} s behind: "
            "is a worker running, and is it fast enough?"
        )
    return part


def _channels(channels: Sequence[ChannelFigures], now_ms: int) -> Part:
    """What a channel said is left out: whoever can reach the port may ask, without the token."""
    down = [channel for channel in channels if channel.is_down(now_ms)]
    if not down:
        return {"ok": True}
    said = ", ".join(f"{channel.name} (waiting: {channel.waiting})" for channel in down)
    return {
        "ok": False,
        "detail": (
            f"not delivered for more than {FAILING_MS_MAX // 60_000} min by {said}:"
            " `streamgauge alerts channels` says why"
        ),
    }
