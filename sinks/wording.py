"""A notification in words, for channels that people read. Pure.

Names, classes and causes are others' input: nothing in them may end a line, steer a terminal or
turn the direction of what is written.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.alerts import AlertEvent, Status
from schemas.notifications import Notification
from schemas.timestamps import minute_text

__all__ = [
    "EVENTS_MAX",
    "causes_of",
    "counts",
    "cut",
    "details_of",
    "harmless",
    "headline",
    "is_link",
    "left_out",
    "links_of",
    "rfc3339",
    "shown",
    "subject",
    "text_of",
]

EVENTS_MAX = 20
"""As many fit one screen; the others are counted."""
LINE_MAX = 500
"""Characters of one sentence; rules' own summaries are as long as somebody likes."""
_CAUSES_MAX = 5
_LINKS_MAX = 10
_LINK_MAX = 2_048
_CUT = "…"

_SPACES = {code: " " for code in (9, 10, 11, 12, 13, 0x2028, 0x2029)}
_TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HARMLESS = {code: None for code in (*range(32), *range(127, 160), *_TURNING)} | _SPACES


def harmless(text: str, length_max: int = LINE_MAX) -> str:
    r"""Return text as one line of a bounded length, without characters that steer.

    Examples
    --------
    >>> harmless("credit\x1b[2J\nFIRING fake"), harmless("a long name", 7)
    ('credit[2J FIRING fake', 'a long…')
    """
    return cut(text[: 2 * length_max].translate(_HARMLESS).strip(), length_max)


def cut(text: str, length_max: int) -> str:
    """Return text of at most so many characters; what is cut off shows as an ellipsis."""
    if len(text) <= length_max:
        return text
    return text[: length_max - len(_CUT)].rstrip() + _CUT


def rfc3339(at_ms: int) -> str:
    """Write a time for a program, in UTC.

    Examples
    --------
    >>> rfc3339(1790002800250)
    '2026-09-21T15:00:00.250Z'
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_link(url: str | None) -> bool:
    """Tell whether an address may be shown as a link: HTTP, printable, of a sane length."""
    return (
        url is not None
        and url.startswith(("http://", "https://"))
        and len(url) <= _LINK_MAX
        and url.isprintable()
        and not set(url) & set(' "<>|\\^`{}')
    )


def headline(notification: Notification, length_max: int = LINE_MAX) -> str:
    """Return the title as one line, which is not empty."""
    return harmless(notification.title, length_max) or "alert"


def counts(notification: Notification) -> str:
    """Say how many alerts fire, and which repeat this is.

    Returns
    -------
    str
        Such as ``12 alerts fire; repeat 2``.
    """
    firing = notification.firing
    said = "1 alert fires" if firing == 1 else f"{firing:,} alerts fire"
    if not firing:
        said = "no alert fires any more"
    return f"{said}; repeat {notification.repeat}" if notification.repeat else said


def shown(notification: Notification, events_max: int = EVENTS_MAX) -> tuple[AlertEvent, ...]:
    """Return the events that are written out."""
    return notification.events[:events_max]


def left_out(notification: Notification, written: int) -> str | None:
    """Say how many events are not written out; None where all are."""
    more = notification.more + len(notification.events) - written
    return f"and {more:,} more" if more else None


def subject(notification: Notification) -> str:
    """Name the model and version that the alerts have in common, or Streamgauge."""
    labels = notification.labels
    words = [labels[name] for name in ("model_name", "model_version") if name in labels]
    return harmless(" ".join(words), 255) or "streamgauge"


def causes_of(causes: Sequence[str], causes_max: int = _CAUSES_MAX) -> list[str]:
    """Return the likeliest causes, a line each."""
    return [harmless(cause, 200) for cause in causes[:causes_max]]


def details_of(event: AlertEvent) -> list[str]:
    """Write what there is to know of an event besides its summary, a line each."""
    since = minute_text(event.starts_at)
    known = f", since {since}" if since not in event.summary else ""
    told = [f"{event.status.value}, {event.severity.value}, {harmless(event.rule, 200)}{known}"]
    if event.cause:
        told.append(f"cause: {'; '.join(causes_of(event.cause))}")
    return told


def links_of(events: Sequence[AlertEvent]) -> dict[str, str]:
    """Return what to read and where to look: names of links by their address, a few."""
    found: dict[str, str] = {}
    for event in events:
        rule = harmless(event.rule, 100)
        for word, url in (("runbook", event.runbook_url), ("dashboard", event.dashboard_url)):
            if url is not None and is_link(url) and len(found) < _LINKS_MAX:
                found.setdefault(url, f"{word} of {rule}")
    return found


def text_of(notification: Notification, length_max: int) -> str:
    """Write a notification as plain text without its title.

    Parameters
    ----------
    notification : what to tell
    length_max : characters; of events that do not fit only the number is told

    Returns
    -------
    str
        How many fire, why, and the events with their causes and links.
    """
    causes = causes_of(notification.cause)
    head = [counts(notification), *(f"likely cause: {cause}" for cause in causes)]
    head = [cut(line, length_max // 10) for line in head]
    room = length_max - sum(len(line) + 1 for line in head) - len("\n\nand 1,000,000,000 more")
    paragraphs: list[str] = []
    for event in shown(notification):
        paragraph = _paragraph(event)
        room -= len(paragraph) + 2
        if room < 0:
            break
        paragraphs.append(paragraph)
    more = left_out(notification, len(paragraphs))
    return "\n\n".join(["\n".join(head), *paragraphs, *([more] if more else [])])


def _paragraph(event: AlertEvent) -> str:
    over = "over: " if event.status is Status.RESOLVED else ""
    summary = harmless(event.summary)
    said = summary if summary.startswith("over") else f"{over}{summary}"
    links = [f"{text}: {url}" for url, text in links_of([event]).items()]
    return "\n  ".join([f"- {said}", *details_of(event), *links])
