"""What people are told of events that Redis had lost: it may have lost the telling, too. Pure."""

from schemas.alerts import AlertEvent, Status
from stream.alerting.judge import Entry
from stream.alerting.transitions import Episode

_OVER = (None, Status.PENDING, Status.RESOLVED)


def entry_after_loss(
    event: AlertEvent, known: Episode | None, is_recent: bool, channels: tuple[str, ...] | None
) -> Entry | None:
    """Return what to put into the outbox for an event of the topic that Redis did not know.

    Parameters
    ----------
    event : the last of its alert
    known : where the alert stood, as far as Redis knew
    is_recent : whether it was published so shortly before that the telling may be lost
    channels : of its rule

    Returns
    -------
    Entry or None
        None where nobody needs to hear of it.
    """
    if event.status is Status.RESOLVED and known is not None and known.status not in _OVER:
        return Entry(event, publish=False, notify=known.notified, channels=channels)
    if event.stale or (event.status is Status.RESOLVED and not is_recent):
        return None
    return Entry(event, publish=False, notify=True, channels=channels, rejoins=not is_recent)
