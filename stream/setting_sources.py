"""Where settings come from: a file, the environment, secrets in files of their own.

Each source is turned into a flat table of dotted keys, such as ``redis.url``, in which a Kafka
property has its librdkafka name. So ``kafka.sasl_password_file`` of the environment replaces
``[kafka] sasl.password`` of the file, however either is spelt.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG_FILE = "streamgauge.toml"
CONFIG_VARIABLE = "STREAMGAUGE_CONFIG"
ENVIRONMENT_PREFIX = "STREAMGAUGE_"

KEPT_WHOLE = ("channels", "routes")
"""Tables that are not made flat: the alerting part reads them, and names in them are the user's."""

# A secret is a line; a file this large is not one, and may be a device that never ends.
_SECRET_BYTES_MAX = 64 * 1024


class SettingsError(Exception):
    """The settings cannot be used; the message says which one, from where, and what would do."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it was given, for error messages."""

    value: Any
    source: str


Layer = dict[str, Given]


def read_layers(
    file: Path | None, environment: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[Layer]:
    """Read all sources, weakest first.

    Raises
    ------
    SettingsError
        When the file cannot be read.
    """
    path = file
    if path is None and environment.get(CONFIG_VARIABLE):
        path = Path(environment[CONFIG_VARIABLE])
    if path is None and Path(CONFIG_FILE).is_file():
        path = Path(CONFIG_FILE)
    if path is not None:
        yield dict(_flat(_read_toml(path), (), str(path)))
    yield dict(_environment(environment))
    yield dict(_flat(options, (), "the command line"))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings file {path} can't be read ({error.strerror}): check the path given by"
            f" --config or {CONFIG_VARIABLE}"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path} is no TOML: {error}") from error


def _environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    whole: dict[str, Any] = {}
    for name, value in environment.items():
        # An empty variable is how compose files and CI systems say "not set".
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE or not value:
            continue
        parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if parts[0] in KEPT_WHOLE and len(parts) > 1:
            at = whole
            for part in parts[:-1]:
                at = at.setdefault(part, {})
            at[parts[-1]] = value
        else:
            yield ".".join(parts), Given(value, name)
    for name, table in whole.items():
        yield name, Given(table, f"{ENVIRONMENT_PREFIX}{name.upper()}__…")


def _flat(
    table: Mapping[str, Any], path: tuple[str, ...], source: str
) -> Iterator[tuple[str, Given]]:
    for name, value in table.items():
        at = (*path, name)
        if isinstance(value, Mapping) and at not in {(kept,) for kept in KEPT_WHOLE}:
            yield from _flat(value, at, source)
        elif value is not None:
            yield ".".join(at), Given(value, source)


def merge(weak: Layer, strong: Layer) -> Layer:
    """Return both; where both say something the strong one holds, inside ``channels`` too."""
    out = weak | strong
    for kept in KEPT_WHOLE:
        if kept in weak and kept in strong:
            value = _merged(weak[kept].value, strong[kept].value)
            out[kept] = Given(value, strong[kept].source)
    return out


def _merged(weak: Any, strong: Any) -> Any:
    if not (isinstance(weak, Mapping) and isinstance(strong, Mapping)):
        return strong
    return {**weak, **{k: _merged(weak.get(k), v) for k, v in strong.items()}}


def resolve_secrets(layer: Layer, secrets: Mapping[str, str], base: Mapping[str, str]) -> Layer:
    """Replace ``X_file`` and ``X_env`` by the secret ``X`` they point at.

    Parameters
    ----------
    layer
        One source.
    secrets
        Every key that may be given in these ways, by its spelling with underscores.
    base
        The environment, for ``X_env``.

    Raises
    ------
    SettingsError
        When one secret is given twice, or what is pointed at is not there.
    """
    out: Layer = {}
    for key, given in layer.items():
        name, _, way = key.replace(".", "_").rpartition("_")
        target = secrets.get(name) if way in {"file", "env"} else None
        if target is None:
            target = key
        else:
            read = _secret_file if way == "file" else _secret_variable
            given = Given(read(key, str(given.value), given.source, base), given.source)  # noqa: PLW2901
        if target in out:
            raise SettingsError(
                f"{target} is given twice in {given.source}: keep one of {target},"
                f" {target}_file and {target}_env"
            )
        out[target] = given
    return out


def _secret_file(key: str, path: str, source: str, _base: Mapping[str, str]) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(_SECRET_BYTES_MAX + 1)
        if len(data) > _SECRET_BYTES_MAX:
            raise SettingsError(f"{key} ({source}): {path} is too large to be a secret")
        secret = data.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(
            f"{key} ({source}): {path} can't be read ({error.strerror}); check path and rights"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{key} ({source}): {path} is not UTF-8 text") from error
    if not secret:
        raise SettingsError(f"{key} ({source}): {path} is empty")
    return secret


def _secret_variable(key: str, name: str, source: str, base: Mapping[str, str]) -> str:
    secret = base.get(name, "")
    if not secret:
        raise SettingsError(f"{key} ({source}): the variable {name} is not set")
    return secret


def process_environment() -> Mapping[str, str]:
    """Environment of this process."""
    return os.environ
