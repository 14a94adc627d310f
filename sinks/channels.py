"""Channels made from the settings' ``[channels.<name>]``; one bad setting, one message."""

import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from email.headerregistry import Address
from email.policy import default
from typing import Any, NamedTuple, cast

from schemas.durations import parse_duration_ms
from sinks import settings as of
from sinks.alertmanager import AlertmanagerChannel, basic, bearer
from sinks.apprise import AppriseChannel
from sinks.channel import Channel, ChannelSettingsError
from sinks.console import ConsoleChannel
from sinks.deadline import WithDeadline
from sinks.email import EmailChannel, Tls
from sinks.endpoint import Endpoint
from sinks.log import LogChannel
from sinks.opsgenie import OpsgenieChannel
from sinks.pagerduty import PagerDutyChannel
from sinks.python import PythonChannel, load_handler
from sinks.settings import Secrets, SettingError, blamed
from sinks.slack import SlackChannel, SlackWebhookChannel
from sinks.webhook import WebhookChannel

__all__ = ["CHANNEL_TYPES", "DEFAULT_CHANNELS", "channel_types", "make_channels"]

DEFAULT_CHANNELS: Mapping[str, Mapping[str, Any]] = {"log": {"type": "log"}}
"""What there is beside those that are configured."""
RESEND_MS_MIN, RESEND_MS_MAX = 1_000, 3_600_000
RECIPIENTS_MAX = 50
"""Servers need to take 100 in one mail."""
_PORTS = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.TLS: 465}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Clock = Callable[[], int]
"""Returns epoch milliseconds."""


class _Kind(NamedTuple):
    """One type of channel."""

    settings: type[of.Plain]
    make: Callable[[Any, Secrets, Clock], Channel]
    local: bool = False
    """Whether it ends at this process, so that nothing in it can hang."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def make_channels(
    settings: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str],
    now_ms: Clock = _wall_clock_ms,
) -> dict[str, Channel]:
    """Make every configured channel, and `DEFAULT_CHANNELS`.

    Parameters
    ----------
    settings : by name
    environment : where secrets are looked up
    now_ms : the clock, for channels that tell the time

    Returns
    -------
    dict
        Channels by name. Those that talk to others answer within ten seconds.

    Raises
    ------
    ChannelSettingsError
        For the first channel that cannot be made.
    """
    return {
        name: _make(name, values, environment, now_ms)
        for name, values in {**DEFAULT_CHANNELS, **settings}.items()
    }


def channel_types(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the type of every channel that `make_channels` would make, by name.

    Raises
    ------
    ChannelSettingsError
        For a type that there isn't.
    """
    return {
        name: _type_of(name, values) for name, values in {**DEFAULT_CHANNELS, **settings}.items()
    }


def _type_of(name: str, values: Mapping[str, Any]) -> str:
    kind = values.get("type")
    if isinstance(kind, str) and kind in _KINDS:
        return kind
    near = get_close_matches(str(kind), _KINDS, n=1)
    instead = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(_KINDS)}"
    said = "is not set" if kind is None else f"{kind!r} is not available"
    raise ChannelSettingsError(f"channels.{name}.type: {said}; {instead}")


def _make(
    name: str, values: Mapping[str, Any], environment: Mapping[str, str], now_ms: Clock
) -> Channel:
    kind = _KINDS[_type_of(name, values)]
    try:
        given = of.read_settings(values, kind.settings)
        channel = kind.make(given, Secrets(given, environment), now_ms)
    except SettingError as error:
        setting = f".{error.setting}" if error.setting else ""
        raise ChannelSettingsError(f"channels.{name}{setting}: {error}") from None
    return channel if kind.local else WithDeadline(channel)


def _console(_given: of.Plain, _secrets: Secrets, _now_ms: Clock) -> Channel:
    return ConsoleChannel()


def _log(_given: of.Plain, _secrets: Secrets, _now_ms: Clock) -> Channel:
    return LogChannel()


def _webhook(_given: of.Webhook, secrets: Secrets, _now_ms: Clock) -> Channel:
    secret = secrets.find("secret")
    return WebhookChannel(_endpoint(secrets), None if secret is None else secret.text)


def _alertmanager(given: of.Alertmanager, secrets: Secrets, now_ms: Clock) -> Channel:
    setting = "urls" if given.urls else "url"
    if given.urls and given.url is not None:
        raise SettingError("url", "is set beside `urls`; use one of them")
    if not given.urls and given.url is None:
        raise SettingError("urls", "is not set; name every peer")
    with blamed(setting):
        peers = [Endpoint(url) for url in given.urls or [str(given.url)]]
    with blamed("resend"):
        resend_ms = parse_duration_ms(given.resend)
        if not RESEND_MS_MIN <= resend_ms <= RESEND_MS_MAX:
            raise ValueError("must be 1s to 1h")
    authorization = _authorization(given, secrets)
    with blamed(setting):
        return AlertmanagerChannel(peers, now_ms, authorization=authorization, resend_ms=resend_ms)


