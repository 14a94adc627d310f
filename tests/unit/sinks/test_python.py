"""Handlers of others, found by entry point."""

from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest
from notification_helpers import make_notification

from schemas.canonical import sha256_of
from schemas.notifications import Notification
from sinks import python
from sinks.channel import DeliveryError
from sinks.channels import make_channels
from sinks.python import GROUP, PythonChannel, load_handler

seen: list[Notification] = []


def takes(notification: Notification) -> str:
    seen.append(notification)
    return f"receipt of {notification.id[:4]}"


def takes_everything(notification: Notification) -> int:
    seen.append(notification)
    return 1


takes_everything.every_event = True  # type: ignore[attr-defined]
takes_everything.pages = "yes"  # type: ignore[attr-defined]


class FinalError(Exception):
    retryable = False


def raising(error: BaseException) -> Any:
    def handler(_: Notification) -> None:
        raise error

    return handler


NO_FUNCTION = 7


def installed(monkeypatch: pytest.MonkeyPatch, **places: str) -> None:
    entries = [metadata.EntryPoint(name, place, GROUP) for name, place in places.items()]
    given = SimpleNamespace(entry_points=lambda group: [e for e in entries if e.group == group])
    monkeypatch.setattr(python, "metadata", given)


def test_it_is_given_the_notification_and_returns_the_receipt() -> None:
    notification = make_notification()
    assert PythonChannel("sms", takes).send(notification) == f"receipt of {notification.id[:4]}"
    assert PythonChannel("sms", takes_everything).send(notification) is None
    assert seen[-2:] == [notification, notification]


def test_it_says_what_it_wants() -> None:
    plain, all_of_it = PythonChannel("sms", takes), PythonChannel("sms", takes_everything)
    assert (plain.every_event, plain.pages, plain.edits) == (False, False, False)
    assert (all_of_it.every_event, all_of_it.pages, all_of_it.edits) == (True, False, False)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ValueError("s3cret"), True),
        (FinalError("s3cret"), False),
        (SystemExit("s3cret"), True),
        (TypeError("s3cret"), True),
    ],
)
def test_what_it_raises_is_tried_again_unless_it_says_no(
    error: BaseException, retryable: bool
) -> None:
    with pytest.raises(DeliveryError, match="handler sms raised") as caught:
        PythonChannel("sms", raising(error)).send(make_notification())
    assert caught.value.retryable is retryable
    assert "at test_python.py:" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_error_of_the_protocol_is_its_own() -> None:
    error = DeliveryError("busy", retryable=True, wait_ms=5)
    with pytest.raises(DeliveryError) as caught:
        PythonChannel("sms", raising(error)).send(make_notification())
    assert caught.value is error


def test_a_handler_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, sms="no_such_module:x", digest="schemas.canonical:sha256_of")
    made = make_channels({"mine": {"type": "python", "handler": "digest"}}, {})
    notification = make_notification()
    assert made["mine"].send(notification) == sha256_of(notification)


def test_one_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, phone="a:b", sms="c:d")
    with pytest.raises(ValueError, match="there is no handler 'pager'; installed are phone, sms"):
        load_handler("pager")
    installed(monkeypatch)
    with pytest.raises(ValueError, match=r"no package offers any \(streamgauge\.channels\)"):
        load_handler("pager")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("no_such_module:x", r"no_such_module:x can't be loaded: ModuleNotFoundError"),
        ("schemas.alerts:no_such_name", "can't be loaded: AttributeError"),
        ("schemas.durations:WINDOW_MS_MIN", "schemas.durations:WINDOW_MS_MIN is no function"),
    ],
)
def test_one_that_is_no_good_is_said(monkeypatch: pytest.MonkeyPatch, place: str, why: str) -> None:
    installed(monkeypatch, sms=place)
    with pytest.raises(ValueError, match=why):
        load_handler("sms")


def test_two_of_one_name_are_not_guessed_between(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [metadata.EntryPoint("sms", place, GROUP) for place in ("a:b", "c:d", "a:b")]
    monkeypatch.setattr(python, "metadata", SimpleNamespace(entry_points=lambda group: entries))
    with pytest.raises(ValueError, match="several packages offer a handler 'sms': a:b and c:d"):
        load_handler("sms")
