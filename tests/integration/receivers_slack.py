"""Slack's Web API and incoming webhooks: arguments, errors and limits from its references."""

import re
from dataclasses import dataclass
from typing import Any

from receivers import Receiver, Reply, Request, Wrong, check

_TS = {"type": "string", "pattern": r"^\d{10}\.\d{6}$"}
_TEXT = {
    "type": "object",
    "properties": {
        "type": {"enum": ["plain_text", "mrkdwn"]},
        "text": {"type": "string", "minLength": 1, "maxLength": 3_000},
        "verbatim": {"type": "boolean"},
        "emoji": {"type": "boolean"},
    },
    "required": ["type", "text"],
    "additionalProperties": False,
}
_BLOCK_ID = {"type": "string", "maxLength": 255}
_SECTION = {
    "properties": {
        "type": {"const": "section"},
        "text": _TEXT,
        "fields": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 10},
        "block_id": _BLOCK_ID,
        "accessory": {"type": "object"},
    },
    "required": ["type"],
    "anyOf": [{"required": ["text"]}, {"required": ["fields"]}],
    "additionalProperties": False,
}
_CONTEXT = {
    "properties": {
        "type": {"const": "context"},
        "elements": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 10},
        "block_id": _BLOCK_ID,
    },
    "required": ["type", "elements"],
    "additionalProperties": False,
}
_DIVIDER = {"properties": {"type": {"const": "divider"}}, "additionalProperties": False}
_HEADER = {
    "properties": {
        "type": {"const": "header"},
        "text": {
            "properties": {
                "type": {"const": "plain_text"},
                "text": {"type": "string", "minLength": 1, "maxLength": 150},
                "emoji": {"type": "boolean"},
            },
            "required": ["type", "text"],
        },
    },
    "required": ["type", "text"],
    "additionalProperties": False,
}
BLOCKS = {
    "type": "array",
    "maxItems": 50,
    "items": {"type": "object", "oneOf": [_SECTION, _CONTEXT, _DIVIDER, _HEADER]},
}
BLOCKS_TEXT_MAX = 13_200
_SHARED = {
    "channel": {"type": "string", "minLength": 1},
    "blocks": {"type": "array"},
    "parse": {"enum": ["none", "full"]},
    "link_names": {"type": "boolean"},
}
POST = {
    "type": "object",
    "properties": {
        **_SHARED,
        "text": {"type": "string", "maxLength": 40_000},
        "thread_ts": _TS,
        "reply_broadcast": {"type": "boolean"},
        "mrkdwn": {"type": "boolean"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
    },
    "required": ["channel"],
    "anyOf": [{"required": ["text"]}, {"required": ["blocks"]}],
    "dependentRequired": {"reply_broadcast": ["thread_ts"]},
    "additionalProperties": False,
}
UPDATE = {
    "type": "object",
    "properties": {**_SHARED, "text": {"type": "string", "maxLength": 4_000}, "ts": _TS},
    "required": ["channel", "ts"],
    "anyOf": [{"required": ["text"]}, {"required": ["blocks"]}],
    "additionalProperties": False,
}
WEBHOOK = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "maxLength": 40_000},
        "blocks": {"type": "array"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
    },
    "anyOf": [{"required": ["text"]}, {"required": ["blocks"]}],
    "additionalProperties": False,
}
_mention = re.compile(r"<[!@#]")


@dataclass
class Message:
    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    broadcast: bool = False
    edits: int = 0

    @property
    def whole(self) -> str:
        """All that is written in it."""
        texts = [block["text"]["text"] for block in self.blocks if "text" in block]
        texts += [e["text"] for block in self.blocks for e in block.get("elements", ())]
        return "\n".join([self.text, *texts])


