"""Settings: defaults, then ``streamgauge.toml``, then the environment, then options.

Parsed and checked once, at start. An unknown key is an error that names the nearest known one.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas.topics import check_namespace

CONFIG_FILE = "streamgauge.toml"
ENVIRONMENT_PREFIX = "STREAMGAUGE_"
CONFIG_VARIABLE = "STREAMGAUGE_CONFIG"

KAFKA_NAMES = (
    "bootstrap.servers",
    "client.id",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "queued.max.messages.kbytes",
    "compression.type",
    "linger.ms",
    "group.instance.id",
)
"""librdkafka properties that ``[kafka]`` takes; ``.`` may be written as ``_``."""


class SettingsError(Exception):
    """The settings cannot be used; the message says which one and what would do."""


class RedisSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[redis]``."""

    url: str | None = None


class HttpSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[http]``: where the agents answer."""

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None


class TopicsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[topics]``: how missing topics are created."""

    partitions: int = 4
    replication: int = -1


class WorkerSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[worker]``: event time and the commit. Durations in ms."""

    checkpoint_ms: int = 500
    disorder_ms: int = 5_000
    allowed_lateness_ms: int = 3_600_000
    idle_timeout_ms: int = 10_000
    future_skew_ms_max: int = 300_000
    poll_records: int = 5_000
    poll_ms: int = 50
    delta_panes_max: int = 512
    unrolled_panes_max: int = 5_000


class BoundsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[bounds]``: limits on what is accepted."""

    event_bytes_max: int = 1_000_000
    features_max: int = 1_000
    models_max: int = 1_000


class BaselineSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[provisional]``: when a baseline is learned from traffic."""

    events_min: int = 5_000
    span_ms_min: int = 86_400_000


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All settings. ``channels`` and ``routes`` are the alerting part's own to read."""

    namespace: str = "ml"
    data_dir: str | None = None
    kafka: dict[str, str] = {}
    redis: RedisSettings = RedisSettings()
    http: HttpSettings = HttpSettings()
    topics: TopicsSettings = TopicsSettings()
    worker: WorkerSettings = WorkerSettings()
    bounds: BoundsSettings = BoundsSettings()
    provisional: BaselineSettings = BaselineSettings()
    channels: dict[str, dict[str, Any]] = {}
    routes: list[dict[str, Any]] = []

    @property
    def bootstrap_servers(self) -> str | None:
        """Kafka's address, or None where no broker is configured."""
        return self.kafka.get("bootstrap.servers")


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """Read settings from all sources.

    Parameters
    ----------
    file : ``--config``; else ``STREAMGAUGE_CONFIG``, else ``streamgauge.toml`` where it exists
    environment : variables; ``STREAMGAUGE_REDIS__URL`` sets ``redis.url``
    options : from the command line, nested like the file; None values are left out

    Raises
    ------
    SettingsError
        When a source cannot be read, a key is unknown or a value does not fit.
    """
    environment = os.environ if environment is None else environment
    tree: dict[str, Any] = {}
    path = file or (Path(environment[CONFIG_VARIABLE]) if CONFIG_VARIABLE in environment else None)
    if path is None and Path(CONFIG_FILE).is_file():
        path = Path(CONFIG_FILE)
    if path is not None:
        tree = _read_file(path)
    _overlay(tree, _from_environment(environment))
    _overlay(tree, options or {})
    tree["kafka"] = _kafka(tree.get("kafka", {}))
    _check_keys(tree)
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
        check_namespace(settings.namespace)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"settings: {error}") from error
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path} cannot be read: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE:
            continue
        *path, leaf = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        at = tree
        for part in path:
            at = at.setdefault(part, {})
        at[leaf] = value
    return tree


def _overlay(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping):
            below = tree.setdefault(key, {})
            if isinstance(below, dict):
                _overlay(below, value)
        elif value is not None:
            tree[key] = value


def _kafka(given: Mapping[str, Any]) -> dict[str, str]:
    known = {name.replace(".", "_"): name for name in KAFKA_NAMES}
    out: dict[str, str] = {}
    for key, value in given.items():
        name = known.get(key.replace(".", "_"))
        if name is None:
            raise SettingsError(_unknown(f"kafka.{key}", [f"kafka.{n}" for n in KAFKA_NAMES]))
        out[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return out


def _check_keys(tree: Mapping[str, Any]) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    for key, value in tree.items():
        if key not in fields:
            raise SettingsError(_unknown(key, list(fields)))
        kind = fields[key].type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
            below = [f"{key}.{field.name}" for field in msgspec.structs.fields(kind)]
            for leaf in value:
                if f"{key}.{leaf}" not in below:
                    raise SettingsError(_unknown(f"{key}.{leaf}", below))


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"unknown setting {key!r}; did you mean {near[0]!r}?"
