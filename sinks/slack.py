"""Messages in a Slack channel: one for each conversation, which is edited as things change.

References
----------
.. [1] Slack Web API, ``chat.postMessage`` and ``chat.update``; their arguments and errors.
.. [2] Slack, incoming webhooks; rate limits.
"""

import re
from typing import Any

import msgspec

from schemas.notifications import Kind, Notification
from sinks.channel import DeliveryError
from sinks.endpoint import Answer, Endpoint
from sinks.slack_message import message_of

__all__ = ["URL", "SlackChannel", "SlackWebhookChannel"]

URL = "https://slack.com/api"
"""For GovSlack it is ``https://slack-gov.com/api``."""
_JSON = "application/json; charset=utf-8"
_RETRYABLE = {
    "external_channel_migrating",
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
    "update_failed",
}
_GONE = {
    "cannot_reply_to_message",
    "cant_update_message",
    "edit_window_closed",
    "is_inactive",
    "message_not_found",
    "restricted_action_thread_locked",
    "thread_not_found",
}
"""The first message can't be edited or replied to any more."""
_HINTS = {
    "channel_not_found": "; is `channel` right, and the app a member of it?",
    "not_in_channel": "; invite the app to the channel",
    "is_archived": "; the channel is archived",
    "invalid_auth": "; is the token right?",
    "token_revoked": "; make a new token",
    "token_expired": "; make a new token",
    "account_inactive": "; make a new token",
    "missing_scope": "; the app needs the scope chat:write",
}
_is_code = re.compile(r"[a-z_]{1,64}").fullmatch


class _Reply(msgspec.Struct):
    ok: bool = False
    error: str = ""
    channel: str | None = None
    ts: str | None = None


class SlackChannel:
    """Posts by an app's token, edits the first message, and replies in its thread.

    An update edits the message. A repeat is a reply that the channel sees too. The end edits the
    message and then replies: a crash between the two repeats the edit, which shows nothing new,
    and one after the reply repeats the reply. Where the message can't be edited any more, or none
    is known, a new one takes its place.

    Parameters
    ----------
    token : of a bot, with the scope ``chat:write``
    channel : id or name
    endpoint : of the Web API
    """

    every_event = False
    pages = False
    edits = True
    resend_ms: int | None = None

    def __init__(self, token: str, channel: str, endpoint: Endpoint) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": _JSON}
        self._channel = channel
        self._endpoint = endpoint

    def send(self, notification: Notification) -> str | None:
        """Post, edit or reply.

        Returns
        -------
        str or None
            ``<channel id>:<timestamp>`` of the message that the conversation has now.
        """
        message = message_of(notification)
        channel, _, ts = (notification.receipt or "").rpartition(":")
        if notification.kind is Kind.FIRST or not channel:
            return self._post(message)
        reply = message | {"channel": channel, "thread_ts": ts}
        try:
            if notification.kind is Kind.REPEAT:
                self._call("chat.postMessage", reply | {"reply_broadcast": True})
            else:
                self._call("chat.update", message | {"channel": channel, "ts": ts})
            if notification.kind is Kind.RESOLVED:
                self._call("chat.postMessage", reply)
        except _GoneError:
            return self._post(message)
        return notification.receipt

    def _post(self, message: dict[str, Any]) -> str | None:
        reply = self._call("chat.postMessage", self._unfurled(message))
        return f"{reply.channel}:{reply.ts}" if reply.channel and reply.ts else None

    def _unfurled(self, message: dict[str, Any]) -> dict[str, Any]:
        return message | {"channel": self._channel, "unfurl_links": False, "unfurl_media": False}

    def _call(self, method: str, arguments: dict[str, Any]) -> _Reply:
        body = msgspec.json.encode(arguments)
        answer = self._endpoint.post(body, self._headers, f"/{method}")
        try:
            reply = msgspec.json.decode(answer.body, type=_Reply)
        except msgspec.DecodeError:
            why = f"{answer.host} answered {answer.status} with what is no JSON of Slack's"
            raise DeliveryError(why, retryable=True) from None
        if not reply.ok:
            raise _error(answer, reply.error)
        return reply


class SlackWebhookChannel:
    """Posts by an incoming webhook, which can't edit: each notification is a new message.

    Parameters
    ----------
    endpoint : the webhook; its address is a secret
    """

    every_event = False
    pages = False
    edits = False
    resend_ms: int | None = None

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def send(self, notification: Notification) -> None:
        """Post a message."""
        message = message_of(notification)
        known = {name: message[name] for name in ("text", "blocks")}
        body = msgspec.json.encode(known | {"unfurl_links": False, "unfurl_media": False})
        answer = self._endpoint.ask("POST", body, {"Content-Type": _JSON})
        if not answer.ok:
            code = answer.body[:64].decode("ascii", "replace").strip()
            raise answer.error(code if _is_code(code) else "")


class _GoneError(DeliveryError):
    """The message that was to be edited or replied to can't be."""


def _error(answer: Answer, code: str) -> DeliveryError:
    said = code if _is_code(code) else "without saying why"
    why = f"{answer.host} refused the message: {said}{_HINTS.get(code, '')}"
    kind = _GoneError if code in _GONE else DeliveryError
    return kind(why, retryable=code in _RETRYABLE, wait_ms=answer.wait_ms)