class Slack(Receiver):
    """A workspace with one app, one channel and one incoming webhook.

    Parameters
    ----------
    token : of the app's bot
    channel : name of the channel that it is in; its id is `channel_id`
    webhook_path : of the webhook, a secret

    Attributes
    ----------
    url : of the Web API
    webhook_url : of the webhook
    messages : in the order in which they were posted, replies too
    mentions : texts in which Slack would have called somebody
    error : what calls of the Web API are answered with status 200; None does what is asked
    """

    channel_id = "C0000000001"

    def __init__(
        self,
        token: str = "xoxb-token",
        channel: str = "#ml-alerts",
        webhook_path: str = "/services/T0/B0/hookhookhook",
    ) -> None:
        super().__init__()
        self.token = token
        self.channel = channel
        self.webhook_path = webhook_path
        self.messages: list[Message] = []
        self.mentions: list[str] = []
        self.error: str | None = None

    @property
    def url(self) -> str:
        return f"{super().url}/api"

    @property
    def webhook_url(self) -> str:
        return f"{super().url}{self.webhook_path}"

    @property
    def roots(self) -> list[Message]:
        return [message for message in self.messages if message.thread_ts is None]

    @property
    def replies(self) -> list[Message]:
        return [message for message in self.messages if message.thread_ts is not None]

    def answer(self, request: Request) -> Reply:
        if request.method != "POST":
            raise Wrong(405, "POST only")
        if request.path.startswith("/services/"):
            return self._webhook(request)
        if not request.path.startswith("/api/chat."):
            raise Wrong(404, f"nothing at {request.path}")
        error = self.error or self._call(request, request.path.removeprefix("/api/"))
        if isinstance(error, Message):
            body = {"ok": True, "channel": error.channel, "ts": error.ts}
            return Reply(200, body | {"message": {"text": error.text, "blocks": error.blocks}})
        self.refused.append(error)
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        return Reply(200, {"ok": False, "error": error}, headers)

    def _call(self, request: Request, method: str) -> Message | str:
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return "invalid_auth"
        if request.headers.get_content_charset() != "utf-8":
            return "missing_charset"
        body = request.json()
        schema = {"chat.postMessage": POST, "chat.update": UPDATE}.get(method)
        if schema is None:
            return "unknown_method"
        try:
            check(schema, body)
        except Wrong as wrong:
            return f"invalid_arguments {wrong}"
        return self._wrong_blocks(body) or self._apply(method, body)

    def _apply(self, method: str, body: dict[str, Any]) -> Message | str:
        known = {self.channel_id} | ({self.channel} if method == "chat.postMessage" else set())
        if body["channel"] not in known:
            return "channel_not_found"
        if method == "chat.update":
            found = self._find(body["ts"])
            if found is None:
                return "message_not_found"
            found.text, found.blocks = body["text"], body.get("blocks", found.blocks)
            found.edits += 1
            return found
        thread_ts = body.get("thread_ts")
        if thread_ts is not None and self._find(thread_ts) is None:
            return "thread_not_found"
        return self._add(body, thread_ts)

    def _webhook(self, request: Request) -> Reply:
        if request.path != self.webhook_path:
            self.refused.append("no_service")
            return Reply(404, b"no_service")
        body = request.json()
        try:
            check(WEBHOOK, body)
        except Wrong as wrong:
            self.refused.append(str(wrong))
            return Reply(400, b"invalid_payload")
        wrong_blocks = self._wrong_blocks(body)
        if wrong_blocks is not None:
            self.refused.append(wrong_blocks)
            return Reply(400, b"invalid_blocks")
        self._add(body, None)
        return Reply(200, b"ok")

    def _add(self, body: dict[str, Any], thread_ts: str | None) -> Message:
        ts = f"{1_790_000_000 + len(self.messages)}.000100"
        broadcast = body.get("reply_broadcast", False)
        made = Message(
            self.channel_id, ts, body["text"], body.get("blocks", []), thread_ts, broadcast
        )
        self.messages.append(made)
        return made

    def _find(self, ts: str) -> Message | None:
        return next((message for message in self.messages if message.ts == ts), None)

    def _wrong_blocks(self, body: dict[str, Any]) -> str | None:
        blocks = body.get("blocks", [])
        try:
            check(BLOCKS, blocks)
        except Wrong as wrong:
            return f"invalid_blocks {wrong}"
        written = Message("", "", body["text"], blocks).whole
        if len(written) - len(body["text"]) > BLOCKS_TEXT_MAX:
            return "msg_blocks_too_long"
        if _mention.search(written):
            self.mentions.append(written)
        return None
