"""What a channel could not deliver, tried again where it is still so."""

from collections.abc import Collection
from typing import NamedTuple

from schemas.alerts import Status
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


def goes_on(notification: Notification, began_at: int | None) -> bool:
    """Whether what a notification tells people is still so, by the conversation with them.

    A page for what is over would open an incident that nobody closes, and an end that comes late
    would close the incident of the next time.

    Parameters
    ----------
    notification : that was given up
    began_at : when the conversation of the group began that goes on, epoch ms; None where none does

    Examples
    --------
    >>> from schemas.alerts import Severity
    >>> over = Notification(id="1", key="a", kind=Kind.RESOLVED, title="", at=0, firing=0,
    ...                     severity=Severity.ERROR, events=())
    >>> goes_on(over, None), goes_on(over, 0)
    (True, False)
    """
    if notification.kind is Kind.RESOLVED:
        return began_at is None
    return began_at is not None and notification.at >= began_at


def is_still_so(notification: Notification, active: Collection[str]) -> bool:
    """Whether any event that a notification tells a program is still so.

    Parameters
    ----------
    notification : that was given up
    active : fingerprints of the alerts that are active now
    """
    return any(
        (event.status is not Status.RESOLVED) is (event.fingerprint in active)
        for event in notification.events
    )


def retry(client: RedisClient, namespace: str, channel: str, every_event: bool) -> Retried:
    """Put back what is still so; it is delivered before all that waits.

    Parameters
    ----------
    client : Redis, answering in bytes
    namespace : of the alerts
    channel : its name
    every_event : whether it follows each alert, not the conversation
    """
    store = ChannelStore(client, AlertKeys(namespace), channel)
    if every_event:
        active = {of.decode() for of in client.smembers(active_alerts_key(namespace))}
        back = store.retry(lambda one: is_still_so(one, active))
    else:
        groups = RoutingStore(client, namespace)
        back = store.retry(lambda one: goes_on(one, groups.began_at(group_id(channel, one.labels))))
    return Retried(back, len(store.dead_letters()))
