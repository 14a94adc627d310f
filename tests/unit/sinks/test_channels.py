"""Channels from settings: every type, every mistake with one message, and no secret in any."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sinks.alertmanager import AlertmanagerChannel
from sinks.apprise import AppriseChannel
from sinks.channel import Channel, ChannelSettingsError
from sinks.channels import CHANNEL_TYPES, channel_types, make_channels
from sinks.console import ConsoleChannel
from sinks.deadline import WithDeadline
from sinks.email import EmailChannel
from sinks.log import LogChannel
from sinks.opsgenie import OpsgenieChannel
from sinks.pagerduty import PagerDutyChannel
from sinks.slack import SlackChannel, SlackWebhookChannel
from sinks.webhook import WebhookChannel

pytestmark = pytest.mark.filterwarnings("ignore:.*slated for removal:DeprecationWarning")

ENVIRONMENT = {
    "KEY": "0123456789abcdef0123456789abcdef",
    "TOKEN": "xoxb-s3cret",
    "PASSWORD": "s3cret-password",
    "HOOK": "https://hooks.example.org/services/s3cret",
    "SERVICES": "json://me:s3cret@127.0.0.1/a json://127.0.0.1/b",
    "SERVICE": "json://127.0.0.1/a",
    "TWO_LINES": "s3cret\nX: y",
    "ACCENT": "s3crét",
    "EMPTY": " ",
}
SETTINGS = """
[screen]
type = "console"
[pager]
type = "pagerduty"
routing_key_env = "KEY"
[pager2]
type = "opsgenie"
api_key_env = "TOKEN"
url = "https://api.eu.opsgenie.com"
[hook]
type = "webhook"
url = "http://127.0.0.1:9000/hook"
secret_env = "PASSWORD"
[hook2]
type = "webhook"
url_env = "HOOK"
[mail]
type = "email"
host = "127.0.0.1"
port = 25
tls = "none"
from = "streamgauge@example.org"
to = ["oncall@example.org"]
[mail2]
type = "email"
host = "mail.example.org"
from = "Streamgauge <streamgauge@example.org>"
to = ["oncall@example.org", "Team <team@example.org>"]
username = "me"
password_env = "PASSWORD"
[chat]
type = "slack"
token_env = "TOKEN"
channel = "#ml-alerts"
[chat2]
type = "slack"
url_env = "HOOK"
[prometheus]
type = "alertmanager"
urls = ["http://127.0.0.1:9093", "http://127.0.0.1:9094"]
username = "me"
password_env = "PASSWORD"
resend = "30s"
[prometheus2]
type = "alertmanager"
url = "http://127.0.0.1:9093"
token_env = "TOKEN"
[sms]
type = "apprise"
urls_env = "SERVICES"
[sms2]
type = "apprise"
url_env = "SERVICE"
"""
MADE = {
    "log": LogChannel,
    "screen": ConsoleChannel,
    "pager": PagerDutyChannel,
    "pager2": OpsgenieChannel,
    "hook": WebhookChannel,
    "hook2": WebhookChannel,
    "mail": EmailChannel,
    "mail2": EmailChannel,
    "chat": SlackChannel,
    "chat2": SlackWebhookChannel,
    "prometheus": AlertmanagerChannel,
    "prometheus2": AlertmanagerChannel,
    "sms": AppriseChannel,
    "sms2": AppriseChannel,
}


def bare(channel: Channel) -> Channel:
    return channel.channel if isinstance(channel, WithDeadline) else channel


def make(settings: dict[str, Any]) -> Channel:
    return make_channels({"x": settings}, ENVIRONMENT)["x"]


def test_channels_are_made_by_type() -> None:
    settings = tomllib.loads(SETTINGS)
    made = make_channels(settings, ENVIRONMENT)
    assert {name: type(bare(channel)) for name, channel in made.items()} == MADE
    assert channel_types(settings) == {"log": "log"} | {
        name: values["type"] for name, values in settings.items()
    }
    assert {values["type"] for values in settings.values()} == set(CHANNEL_TYPES) - {
        "log",
        "python",
    }


def test_only_what_stays_here_has_no_deadline() -> None:
    made = make_channels(tomllib.loads(SETTINGS), ENVIRONMENT)
    unbounded = {name for name, channel in made.items() if not isinstance(channel, WithDeadline)}
    assert unbounded == {"log", "screen"}


def test_there_is_always_a_log() -> None:
    assert [type(channel) for channel in make_channels({}, {}).values()] == [LogChannel]
    assert channel_types({}) == {"log": "log"}
    (own,) = make_channels({"log": {"type": "console"}}, {}).values()
    assert isinstance(own, ConsoleChannel)
    assert channel_types({"log": {"type": "console"}}) == {"log": "console"}


def test_alertmanager_is_sent_what_fires_as_often_as_set() -> None:
    made = make_channels(tomllib.loads(SETTINGS), ENVIRONMENT)
    assert made["prometheus"].resend_ms == 30_000
    assert made["prometheus2"].resend_ms == 60_000
    assert {made[name].resend_ms for name in made if "prometheus" not in name} == {None}


def test_secrets_may_be_in_files(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{ENVIRONMENT['KEY']}\n")
    made = make({"type": "pagerduty", "routing_key_file": str(file)})
    assert isinstance(bare(made), PagerDutyChannel)


PAGER = {"type": "pagerduty", "routing_key_env": "KEY"}
HOOK = {"type": "webhook", "url": "http://127.0.0.1:9000/hook"}
CHAT = {"type": "slack", "token_env": "TOKEN", "channel": "#ml"}
PEERS = {"type": "alertmanager", "urls": ["http://127.0.0.1:9093"]}
MAIL = {"type": "email", "host": "mail.example.org", "from": "a@b.org", "to": ["c@d.org"]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "webook"}, r"x\.type: 'webook' is not available; did you mean 'webhook'"),
        ({"type": "pigeon"}, r"x\.type: 'pigeon' is not available; use one of log, console, web"),
        ({}, r"x\.type: is not set; use one of"),
        ({"type": 7}, r"x\.type: 7 is not available"),
        ({"type": "console", "url": "y"}, r"x\.url: console has no such setting; it has none"),
        (HOOK | {"secert_env": "KEY"}, r"x\.secert_env: .*did you mean 'secret_env'\?"),
        (HOOK | {"colour": "red"}, r"x\.colour: .*it has url, url_env, url_file, secret_env, "),
        (HOOK | {"secret": "s3cret"}, r"x\.secret: a secret is not written here; use `secret_env`"),
        (PAGER | {"routing_key": "s3cret"}, r"x\.routing_key: .*`routing_key_file`"),
        ({"type": "webhook"}, r"x\.url: is not set; use `url` or `url_env` or `url_file`"),
        ({"type": "webhook", "url": "nowhere"}, r"x\.url: must begin with http:// or https://"),
        ({"type": "webhook", "url_env": "PASSWORD"}, r"x\.url_env: must begin with http://"),
        ({"type": "webhook", "url": 7}, r"x: Expected `str | null`, got `int` - at `\$\.url`"),
        (HOOK | {"url_env": "HOOK"}, r"x\.url: is set beside `url_env`; use one of them"),
        (HOOK | {"secret_env": "ABSENT"}, r"x\.secret_env: ABSENT is not set in the environment"),
        (HOOK | {"secret_env": "EMPTY"}, r"x\.secret_env: EMPTY is not set in the environment"),
        (HOOK | {"secret_file": "/nowhere/x"}, r"x\.secret_file: /nowhere/x can't be read: No su"),
        (HOOK | {"secret_file": "/"}, r"x\.secret_file: / can't be read: Is a directory"),
        (HOOK | {"secret_file": "/dev/null"}, r"x\.secret_file: /dev/null is empty"),
        (HOOK | {"secret_file": "a", "secret_env": "KEY"}, r"x\.secret_env: is set beside `sec"),
        ({"type": "pagerduty"}, r"x\.routing_key_env: is not set; use `routing_key_env` or `rou"),
        (PAGER | {"url": "pagerduty.com"}, r"x\.url: must begin with http"),
        ({"type": "opsgenie"}, r"x\.api_key_env: is not set; use `api_key_env` or `api_key_file`"),
        ({"type": "opsgenie", "api_key_env": "TWO_LINES"}, r"x\.api_key_env: is no key: those"),
        ({"type": "slack"}, r"x\.url: is not set; use `url` .* `url_file` or `token_env` or `to"),
        ({"type": "slack", "token_env": "TOKEN"}, r"x\.channel: is not set; name the channel"),
        ({"type": "slack", "channel": "#ml"}, r"x\.channel: goes with `token_env`"),
        (CHAT | {"token_env": "ACCENT"}, r"x\.token_env: is no key: those are one line of ASCII"),
        (CHAT | {"url_env": "HOOK"}, r"x\.token_env: is set beside the address of a webhook"),
        (CHAT | {"api_url": "slack"}, r"x\.api_url: must begin with http"),
        ({"type": "alertmanager"}, r"x\.urls: is not set; name every peer"),
        (PEERS | {"url": "http://h"}, r"x\.url: is set beside `urls`; use one of them"),
        (PEERS | {"urls": ["http://h", "h:9093"]}, r"x\.urls: must begin with http"),
        (PEERS | {"urls": ["http://h"] * 17}, r"x\.urls: must name 1 to 16 peers"),
        (PEERS | {"resend": "often"}, r"x\.resend: 'often' is no duration"),
        (PEERS | {"resend": "0s"}, r"x\.resend: must be 1s to 1h"),
        (PEERS | {"username": "me"}, r"x\.password_env: is not set; use `password_env` or `pas"),
        (PEERS | {"password_env": "PASSWORD"}, r"x\.username: is not set, a password is"),
        (
            PEERS | {"username": "me", "password_env": "PASSWORD", "token_env": "TOKEN"},
            r"x\.token_env: is set beside `username`",
        ),
        (PEERS | {"token_env": "TWO_LINES"}, r"x\.token_env: is no key"),
        ({"type": "email"}, r"x: Object missing required field `host`"),
        (MAIL | {"to": []}, r"x\.to: must name 1 to 50 recipients"),
        (MAIL | {"to": ["nobody"]}, r"x\.to: 'nobody' is no address such as team@example\.org"),
        (MAIL | {"to": ["a@b.org, c@d.org"]}, r"x\.to: .* is no address"),
        (MAIL | {"to": ["a@b.org\r\nBcc: c@d.org"]}, r"x\.to: .* is no address"),
        (MAIL | {"from": "Streamgauge"}, r"x\.from: 'Streamgauge' is no address"),
        (MAIL | {"from": "é@b.org"}, r"x\.from: 'é@b\.org' is no address"),
        (MAIL | {"host": ""}, r"x\.host: is no name of a host"),
        (MAIL | {"port": 0}, r"x: Expected `int` >= 1 - at `\$\.port`"),
        (MAIL | {"tls": "maybe"}, r"x: Invalid enum value 'maybe' - at `\$\.tls`"),
        (MAIL | {"username": "me"}, r"x\.password_env: is not set"),
        (
            MAIL | {"tls": "none", "username": "me", "password_env": "PASSWORD"},
            r"x\.tls: is none: the password could be read on its way; use starttls",
        ),
        (
            MAIL | {"username": "me", "password_env": "ACCENT"},
            r"x\.username: and its password must be ASCII",
        ),
        (MAIL | {"ca_file": "/nowhere.pem"}, r"x\.ca_file: .*No such file"),
        (MAIL | {"ca_file": "/dev/null"}, r"x\.ca_file: "),
        ({"type": "apprise"}, r"x\.url_env: is not set; use `url_env` or `url_file` or `urls_env"),
        ({"type": "apprise", "url_env": "TOKEN"}, r"x\.url_env: holds no address that Apprise"),
        ({"type": "apprise", "url": "json://s3cret"}, r"x\.url: a secret is not written here"),
        ({"type": "python"}, r"x: Object missing required field `handler`"),
        ({"type": "python", "handler": "nobody"}, r"x\.handler: there is no handler 'nobody'"),
    ],
)
def test_a_bad_channel_is_named_and_no_secret_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ChannelSettingsError, match=rf"channels\.{message}") as caught:
        make(settings)
    told = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "s3cr" not in told
    assert ENVIRONMENT["KEY"] not in told


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ("routing_key_env", "0123456789abcdef0123456789abcdef"),
        ("routing_key_env", "https://hooks.slack.com/services/T0/B0/xyz"),
        ("routing_key_env", "xoxb-1234-abcd"),
        ("routing_key_file", "0123456789abcdef0123456789abcdef"),
        ("routing_key_file", "https://hooks.slack.com/services/T0/B0/xyz"),
        ("routing_key_file", "x\0y"),
    ],
)
def test_a_secret_in_place_of_its_name_is_not_told(setting: str, secret: str) -> None:
    with pytest.raises(ChannelSettingsError, match=rf"channels\.x\.{setting}: the ") as caught:
        make({"type": "pagerduty", setting: secret})
    assert secret not in str(caught.value)


def test_a_password_may_stay_on_this_machine() -> None:
    here = MAIL | {"host": "localhost", "tls": "none"}
    made = make(here | {"username": "me", "password_env": "PASSWORD"})
    assert isinstance(bare(made), EmailChannel)


@pytest.mark.parametrize(("tls", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_ports_go_with_the_encryption(tls: str, port: int) -> None:
    channel = bare(make(MAIL | {"tls": tls}))
    assert isinstance(channel, EmailChannel)
    assert channel._port == port


def test_a_type_that_there_is_not_is_named() -> None:
    with pytest.raises(ChannelSettingsError, match=r"channels\.x\.type: 'pigeon'"):
        channel_types({"x": {"type": "pigeon"}})
