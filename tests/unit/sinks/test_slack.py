"""Slack: one message a conversation, edited; nothing in it calls anybody."""

import json
from typing import Any

import pytest
from notification_helpers import (
    HOSTILE,
    hostile_notification,
    make_event,
    make_events,
    make_notification,
)
from receivers_slack import Slack

from schemas.alerts import Severity, Status
from schemas.notifications import Kind
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint
from sinks.slack import SlackChannel, SlackWebhookChannel

TOKEN = "xoxb-token"


@pytest.fixture
def channel(slack: Slack) -> SlackChannel:
    return SlackChannel(TOKEN, slack.channel, Endpoint(slack.url))


def test_a_message_as_people_see_it(slack: Slack, channel: SlackChannel) -> None:
    receipt = channel.send(make_notification(title="ERROR error-rate: it is 12 %", more=3))
    (message,) = slack.messages
    assert receipt == f"{slack.channel_id}:{message.ts}"
    assert message.text == "🟠 ERROR error-rate: it is 12 %"
    assert [block["type"] for block in message.blocks] == ["section", "section", "context"]
    title, event = (block["text"]["text"] for block in message.blocks[:2])
    assert title == (
        "🟠 *ERROR error-rate: it is 12 %*\n"
        "1 alert fires\n"
        "likely cause: version 4 was seen first at 14:55"
    )
    assert event == (
        f"🟠 {make_event().summary}\n"
        "firing, error, error-rate\n"
        "cause: timeout: 12 of 12 errors\n"
        "<https://runbooks.example.org/error-rate|runbook of error-rate> · "
        "<https://streamgauge.example.org/#credit|dashboard of error-rate>"
    )
    assert message.blocks[2]["elements"][0]["text"] == "and 3 more"


def test_an_update_edits_the_message(slack: Slack, channel: SlackChannel) -> None:
    receipt = channel.send(make_notification())
    worse = make_notification(
        Kind.UPDATE, make_events(2), title="CRITICAL", severity=Severity.CRITICAL, receipt=receipt
    )
    assert channel.send(worse) == receipt
    (message,) = slack.messages
    assert (message.text, message.edits) == ("🔴 CRITICAL", 1)
    assert len(message.blocks) == 3


def test_the_end_edits_the_message_and_replies(slack: Slack, channel: SlackChannel) -> None:
    receipt = channel.send(make_notification())
    channel.send(make_notification(Kind.RESOLVED, receipt=receipt))
    root, reply = slack.messages
    assert root.text == reply.text
    assert root.text.startswith("✅ RESOLVED error-rate")
    assert (root.edits, reply.thread_ts, reply.broadcast) == (1, root.ts, False)


def test_a_crash_after_the_end_repeats_the_reply_only(slack: Slack, channel: SlackChannel) -> None:
    receipt = channel.send(make_notification())
    for _ in range(2):
        channel.send(make_notification(Kind.RESOLVED, receipt=receipt))
    assert len(slack.roots) == 1
    assert len(slack.replies) == 2


def test_a_repeat_is_a_reply_that_the_channel_sees(slack: Slack, channel: SlackChannel) -> None:
    receipt = channel.send(make_notification())
    assert channel.send(make_notification(Kind.REPEAT, receipt=receipt, repeat=2)) == receipt
    root, reply = slack.messages
    assert (reply.thread_ts, reply.broadcast, root.edits) == (root.ts, True, 0)
    assert "1 alert fires; repeat 2" in reply.whole


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.REPEAT, Kind.RESOLVED])
def test_a_message_that_is_gone_is_replaced(
    slack: Slack, channel: SlackChannel, kind: Kind
) -> None:
    receipt = channel.send(make_notification())
    slack.messages.clear()
    made = channel.send(make_notification(kind, receipt=receipt))
    (message,) = slack.messages
    assert made == f"{slack.channel_id}:{message.ts}"
    assert message.thread_ts is None
    slack.messages.clear()
    channel.send(make_notification(kind, receipt=None))
    assert len(slack.roots) == 1


@pytest.mark.parametrize(
    ("error", "retryable", "hint"),
    [
        ("ratelimited", True, ""),
        ("service_unavailable", True, ""),
        ("internal_error", True, ""),
        ("invalid_auth", False, "; is the token right?"),
        ("not_in_channel", False, "; invite the app"),
        ("channel_not_found", False, "; is `channel` right"),
        ("invalid_blocks", False, ""),
    ],
)
def test_refusals_come_with_status_200(
    slack: Slack, channel: SlackChannel, error: str, retryable: bool, hint: str
) -> None:
    slack.error, slack.retry_after = error, "7"
    with pytest.raises(DeliveryError, match=f"refused the message: {error}{hint}") as caught:
        channel.send(make_notification())
    assert caught.value.retryable is retryable
    assert caught.value.wait_ms == 7_000


def test_what_is_no_code_is_not_quoted(slack: Slack, channel: SlackChannel) -> None:
    slack.error = f"Bearer {TOKEN}"
    with pytest.raises(DeliveryError, match="without saying why") as caught:
        channel.send(make_notification())
    assert TOKEN not in str(caught.value)


def test_who_calls_too_often_is_told_when_to_come_back(slack: Slack, channel: SlackChannel) -> None:
    slack.down, slack.down_status, slack.retry_after = True, 429, "30"
    with pytest.raises(DeliveryError, match="answered 429") as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    assert caught.value.wait_ms == 30_000


