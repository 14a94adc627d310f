"""What a channel could not deliver, tried again where it is still so."""

from collections.abc import Collection
from typing import NamedTuple

from schemas.alerts import AlertEvent, Status
from schemas.keys import active_alerts_key
from schemas.notifications import Kind, Notification
from stream.alerting.channel_store import ChannelStore
from stream.alerting.keys import AlertKeys
from stream.alerting.routing import group_id
from stream.alerting.routing_store import RoutingStore
from stream.state.client import RedisClient


class Retried(NamedTuple):
    """What became of dead letters.

    Attributes
    ----------
    back
        Those that wait again, oldest first.
    left
        How many are left, since what they tell is so no more.
    """

    back: list[Notification]
    left: int


def is_still_so(
    notification: Notification,
    active: Collection[str],
    *,
    began_at: int | None,
    every_event: bool,
) -> bool:
    """Whether what a notification tells is still so.

    A page for what is over would open an incident that nobody closes, and an end that comes late
    would close the incident of the next time.

    Parameters
    ----------
    notification : that was given up
    active : fingerprints of the alerts that are active now
    began_at : when the conversation of the group began that goes on, epoch ms; None where none does
    every_event : whether the channel follows each alert, not the conversation

    Examples
    --------
    >>> from schemas.alerts import Severity
    >>> over = Notification(id="1", key="a", kind=Kind.RESOLVED, title="", at=0, firing=0,
    ...                     severity=Severity.ERROR, events=())
    >>> [is_still_so(over, (), began_at=at, every_event=False) for at in (None, 0)]
    [True, False]
    """
    if every_event:
        return any(_is_so(event, active) for event in notification.events)
    if notification.kind is Kind.RESOLVED:
        return began_at is None
    return began_at is not None and notification.at >= began_at


def retry(client: RedisClient, namespace: str, channel: str, every_event: bool) -> Retried:
    """Put back what is still so; it is delivered before all that waits.

    Parameters
    ----------
    client : Redis, answering in bytes
    namespace : of the alerts
    channel : its name
    every_event : whether it follows each alert, not the conversation
    """
    active = {of.decode() for of in client.smembers(active_alerts_key(namespace))}
    store, groups = (
        ChannelStore(client, AlertKeys(namespace), channel),
        RoutingStore(client, namespace),
    )

    def wanted(one: Notification) -> bool:
        began_at = groups.began_at(group_id(channel, one.labels))
        return is_still_so(one, active, began_at=began_at, every_event=every_event)

    back = store.retry(wanted)
    return Retried(back, len(store.dead_letters()))


def _is_so(event: AlertEvent, active: Collection[str]) -> bool:
    return (event.status is not Status.RESOLVED) is (event.fingerprint in active)
