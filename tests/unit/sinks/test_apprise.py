"""Apprise: the real library, posting JSON to a receiver."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from notification_helpers import HOSTILE, hostile_notification, make_notification
from receivers import Receiver, Reply, Request, Wrong, check, receiving

from schemas.alerts import Severity
from schemas.notifications import Kind
from sinks.apprise import AppriseChannel
from sinks.channel import DeliveryError

# Its plugins import modules of the standard library that Python 3.13 no longer has, if they can.
pytestmark = pytest.mark.filterwarnings("ignore:.*slated for removal:DeprecationWarning")

MESSAGE = {
    "type": "object",
    "properties": {
        "version": {"type": "string"},
        "title": {"type": "string", "maxLength": 250},
        "message": {"type": "string", "minLength": 1, "maxLength": 3_000},
        "attachments": {"type": "array", "maxItems": 0},
        "type": {"enum": ["info", "success", "warning", "failure"]},
    },
    "required": ["title", "message", "type"],
}


class Service(Receiver):
    """What Apprise's ``json://`` talks to, at one secret path."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"json://me:s3cret-password@127.0.0.1:{self.server_port}/s3cret-path"

    def answer(self, request: Request) -> Reply:
        if request.path.strip("/") != "s3cret-path":
            raise Wrong(404, "nothing there")
        message = request.json()
        check(MESSAGE, message)
        self.got.append(message)
        return Reply(200)


@pytest.fixture
def service() -> Iterator[Service]:
    with receiving(Service()) as running:
        yield running


@pytest.fixture
def other() -> Iterator[Service]:
    with receiving(Service()) as running:
        yield running


def test_a_message_goes_to_every_service(service: Service, other: Service) -> None:
    AppriseChannel([service.address, other.address]).send(make_notification(title="ERROR: 12 %"))
    for one in (service, other):
        (message,) = one.got
        assert message["title"] == "ERROR: 12 %"
        assert message["message"].startswith("1 alert fires\n")
        assert message["type"] == "failure"


@pytest.mark.parametrize(
    ("kind", "severity", "expected"),
    [
        (Kind.FIRST, Severity.CRITICAL, "failure"),
        (Kind.UPDATE, Severity.ERROR, "failure"),
        (Kind.REPEAT, Severity.WARNING, "warning"),
        (Kind.FIRST, Severity.INFO, "info"),
        (Kind.RESOLVED, Severity.CRITICAL, "success"),
    ],
)
def test_severities_have_a_type(
    service: Service, kind: Kind, severity: Severity, expected: str
) -> None:
    AppriseChannel([service.address]).send(make_notification(kind, severity=severity))
    assert service.got[0]["type"] == expected


def test_a_retry_is_for_those_that_failed(service: Service, other: Service) -> None:
    channel = AppriseChannel([service.address, other.address])
    other.down = True
    with pytest.raises(DeliveryError, match=r"JSON \(2 of 2\) did not take it") as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    other.down = False
    channel.send(make_notification())
    assert [len(service.got), len(other.got)] == [1, 1]
    channel.send(make_notification(Kind.UPDATE))
    assert [len(service.got), len(other.got)] == [2, 2]


def test_no_secret_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channel = AppriseChannel([service.address])
    channel.send(make_notification())
    service.down = True
    with pytest.raises(DeliveryError) as caught:
        channel.send(make_notification(Kind.UPDATE))
    with pytest.raises(ValueError, match="in place 1") as refused:
        AppriseChannel(["nowhere://me:s3cret@host"])
    assert "s3cret" not in caplog.text + str(caught.value) + str(refused.value) + repr(channel)


@pytest.mark.parametrize("urls", [[], ["nonsense"], ["json://"], ["json://127.0.0.1", "x://y"]])
def test_what_apprise_does_not_know_is_refused(urls: list[str]) -> None:
    with pytest.raises(ValueError, match=r"must name a service|holds no address"):
        AppriseChannel(urls)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_call_nobody(service: Service, text: str, kind: Kind) -> None:
    AppriseChannel([service.address]).send(hostile_notification(text, kind, count=30))
    assert not service.refused
    (message,) = service.got
    for called in ("@everyone", "@here", "\x1b"):
        assert called not in message["message"] + message["title"]


def test_the_stand_in_refuses_what_breaks_its_rules(service: Service) -> None:
    with pytest.raises(DeliveryError):
        AppriseChannel([service.address.replace("path", "other")]).send(make_notification())
    assert service.refused == ["nothing there"]
    with pytest.raises(Wrong):
        check(MESSAGE, {"title": "x" * 251, "message": "y", "type": "info"})


def test_who_does_not_use_it_does_not_wait_for_it() -> None:
    code = "import sys, json, sinks.channels as c; c.make_channels({}, {}); "
    code += "print(json.dumps('apprise' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert json.loads(done.stdout) is False