def _authorization(given: of.Alertmanager, secrets: Secrets) -> str | None:
    token = secrets.key("token")
    login = _login(given.username, secrets)
    if token is not None and login is not None:
        raise SettingError(token.setting, "is set beside `username`; use one of them")
    if token is not None:
        return bearer(token.text)
    return None if login is None else basic(*login)


def _pagerduty(given: of.PagerDuty, secrets: Secrets, _now_ms: Clock) -> Channel:
    with blamed("url"):
        endpoint = Endpoint(given.url)
    key = secrets.need("routing_key")
    with blamed(key.setting):
        return PagerDutyChannel(key.text, endpoint)


def _opsgenie(given: of.Opsgenie, secrets: Secrets, _now_ms: Clock) -> Channel:
    with blamed("url"):
        endpoint = Endpoint(given.url)
    key = secrets.key("api_key") or secrets.need("api_key")
    return OpsgenieChannel(key.text, endpoint)


def _slack(given: of.Slack, secrets: Secrets, _now_ms: Clock) -> Channel:
    token = secrets.key("token")
    if token is None:
        if given.channel is not None:
            raise SettingError(
                "channel", "goes with `token_env` or `token_file`; a webhook has one"
            )
        return SlackWebhookChannel(_endpoint(secrets, "token"))
    if given.url is not None or given.url_env is not None or given.url_file is not None:
        raise SettingError(token.setting, "is set beside the address of a webhook; use one of them")
    if not given.channel:
        raise SettingError("channel", "is not set; name the channel to post to")
    with blamed("api_url"):
        endpoint = Endpoint(given.api_url)
    return SlackChannel(token.text, given.channel, endpoint)


def _email(given: of.Email, secrets: Secrets, _now_ms: Clock) -> Channel:
    if not given.host or not given.host.isascii() or not given.host.isprintable():
        raise SettingError("host", "is no name of a host")
    with blamed("from"):
        sender = _address(given.sender)
    with blamed("to"):
        if not 1 <= len(given.to) <= RECIPIENTS_MAX:
            raise ValueError(f"must name 1 to {RECIPIENTS_MAX} recipients")
        recipients = [_address(one) for one in given.to]
    login = _login(given.username, secrets)
    if login is not None and given.tls is Tls.NONE and given.host not in _LOOPBACK:
        raise SettingError("tls", "is none: the password could be read on its way; use starttls")
    if login is not None and not "".join(login).isascii():
        raise SettingError("username", "and its password must be ASCII: SMTP knows no other")
    with blamed("ca_file"):
        return EmailChannel(
            given.host,
            given.port or _PORTS[given.tls],
            sender,
            recipients,
            tls=given.tls,
            ca_file=given.ca_file,
            login=login,
        )


def _apprise(given: of.AppriseService, secrets: Secrets, _now_ms: Clock) -> Channel:
    urls = secrets.need("url", "urls")
    several = urls.setting.startswith("urls_")
    with blamed(urls.setting):
        return AppriseChannel(urls.text.split() if several else [urls.text])


def _python(given: of.Python, _secrets: Secrets, _now_ms: Clock) -> Channel:
    with blamed("handler"):
        return PythonChannel(given.handler, load_handler(given.handler))


def _endpoint(secrets: Secrets, *others: str) -> Endpoint:
    """Make an endpoint of `url`, `url_env` or `url_file`; `others` could stand in for it."""
    url = secrets.need("url", *others, plain="url")
    with blamed(url.setting):
        return Endpoint(url.text)


def _login(username: str | None, secrets: Secrets) -> tuple[str, str] | None:
    password = secrets.find("password")
    if username is None and password is None:
        return None
    if username is None:
        raise SettingError("username", "is not set, a password is")
    return username, (password or secrets.need("password")).text


def _address(text: str) -> Address:
    """Read one address, with or without a name before it."""
    parsed = default.header_factory("to", text if text.isprintable() else "")
    found = cast("tuple[Address, ...]", parsed.addresses)
    if len(found) != 1 or not found[0].domain or not found[0].addr_spec.isascii():
        raise ValueError(f"{text!r} is no address such as team@example.org")
    return found[0]


_KINDS: Mapping[str, _Kind] = {
    "log": _Kind(of.Plain, _log, local=True),
    "console": _Kind(of.Plain, _console, local=True),
    "webhook": _Kind(of.Webhook, _webhook),
    "email": _Kind(of.Email, _email),
    "pagerduty": _Kind(of.PagerDuty, _pagerduty),
    "slack": _Kind(of.Slack, _slack),
    "opsgenie": _Kind(of.Opsgenie, _opsgenie),
    "alertmanager": _Kind(of.Alertmanager, _alertmanager),
    "apprise": _Kind(of.AppriseService, _apprise),
    "python": _Kind(of.Python, _python),
}
CHANNEL_TYPES = tuple(_KINDS)
"""Every type there is."""
