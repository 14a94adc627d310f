"""What can be set for each type of channel, and where its secrets are.

A secret is never written in the settings: for a secret `x` there are `x_env`, which names an
environment variable, and `x_file`, which names a file. Messages name these, and never the secret.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sinks.email import Tls
from sinks.opsgenie import URL as OPSGENIE_URL
from sinks.pagerduty import URL as PAGERDUTY_URL
from sinks.slack import URL as SLACK_URL

__all__ = [
    "Alertmanager",
    "AppriseService",
    "Email",
    "Opsgenie",
    "PagerDuty",
    "Plain",
    "Python",
    "Secrets",
    "SettingError",
    "Slack",
    "Value",
    "Webhook",
    "blamed",
    "read_settings",
]

_NAME_MAX = 31
"""Names of variables are shown up to this length: keys, which somebody wrote there, are longer."""


class Plain(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A channel that needs no settings."""

    type: str


class Webhook(Plain, frozen=True, kw_only=True):
    """Of `sinks.webhook`."""

    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None


class Alertmanager(Plain, frozen=True, kw_only=True):
    """Of `sinks.alertmanager`."""

    url: str | None = None
    urls: list[str] = []
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    token_env: str | None = None
    token_file: str | None = None
    resend: str = "1m"


class PagerDuty(Plain, frozen=True, kw_only=True):
    """Of `sinks.pagerduty`."""

    routing_key_env: str | None = None
    routing_key_file: str | None = None
    url: str = PAGERDUTY_URL


class Opsgenie(Plain, frozen=True, kw_only=True):
    """Of `sinks.opsgenie`."""

    api_key_env: str | None = None
    api_key_file: str | None = None
    url: str = OPSGENIE_URL


class Slack(Plain, frozen=True, kw_only=True):
    """Of `sinks.slack`: a token and a channel, or the address of an incoming webhook."""

    token_env: str | None = None
    token_file: str | None = None
    channel: str | None = None
    api_url: str = SLACK_URL
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None


class Email(Plain, frozen=True, kw_only=True):
    """Of `sinks.email`."""

    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    tls: Tls = Tls.STARTTLS
    sender: str = msgspec.field(name="from")
    to: list[str]
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    ca_file: str | None = None


class AppriseService(Plain, frozen=True, kw_only=True):
    """Of `sinks.apprise`: one address, or several with spaces or line breaks between them."""

    url_env: str | None = None
    url_file: str | None = None
    urls_env: str | None = None
    urls_file: str | None = None


class Python(Plain, frozen=True, kw_only=True):
    """Of `sinks.python`."""

    handler: str


class SettingError(ValueError):
    """One setting is no good.

    Attributes
    ----------
    setting
        Its name; empty where it is all of them together.
    """

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(why)
        self.setting = setting


@contextmanager
def blamed(setting: str) -> Iterator[None]:
    """Blame a setting for what goes wrong inside."""
    try:
        yield
    except SettingError:
        raise
    except (ValueError, OSError) as error:
        raise SettingError(setting, str(error)) from error


def read_settings(values: Mapping[str, Any], kind: type[Plain]) -> Plain:
    """Check the settings of one channel.

    Raises
    ------
    SettingError
        For an unknown setting, one that is missing, and one of the wrong type.
    """
    known = [of.encode_name for of in msgspec.structs.fields(kind)]
    for name in values:
        if name not in known:
            raise SettingError(name, _unknown(name, values["type"], known))
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise SettingError("", str(error)) from None


def _unknown(name: str, kind: str, known: list[str]) -> str:
    if f"{name}_env" in known:
        return f"a secret is not written here; use `{name}_env` or `{name}_file`"
    near = get_close_matches(name, known, n=1)
    others = ", ".join(other for other in known if other != "type")
    meant = f"did you mean {near[0]!r}?" if near else f"it has {others or 'none but type'}"
    return f"{kind} has no such setting; {meant}"


@dataclass(frozen=True)
class Value:
    """What was set, and by which setting."""

    setting: str
    text: str = field(repr=False)


class Secrets:
    """The secrets of one channel.

    Parameters
    ----------
    given : its settings
    environment : where `…_env` looks
    """

    def __init__(self, given: Plain, environment: Mapping[str, str]) -> None:
        self._given = given
        self._environment = environment

    def need(self, *names: str, plain: str | None = None) -> Value:
        """Return the one secret that is set of some; `plain` names a setting that may hold it.

        Raises
        ------
        SettingError
            When none is set, several are, or there is nothing where it should be.
        """
        settings = [f"{name}{end}" for name in names for end in ("_env", "_file")]
        settings = [plain, *settings] if plain is not None else settings
        found = self._given_of(settings)
        if not found:
            listed = " or ".join(f"`{setting}`" for setting in settings)
            raise SettingError(settings[0], f"is not set; use {listed}")
        return self._read(found)

    def find(self, name: str) -> Value | None:
        """Return a secret, or None where none is set."""
        found = self._given_of([f"{name}_env", f"{name}_file"])
        return self._read(found) if found else None

    def key(self, name: str) -> Value | None:
        """Return a secret that is sent in a header, or None where none is set."""
        value = self.find(name)
        if value is not None and not (value.text.isascii() and value.text.isprintable()):
            raise SettingError(value.setting, "is no key: those are one line of ASCII")
        return value

    def _given_of(self, settings: list[str]) -> dict[str, str]:
        values = {setting: getattr(self._given, setting) for setting in settings}
        return {setting: value for setting, value in values.items() if value is not None}

    def _read(self, found: Mapping[str, str]) -> Value:
        (setting, value), *others = found.items()
        if others:
            raise SettingError(setting, f"is set beside `{others[0][0]}`; use one of them")
        if setting.endswith("_env"):
            text = self._environment.get(value, "").strip()
            if not text:
                raise SettingError(setting, f"{_variable(value)} is not set in the environment")
        elif setting.endswith("_file"):
            text = _content(setting, value)
        else:
            text = value
        return Value(setting, text)


def _content(setting: str, path: str) -> str:
    # Who wrote the secret itself where its file is to be named shall not find it in the log.
    named = path if path.startswith(("/", "./", "../")) and "://" not in path else "the file"
    try:
        text = Path(path).read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise SettingError(setting, f"{named} is no text in UTF-8") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "that is no path"
        raise SettingError(setting, f"{named} can't be read: {why}") from None
    if not text:
        raise SettingError(setting, f"{named} is empty")
    return text


def _variable(name: str) -> str:
    plausible = name.isascii() and name.replace("_", "").isalnum() and len(name) <= _NAME_MAX
    return name if plausible else "the variable"
