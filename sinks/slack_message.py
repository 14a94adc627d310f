"""A notification as a Slack message, within Slack's limits and without anything it would act on.

References
----------
.. [1] Slack, "Formatting text for app surfaces": ``&``, ``<`` and ``>`` are to be escaped.
.. [2] Slack, Block Kit reference: at most 50 blocks; 3,000 characters in the text of a section.
"""

from typing import Any

from schemas.alerts import AlertEvent, Severity, Status
from schemas.notifications import Kind, Notification
from sinks.wording import (
    causes_of,
    counts,
    details_of,
    harmless,
    headline,
    left_out,
    links_of,
    shown,
)

__all__ = ["escaped", "message_of"]

_SECTION_MAX = 3_000
_TITLE_MAX = 300
_TEXT_MAX = 4_000
_ALL_MAX = 12_000
"""Characters of all blocks. Slack refuses messages beyond some 13,000 and doesn't say where."""
_ICONS = {
    Severity.CRITICAL: "🔴",
    Severity.ERROR: "🟠",
    Severity.WARNING: "🟡",
    Severity.INFO: "🔵",
}
_OVER = "✅"


def message_of(notification: Notification) -> dict[str, Any]:
    """Return text and blocks.

    Returns
    -------
    dict
        ``text`` is what a phone shows, ``blocks`` what the channel does. Slack is told to make
        neither links nor mentions of what looks like some.
    """
    icon = _OVER if notification.kind is Kind.RESOLVED else _ICONS[notification.severity]
    title = escaped(headline(notification, _TITLE_MAX))
    causes = [f"likely cause: {escaped(cause)}" for cause in causes_of(notification.cause)]
    head = _within(_SECTION_MAX, [f"{icon} *{title}*", counts(notification), *causes])
    blocks = [_section(head)]
    room = _ALL_MAX - len(head)
    events = shown(notification)
    written = 0
    for event in events:
        text = _event(event)
        room -= len(text)
        if room < 0:
            break
        blocks.append(_section(text))
        written += 1
    more = left_out(notification, written)
    if more:
        blocks.append({"type": "context", "elements": [_mrkdwn(more)]})
    return {
        "text": _within(_TEXT_MAX, [f"{icon} {title}"]),
        "blocks": blocks,
        "parse": "none",
        "link_names": False,
    }


def escaped(text: str) -> str:
    """Escape what Slack would act on.

    Examples
    --------
    >>> escaped("<!channel> R&D")
    '&lt;!channel&gt; R&amp;D'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _event(event: AlertEvent) -> str:
    icon = _OVER if event.status is Status.RESOLVED else _ICONS[event.severity]
    lines = [f"{icon} {escaped(harmless(event.summary))}"]
    lines += [escaped(harmless(line)) for line in details_of(event)]
    links = links_of([event]).items()
    linked = " · ".join(f"<{escaped(url)}|{escaped(text)}>" for url, text in links)
    text = "\n".join([*lines, linked] if linked else lines)
    # Escaping may make five characters of one; then the links go, which must not be cut in two.
    return text if len(text) <= _SECTION_MAX else _within(_SECTION_MAX, lines)


def _within(length_max: int, lines: list[str]) -> str:
    """Join lines of escaped text, and cut them without cutting an escaped character in two."""
    text = "\n".join(lines)
    if len(text) <= length_max:
        return text
    text = text[: length_max - 1]
    start = text.rfind("&", -len("&amp;"))
    return (text if start < 0 or ";" in text[start:] else text[:start]) + "…"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
