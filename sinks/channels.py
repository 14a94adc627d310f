"""Channels made from the settings' ``[channels.<name>]``; one bad setting, one message."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from sinks.channel import Channel, ChannelSettingsError
from sinks.console import ConsoleChannel, LogChannel
from sinks.webhook import WebhookChannel

__all__ = ["DEFAULT_CHANNELS", "make_channels"]

DEFAULT_CHANNELS: Mapping[str, Mapping[str, Any]] = {"log": {"type": "log"}}
"""What there is while nothing is configured."""


class _Plain(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Settings of a channel that needs none."""

    type: str


class _Webhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Settings of a webhook; a secret is named, never written down."""

    type: str
    url: str
    secret_env: str | None = None
    secret_file: str | None = None


def make_channels(
    settings: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> dict[str, Channel]:
    """Make every configured channel.

    Parameters
    ----------
    settings : by name; an empty mapping stands for `DEFAULT_CHANNELS`
    environment : where secrets are looked up

    Returns
    -------
    dict
        Channels by name.

    Raises
    ------
    ChannelSettingsError
        For the first channel that cannot be made.
    """
    return {
        name: _make(name, values, environment)
        for name, values in (settings or DEFAULT_CHANNELS).items()
    }


def _make(name: str, values: Mapping[str, Any], environment: Mapping[str, str]) -> Channel:
    kind = str(values.get("type"))
    if kind not in _KINDS:
        near = get_close_matches(kind, _KINDS, n=1)
        instead = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(_KINDS)}"
        raise ChannelSettingsError(f"channels.{name}.type: {kind!r} is not available; {instead}")
    try:
        return _KINDS[kind](values, environment)
    except (ValueError, OSError) as error:
        raise ChannelSettingsError(f"channels.{name}: {error}") from error


def _make_console(values: Mapping[str, Any], _environment: Mapping[str, str]) -> Channel:
    msgspec.convert(values, _Plain)
    return ConsoleChannel()


def _make_log(values: Mapping[str, Any], _environment: Mapping[str, str]) -> Channel:
    msgspec.convert(values, _Plain)
    return LogChannel()


def _make_webhook(values: Mapping[str, Any], environment: Mapping[str, str]) -> Channel:
    given = msgspec.convert(values, _Webhook)
    return WebhookChannel(given.url, _secret(given.secret_env, given.secret_file, environment))


def _secret(variable: str | None, file: str | None, environment: Mapping[str, str]) -> str | None:
    """Read a secret; an empty one is an error, since it would sign as if there were one."""
    if variable is not None and file is not None:
        raise ValueError("give `secret_env` or `secret_file`, not both")
    if variable is not None:
        found = environment.get(variable, "")
        if not found:
            raise ValueError(f"`secret_env` names {variable}, which is not set in the environment")
        return found
    if file is not None:
        found = Path(file).read_text("utf-8").strip()
        if not found:
            raise ValueError(f"`secret_file` names {file}, which is empty")
        return found
    return None


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Channel]] = {
    "log": _make_log,
    "console": _make_console,
    "webhook": _make_webhook,
}
