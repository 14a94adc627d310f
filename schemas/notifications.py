"""What a notification channel is given to deliver.

Alerts of one group make one conversation with a channel: a first notification, updates while
alerts join or end, repeats while nothing changes, and a last one when none of them fires any more.
"""

from enum import StrEnum

import msgspec

from schemas.alerts import AlertEvent, Severity
from schemas.canonical import sha256_of

__all__ = ["Kind", "Notification", "decode_notification", "encode_notification", "notification_id"]


class Kind(StrEnum):
    """What a notification is in its conversation."""

    FIRST = "first"
    UPDATE = "update"
    REPEAT = "repeat"
    RESOLVED = "resolved"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message of one conversation. Times are epoch milliseconds.

    Attributes
    ----------
    id
        Of this notification; the same when it is delivered again after a crash.
    key
        Of the conversation. Channels that deduplicate are given it, from the first notification to
        the last: the fingerprint where each alert is told apart, else one of the group.
    kind
        `first`, `update`, `repeat` or `resolved`.
    title
        One line for a human: of which model, how bad, what.
    severity
        The worst of what fires; once nothing does, the worst of what fired.
    events
        What changed since the last notification, oldest first. In a repeat: what still fires.
    more
        How many events are left out of `events`, for channels that people read.
    firing
        How many alerts of the conversation fire now.
    cause
        What goes with them, most likely first.
    labels
        What the alerts have in common.
    incident
        The incident that most of them belong to; None where they belong to none.
    at
        When it was made.
    repeat
        Which repeat it is, counted from 1; 0 for all others.
    receipt
        What the channel returned for the first notification, if anything.
    """

    id: str
    key: str
    kind: Kind
    title: str
    severity: Severity
    events: tuple[AlertEvent, ...]
    more: int = 0
    firing: int
    cause: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    incident: str | None = None
    at: int
    repeat: int = 0
    receipt: str | None = None


def notification_id(channel: str, key: str, event_ids: list[str], repeat: int) -> str:
    """Return the identity of a notification: SHA-256 hex of the canonical JSON of all of these."""
    return sha256_of([channel, key, event_ids, repeat])


def encode_notification(notification: Notification) -> bytes:
    """Write a notification as JSON."""
    return msgspec.json.encode(notification)


def decode_notification(raw: bytes) -> Notification:
    """Read what `encode_notification` wrote; raises `msgspec.DecodeError`."""
    return msgspec.json.decode(raw, type=Notification)
