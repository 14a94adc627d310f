import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.alerts import AlertEvent, Severity, Status
from sinks.channel import ChannelSettingsError
from sinks.channels import make_channels
from sinks.console import ConsoleChannel, LogChannel, line_of
from sinks.webhook import WebhookChannel

ALERT = AlertEvent(
    id="a" * 64,
    fingerprint="f" * 64,
    status=Status.FIRING,
    severity=Severity.ERROR,
    rule="error-rate",
    labels={},
    summary="error rate of credit is 12 %",
    cause=("timeout: 12 of 12 errors",),
    starts_at=1_790_002_800_000,
)
HOOK = {"type": "webhook", "url": "http://127.0.0.1:9000/hook"}


def test_without_settings_alerts_go_to_the_log() -> None:
    (channel,) = make_channels({}, {}).values()
    assert isinstance(channel, LogChannel)
    channel.send(ALERT)


def test_channels_are_made_by_type(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    settings: dict[str, dict[str, Any]] = {
        "screen": {"type": "console"},
        "hook": HOOK | {"secret_env": "HOOK_SECRET"},
        "other": HOOK | {"secret_file": str(secret)},
    }
    made = make_channels(settings, {"HOOK_SECRET": "x"})
    assert list(made) == ["screen", "hook", "other"]
    assert isinstance(made["hook"], WebhookChannel)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "webook"}, r"channels\.x\.type: 'webook' is not available; did you mean 'web"),
        ({"type": "pager"}, "use one of log, console, webhook"),
        ({}, "use one of"),
        ({"type": "webhook"}, r"channels\.x: .*`url`"),
        ({"type": "console", "url": "y"}, "unknown field `url`"),
        ({"type": "webhook", "url": "nowhere"}, "must begin with http"),
        (HOOK | {"secret_env": "ABSENT"}, "ABSENT, which is not set"),
        (HOOK | {"secret_file": "/nowhere/secret"}, "/nowhere/secret"),
        (HOOK | {"secret_file": "a", "secret_env": "b"}, "not both"),
    ],
)
def test_a_bad_channel_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ChannelSettingsError, match=message):
        make_channels({"x": settings}, {})


def test_the_console_gets_one_harmless_line() -> None:
    stream = io.StringIO()
    nasty = msgspec.structs.replace(ALERT, summary="credit\x1b[2J\nFIRING fake")
    ConsoleChannel(stream).send(ALERT)
    ConsoleChannel(stream).send(nasty)
    first, second = stream.getvalue().splitlines()
    assert first == (
        "FIRING   error    error-rate: error rate of credit is 12 % [timeout: 12 of 12 errors]"
    )
    assert "\x1b" not in second
    assert line_of(nasty) == second
