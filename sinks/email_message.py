"""A notification as an e-mail. Pure.

References
----------
.. [1] RFC 5322, Internet Message Format: Message-ID, In-Reply-To, References.
.. [2] RFC 3834, Auto-Submitted: no mail program answers it with a holiday notice.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import cast

from schemas.alerts import AlertEvent
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
    text_of,
)

__all__ = ["message_of"]

_SUBJECT_MAX = 200
_TEXT_MAX = 20_000
_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    # As any header it would be folded into encoded words, in which no program looks for an id.
    _HEADERS.map_to_type(_name, cast("type[BaseHeader]", MessageIDHeader))
_POLICY = SMTP.clone(header_factory=_HEADERS)
_is_id = re.compile(r"<[A-Za-z0-9.-]{1,128}@[A-Za-z0-9.-]{1,255}>").fullmatch


def message_of(
    notification: Notification, sender: Address, recipients: Sequence[Address]
) -> EmailMessage:
    """Write a message.

    Parameters
    ----------
    notification : what to tell; its receipt is the Message-ID of the first
    sender : who it is from; its domain is that of the Message-ID
    recipients : whom it is to

    Returns
    -------
    EmailMessage
        The same, byte for byte, but for the boundary of its parts, each time it is written.
    """
    message = EmailMessage(_POLICY)
    message["Subject"] = headline(notification, _SUBJECT_MAX)
    message["From"] = sender
    message["To"] = tuple(recipients)
    message["Date"] = datetime.fromtimestamp(notification.at // 1000, UTC)
    message["Message-ID"] = f"<{notification.id}@{sender.domain}>"
    if notification.kind is not Kind.FIRST and _is_id(notification.receipt or ""):
        message["In-Reply-To"] = notification.receipt
        message["References"] = notification.receipt
    message["Auto-Submitted"] = "auto-generated"
    title = headline(notification)
    # Base64 keeps lines short, and what is in them from being read as the end of the mail.
    message.set_content(f"{title}\n\n{text_of(notification, _TEXT_MAX)}\n", cte="base64")
    message.add_alternative(_html(notification), subtype="html", cte="base64")
    return message


def _html(notification: Notification) -> str:
    causes = [f"likely cause: {escape(cause)}" for cause in causes_of(notification.cause)]
    head = "<br>".join([counts(notification), *causes])
    events = shown(notification)
    more = left_out(notification, len(events))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html><head><meta charset="utf-8"></head>',
            '<body style="font-family: sans-serif">',
            f"<h3>{escape(headline(notification))}</h3>",
            f"<p>{head}</p>",
            "<ul>",
            *(_item(event) for event in events),
            "</ul>",
            f"<p>{more or ''}</p>",
            "</body></html>",
            "",
        ]
    )


def _item(event: AlertEvent) -> str:
    lines = [f"<b>{escape(harmless(event.summary))}</b>"]
    lines += [escape(line) for line in details_of(event)]
    links = links_of([event]).items()
    lines += [f'<a href="{escape(url)}">{escape(text)}</a>' for url, text in links]
    return f"<li>{'<br>'.join(lines)}</li>"
