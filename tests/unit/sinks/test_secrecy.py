"""Whatever goes wrong, and at whatever level is logged: no secret shows."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from notification_helpers import make_notification
from receivers import Receiver, Reply, Request, WebhookReceiver, receiving
from receivers_smtp import SmtpServer, mail_server
from structlog.testing import capture_logs

from schemas.notifications import Kind
from sinks.channel import DeliveryError
from sinks.channels import CHANNEL_TYPES, make_channels

pytestmark = pytest.mark.filterwarnings("ignore:.*slated for removal:DeprecationWarning")

SECRET = "s3cret-" + "0123456789abcdef-s3cret-1"
assert len(SECRET) == 32
STATUSES = (200, 202, 302, 400, 401, 403, 404, 410, 422, 429, 500, 503)


class Spiteful(Receiver):
    """Answers with everything it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 500
        self.got: list[bytes] = []

    def answer(self, request: Request) -> Reply:
        echo = f"{request.path} {request.query} {request.headers}".encode() + request.body
        self.got.append(echo)
        return Reply(self.status, echo, {"Location": request.path})


@pytest.fixture
def spiteful() -> Iterator[Spiteful]:
    with receiving(Spiteful()) as running:
        yield running


def settings_for(url: str, mail_port: int) -> dict[str, dict[str, Any]]:
    """A channel of every type but those that keep no secret."""
    mail = {"type": "email", "host": "127.0.0.1", "port": mail_port, "tls": "none"}
    return {
        "hook": {"type": "webhook", "url_env": "URL", "secret_env": "SECRET"},
        "pager": {"type": "pagerduty", "url": url, "routing_key_env": "SECRET"},
        "ops": {"type": "opsgenie", "url": url, "api_key_env": "SECRET"},
        "chat": {"type": "slack", "api_url": url, "token_env": "SECRET", "channel": "#ml"},
        "chathook": {"type": "slack", "url_env": "URL"},
        "prometheus": {"type": "alertmanager", "url": url, "token_env": "SECRET"},
        "prometheus2": {
            "type": "alertmanager",
            "urls": [url, f"{url}/other"],
            "username": "me",
            "password_env": "SECRET",
        },
        "mail": mail
        | {"from": "a@b.org", "to": ["c@d.org"], "username": "me", "password_env": "SECRET"},
        "sms": {"type": "apprise", "url_env": "SERVICE"},
    }


def environment_for(url: str) -> dict[str, str]:
    service = url.replace("http://", f"json://me:{SECRET}@")
    return {
        "SECRET": SECRET,
        "URL": f"{url}/{SECRET}?key={SECRET}",
        "SERVICE": f"{service}/{SECRET}",
    }


def test_every_type_with_a_secret_is_tried() -> None:
    tried = {values["type"] for values in settings_for("http://h", 25).values()}
    assert tried == set(CHANNEL_TYPES) - {"log", "console", "python"}


@pytest.mark.parametrize("status", [*STATUSES, None])
def test_no_secret_shows(
    spiteful: Spiteful,
    status: int | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server(SmtpServer(login=("me", "other"))))
        settings = settings_for(spiteful.url, mail.port)
        channels = make_channels(settings, environment_for(spiteful.url))
        if status is None:
            spiteful.server_close()
        else:
            spiteful.status = status
        logs = stack.enter_context(capture_logs())
        for channel in channels.values():
            inner = getattr(channel, "channel", channel)
            shown += [repr(channel), repr(inner), str(inner)]
            for kind in Kind:
                notification = make_notification(kind, receipt="C1:1790000000.000100")
                try:
                    channel.send(notification)
                except DeliveryError as error:
                    chain = [error, error.__cause__]
                    shown += [f"{one} {one!r}" for one in chain]
        shown += [repr(logs)]
    caught = capfd.readouterr()
    shown += [caplog.text, caught.out, caught.err]
    assert len(shown) > 30
    for text in shown:
        assert SECRET not in text
        assert "bWU6czNjcmV0" not in text  # me:s3cret in base64


def test_secrets_were_sent_at_all(spiteful: Spiteful) -> None:
    """Otherwise the test above would show nothing."""
    settings = settings_for(spiteful.url, 25)
    del settings["mail"]
    spiteful.status = 500
    for name, channel in make_channels(settings, environment_for(spiteful.url)).items():
        if name == "log":
            continue
        spiteful.got.clear()
        with pytest.raises(DeliveryError):
            channel.send(make_notification())
        told = SECRET.encode() in spiteful.got[0]
        assert told or b"Basic bWU6czNjcmV0" in spiteful.got[0], name


def test_a_signature_does_not_give_the_secret_away() -> None:
    with receiving(WebhookReceiver(SECRET)) as hook:
        settings = {"hook": {"type": "webhook", "url": hook.url, "secret_env": "SECRET"}}
        make_channels(settings, {"SECRET": SECRET})["hook"].send(make_notification())
        assert len(hook.events) == 1
