"""Settings: defaults, then ``streamgauge.toml``, then the environment, then options.

Parsed and checked once, at start. An unknown key is an error that names the nearest known one.
Secrets may also be given as ``…_file`` or ``…_env``; nothing here ever shows one.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from schemas.durations import parse_duration_ms
from schemas.topics import Topic, check_namespace
from stream.setting_sources import (
    Given,
    Layer,
    SettingsError,
    merge,
    process_environment,
    read_layers,
    resolve_secrets,
)

__all__ = [
    "KAFKA_NAMES",
    "SECRETS",
    "Settings",
    "SettingsError",
    "load_settings",
    "shown_url",
]

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

KAFKA_CHOICES: Mapping[str, tuple[str, ...]] = {
    "security.protocol": ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    # Those that both Kafka clients speak.
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "ssl.endpoint.identification.algorithm": ("https", "none"),
    "compression.type": ("none", "gzip", "snappy", "lz4", "zstd"),
}
"""Properties that take one of a few words; the case of letters does not matter."""

SECRETS = ("kafka.sasl.password", "kafka.ssl.key.password", "redis.url", "http.token")
"""Never shown; may also be given as ``…_file`` (a path) or ``…_env`` (a variable's name)."""

HIDDEN = "********"

_KAFKA_BY_SPELLING = {name.replace(".", "_"): name for name in KAFKA_NAMES}
_SECRET_BY_SPELLING = {name.replace(".", "_"): name for name in SECRETS}
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_WHOLE_NUMBER = re.compile(r"\d{1,10}")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")

JOIN_BYTES_MAX = 1_073_741_824
"""With more, buckets would outgrow the compact form in which Redis keeps small hashes."""

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class RedisSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[redis]``: ``redis://[[user]:password@]host:port/db``, ``rediss://…`` or ``unix://…``."""

    url: str | None = None

    def __repr__(self) -> str:
        return f"RedisSettings(url={shown_url(self.url)!r})"


class HttpSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[http]``: where the agents answer. Beyond loopback every request needs the token."""

    host: str = "127.0.0.1"
    port: Port = 8080
    token: str | None = None

    def __repr__(self) -> str:
        token = None if self.token is None else HIDDEN
        return f"HttpSettings(host={self.host!r}, port={self.port}, token={token!r})"


class TopicsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[topics]``: how missing topics are created.

    ``replication`` -1 is the broker's default. ``retention`` is a duration by topic, such as
    ``predictions = "14d"``; topics it does not name keep the contract's.
    """

    partitions: Positive = 4
    replication: Annotated[int, Meta(ge=-1)] = -1
    retention: dict[str, str] = {}

    def __post_init__(self) -> None:
        for topic, text in self.retention.items():
            if topic not in tuple(Topic):
                raise ValueError(_unknown(f"topics.retention.{topic}", _retention_keys()))
            if parse_duration_ms(text) == 0:
                raise ValueError(f"topics.retention.{topic}: {text!r} would keep nothing")

    def retention_ms(self, topic: Topic) -> int | None:
        """How long a topic's records are kept, where the settings say so."""
        text = self.retention.get(topic)
        return None if text is None else parse_duration_ms(text)


class WorkerSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[worker]``: event time and the commit. Durations in ms.

    A window that later events or labels change is reported again, ``report_again_ms`` after its
    last report at the earliest.
    With ``shed_features`` a worker that is more than ``shed_lag_ms`` behind live traffic counts the
    features of one request in ten.
    """

    checkpoint_ms: Positive = 500
    disorder_ms: NotNegative = 5_000
    allowed_lateness_ms: NotNegative = 3_600_000
    idle_timeout_ms: Positive = 10_000
    report_again_ms: Positive = 30_000
    future_skew_ms_max: NotNegative = 300_000
    poll_records: Positive = 5_000
    poll_ms: Positive = 50
    delta_panes_max: Positive = 512
    unrolled_panes_max: Positive = 5_000
    shed_features: bool = False
    shed_lag_ms: Positive = 5_000


class BoundsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[bounds]``: limits on what is accepted."""

    event_bytes_max: Positive = 1_000_000
    features_max: Positive = 1_000
    models_max: Positive = 1_000
    segments_max: Positive = 50


class JoinSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[join]``: what predictions that wait for labels may take of Redis' memory, about.

    Beyond it, the join goes on with half of the requests of the model version that takes most.
    """

    max_bytes: Annotated[int, Meta(ge=1, le=JOIN_BYTES_MAX)] = 268_435_456


class WatchdogSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[watchdog]``: channels that are sent a heartbeat, and how often; a duration."""

    channels: tuple[str, ...] = ()
    interval: str = "1m"

    def __post_init__(self) -> None:
        if parse_duration_ms(self.interval) == 0:
            raise ValueError("watchdog.interval: 0s would be sent without end")


class BaselineSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[provisional]``: when a baseline is learned from traffic."""

    events_min: Positive = 5_000
    span_ms_min: NotNegative = 86_400_000


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
    join: JoinSettings = JoinSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    channels: dict[str, dict[str, Any]] = {}
    routes: list[dict[str, Any]] = []

    @property
    def bootstrap_servers(self) -> str | None:
        """Kafka's address, or None where no broker is configured."""
        return self.kafka.get("bootstrap.servers")

    def __repr__(self) -> str:
        secret = {name.removeprefix("kafka.") for name in SECRETS if name.startswith("kafka.")}
        kafka = {name: HIDDEN if name in secret else text for name, text in self.kafka.items()}
        return (
            f"Settings(namespace={self.namespace!r}, kafka={kafka!r}, redis={self.redis!r},"
            f" http={self.http!r}, channels={sorted(self.channels)!r}, …)"
        )


def shown_url(url: str | None) -> str | None:
    """Return a URL with its password hidden.

    Examples
    --------
    >>> shown_url("redis://default:geheim@127.0.0.1:6379/0")
    'redis://default:********@127.0.0.1:6379/0'
    """
    if url is None:
        return None
    # Not by urlsplit: a password may hold what ends a host, and then it would be shown.
    head, at, place = url.rpartition("@")
    if not at:
        return url
    scheme, _, user = head.partition("://")
    return f"{scheme}://{user.partition(':')[0]}:{HIDDEN}@{place}"


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Read settings from all sources.

    Parameters
    ----------
    file
        ``--config``; else ``STREAMGAUGE_CONFIG``, else ``streamgauge.toml`` where it exists.
    environment
        Variables; ``STREAMGAUGE_REDIS__URL`` sets ``redis.url``.
    options
        From the command line, nested like the file; None values are left out.
    defaults
        By dotted key; what holds where no source says otherwise.

    Raises
    ------
    SettingsError
        When a source cannot be read, a key is unknown or a value does not fit.
    """
    environment = process_environment() if environment is None else environment
    merged: Layer = {k: Given(v, "the defaults") for k, v in (defaults or {}).items()}
    for layer in read_layers(file, environment, options or {}):
        known = resolve_secrets(layer, _SECRET_BY_SPELLING, environment)
        merged = merge(merged, _canonical(known))
    return _convert(merged)


def _canonical(layer: Layer) -> Layer:
    """Give each key its one spelling; refuse unknown keys and unusable Kafka properties."""
    out: Layer = {}
    for key, given in layer.items():
        head, _, rest = key.partition(".")
        if head == "kafka" and rest:
            name = _KAFKA_BY_SPELLING.get(rest.replace(".", "_"))
            if name is None:
                known = [f"kafka.{name}" for name in KAFKA_NAMES]
                raise SettingsError(f"{_unknown(key, known)} ({given.source})")
            out[f"kafka.{name}"] = Given(_kafka_text(name, given), given.source)
        else:
            if not _is_known(key):
                raise SettingsError(f"{_unknown(key, _known_keys())} ({given.source})")
            out[key] = given
    return out


def _kafka_text(name: str, given: Given) -> str:
    """Write a Kafka property's value as librdkafka reads it."""
    value = given.value
    text = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if name in KAFKA_CHOICES:
        found = {choice.lower(): choice for choice in KAFKA_CHOICES[name]}.get(text.lower())
        if found is None:
            allowed = ", ".join(KAFKA_CHOICES[name])
            raise SettingsError(f"kafka.{name} ({given.source}): {text!r} is none of {allowed}")
        return found
    if name.endswith((".ms", "bytes")) and _WHOLE_NUMBER.fullmatch(text) is None:
        raise SettingsError(f"kafka.{name} ({given.source}): {text!r} is not a whole number")
    if not text:
        raise SettingsError(f"kafka.{name} ({given.source}) is empty: give a value or remove it")
    return text


def _convert(merged: Layer) -> Settings:
    """Nest the flat keys again and check every value."""
    tree: dict[str, Any] = {}
    for key, given in merged.items():
        head, _, rest = key.partition(".")
        if rest:
            _put(tree, [head, *([rest] if head == "kafka" else rest.split("."))], given.value)
        else:
            tree[head] = given.value
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_in_words(str(error), merged)) from error
    try:
        check_namespace(settings.namespace)
    except ValueError as error:
        raise SettingsError(f"settings: {error}") from error
    url = settings.redis.url
    if url is not None and urlsplit(url).scheme not in _REDIS_SCHEMES:
        source = merged["redis.url"].source
        raise SettingsError(
            f"redis.url ({source}) must start with redis://, rediss:// or unix://,"
            " for instance redis://:PASSWORD@127.0.0.1:6379/0"
        )
    return settings


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value


def _in_words(text: str, merged: Layer) -> str:
    """Say what does not fit, and where it was given; never the value, which may be a secret."""
    match = _PATH.search(text)
    if match is None or not match["path"]:
        return f"settings: {text}"
    path = match["path"]
    given = merged.get(path)
    what = text[: match.start()].replace("`int`", "a whole number").replace("`str`", "text")
    what = what.replace("`object`", "a table").replace("`array`", "a list")
    where = f" ({given.source})" if given else ""
    return f"{path}{where}: {what[0].lower()}{what[1:]}"


def _is_known(key: str) -> bool:
    return key in _known_keys() or key.startswith("topics.retention.")


def _known_keys() -> list[str]:
    """Every key but those of Kafka, dotted."""
    keys: list[str] = []
    for field in msgspec.structs.fields(Settings):
        kind = field.type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            keys += [f"{field.name}.{below.name}" for below in msgspec.structs.fields(kind)]
        else:
            keys.append(field.name)
    return keys


def _retention_keys() -> list[str]:
    return [f"topics.retention.{topic}" for topic in Topic]


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"unknown setting {key!r}: did you mean {near[0]!r}?"