def test_messages_are_bounded(slack: Slack, channel: SlackChannel) -> None:
    events = tuple(make_event(summary="x" * 9_000, cause=("y" * 900,) * 9) for _ in range(100))
    channel.send(make_notification(events=events, more=9_900, firing=10_000))
    (message,) = slack.messages
    assert not slack.refused
    told = sum(block["type"] == "section" for block in message.blocks) - 1
    assert 3 < told <= 20
    assert message.blocks[-1]["elements"][0]["text"] == f"and {10_000 - told:,} more"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_call_nobody(
    slack: Slack, channel: SlackChannel, text: str, kind: Kind
) -> None:
    receipt = None if kind is Kind.FIRST else channel.send(make_notification())
    hostile = hostile_notification(text, kind, count=30)
    channel.send(make_notification(kind, hostile.events, title=text, receipt=receipt, more=2))
    assert not slack.refused
    assert not slack.mentions
    for message in slack.messages:
        assert "\x1b" not in message.whole
        for entity in ("&amp;", "&lt;", "&gt;"):
            message.text = message.text.replace(entity, "")
            for block in message.blocks:
                if "text" in block:
                    block["text"]["text"] = block["text"]["text"].replace(entity, "")
        assert "&" not in message.whole  # none is cut in two


@pytest.mark.parametrize("more", range(5))
def test_what_is_cut_is_cut_between_characters(
    slack: Slack, channel: SlackChannel, more: int
) -> None:
    event = make_event(rule="x" * more, cause=("&" * 200,) * 9, summary="&" * 500)
    channel.send(make_notification(events=(event,)))
    text = slack.messages[0].blocks[1]["text"]["text"]
    assert len(text) > 2_990
    assert "&" not in text.replace("&amp;", "")
    assert not slack.refused


def test_people_read_it(channel: SlackChannel) -> None:
    assert (channel.every_event, channel.pages, channel.edits) == (False, False, True)
    webhook = SlackWebhookChannel(Endpoint("http://127.0.0.1:9"))
    assert (webhook.every_event, webhook.pages, webhook.edits) == (False, False, False)


def test_a_webhook_posts_anew_each_time(slack: Slack) -> None:
    channel = SlackWebhookChannel(Endpoint(slack.webhook_url))
    for kind in (Kind.FIRST, Kind.UPDATE, Kind.REPEAT, Kind.RESOLVED):
        channel.send(make_notification(kind))
    assert len(slack.roots) == 4
    assert slack.messages[3].text.startswith("✅")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_webhook_takes_hostile_names(slack: Slack, text: str) -> None:
    SlackWebhookChannel(Endpoint(slack.webhook_url)).send(hostile_notification(text))
    assert not slack.refused
    assert not slack.mentions


def test_a_webhook_that_is_gone_says_so_without_its_address(slack: Slack) -> None:
    channel = SlackWebhookChannel(Endpoint(f"{slack.webhook_url}gone"))
    with pytest.raises(DeliveryError, match="answered 404: no_service") as caught:
        channel.send(make_notification())
    assert not caught.value.retryable
    assert "hookhook" not in str(caught.value)
    slack.down, slack.down_status, slack.retry_after = True, 429, "1"
    with pytest.raises(DeliveryError, match="answered 429") as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    assert caught.value.wait_ms == 1_000


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


@pytest.mark.parametrize(
    ("method", "wrong", "error"),
    [
        ("chat.postMessage", {"channel": "#other"}, "channel_not_found"),
        ("chat.postMessage", {"text": "x" * 40_001}, "invalid_arguments"),
        ("chat.postMessage", {"thread_ts": "1"}, "invalid_arguments"),
        ("chat.postMessage", {"thread_ts": "1790000099.000100"}, "thread_not_found"),
        ("chat.postMessage", {"reply_broadcast": True}, "invalid_arguments"),
        ("chat.postMessage", {"colour": "red"}, "invalid_arguments"),
        ("chat.postMessage", {"blocks": [SECTION] * 51}, "invalid_blocks"),
        ("chat.postMessage", {"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ("chat.postMessage", {"blocks": [{"type": "paragraph"}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]},
            "invalid_blocks",
        ),
        (
            "chat.postMessage",
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]},
            "invalid_blocks",
        ),
        ("chat.update", {"ts": "1790000099.000100", "channel": "C0000000001"}, "message_not_found"),
        ("chat.update", {"ts": "1790000000.000100"}, "channel_not_found"),
        (
            "chat.update",
            {"ts": "1790000000.000100", "channel": "C0000000001", "text": "x" * 4_001},
            "invalid_arguments",
        ),
        ("chat.shout", {}, "unknown_method"),
    ],
)
def test_the_stand_in_refuses_what_slack_would(
    slack: Slack, method: str, wrong: dict[str, Any], error: str
) -> None:
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json; charset=utf-8",
    }
    good = {"channel": slack.channel, "text": "x", "blocks": [SECTION]}
    endpoint = Endpoint(slack.url)

    def call(body: dict[str, Any], method: str = "chat.postMessage") -> dict[str, Any]:
        answer = endpoint.ask("POST", json.dumps(body).encode(), headers, f"/{method}")
        reply: dict[str, Any] = json.loads(answer.body)
        return reply

    assert call(good)["ok"]
    refused = call(good | wrong, method)
    assert not refused["ok"]
    assert refused["error"].split()[0] == error
    headers["Authorization"] = "Bearer other"
    assert call(good)["error"] == "invalid_auth"


def test_the_stand_in_sees_who_would_be_called(slack: Slack) -> None:
    body = json.dumps({"text": "<!channel> look"}).encode()
    Endpoint(slack.webhook_url).post(body, {})
    assert len(slack.mentions) == 1


def test_over_and_firing_events_look_different(slack: Slack, channel: SlackChannel) -> None:
    events = (make_event(), make_event(status=Status.RESOLVED, rule="latency"))
    channel.send(make_notification(Kind.UPDATE, events, firing=1))
    marks = [block["text"]["text"][0] for block in slack.messages[0].blocks]
    assert marks == ["🟠", "🟠", "✅"]
