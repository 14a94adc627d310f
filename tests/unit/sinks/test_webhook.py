"""Webhooks: the body is what is on the topic, the key is that of the event or the notification."""

import ssl
from pathlib import Path

import msgspec
import pytest
from notification_helpers import make_event, make_events, make_notification
from receivers import WebhookReceiver, receiving

from schemas.alerts import encode_alert
from schemas.notifications import Kind
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint
from sinks.webhook import WebhookChannel


def test_one_event_is_the_body_and_its_id_the_key(hook: WebhookReceiver) -> None:
    hook.secret = "s3cret"
    event = make_event(labels={"model_name": "crédit"})
    WebhookChannel(Endpoint(f"{hook.url}/in?team=ml"), "s3cret").send(
        make_notification(events=(event,))
    )
    assert hook.got == [(event.id, (event,))]
    assert hook.paths == ["/in"]
    assert not hook.refused


def test_the_body_is_the_record_on_the_topic(hook: WebhookReceiver) -> None:
    WebhookChannel(Endpoint(hook.url)).send(make_notification())
    assert list(hook.bodies.values()) == [encode_alert(make_event())]


def test_several_events_go_together_under_the_notifications_id(hook: WebhookReceiver) -> None:
    events = make_events(100)
    notification = make_notification(events=events)
    WebhookChannel(Endpoint(hook.url)).send(notification)
    assert hook.got == [(notification.id, events)]


def test_a_repeat_of_one_event_is_news_to_the_receiver(hook: WebhookReceiver) -> None:
    channel = WebhookChannel(Endpoint(hook.url))
    first, repeat = make_notification(), make_notification(Kind.REPEAT)
    for notification in (first, first, repeat):
        channel.send(notification)
    assert [key for key, _ in hook.got] == [make_event().id, make_event().id, repeat.id]
    assert len(hook.events) == 2


def test_what_is_refused_says_whether_to_come_back(hook: WebhookReceiver) -> None:
    channel = WebhookChannel(Endpoint(hook.url), "not agreed")
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1:\d+ answered 400") as caught:
        channel.send(make_notification())
    assert not caught.value.retryable
    hook.down = True
    with pytest.raises(DeliveryError, match="answered 500") as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    assert hook.tries == 2  # tries within a call are the caller's


def test_programs_are_given_every_event() -> None:
    channel = WebhookChannel(Endpoint("http://127.0.0.1:9"))
    assert (channel.every_event, channel.pages, channel.edits) == (True, False, False)


def test_tls_is_verified(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with receiving(WebhookReceiver(tls=context)) as hook:
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            WebhookChannel(Endpoint(hook.url)).send(make_notification())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        WebhookChannel(Endpoint(hook.url)).send(make_notification())
        assert hook.events == [make_event()]


def test_events_survive_as_they_are(hook: WebhookReceiver) -> None:
    event = make_event(summary="<!channel>\n\x00", labels={"segment": "x" * 10_240})
    WebhookChannel(Endpoint(hook.url)).send(make_notification(events=(event,)))
    assert hook.events == [event]
    assert msgspec.json.encode(hook.events[0]) == encode_alert(event)
