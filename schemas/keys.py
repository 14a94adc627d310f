"""Redis keys: what users read.

Names are hostile input: in keys, every byte of a name outside ``A-Za-z0-9._~-`` is
percent-encoded (upper-case hexadecimal, UTF-8). The braces put the keys of a model into one hash
slot, so that one step can write them.
"""

from urllib.parse import quote

import msgspec

__all__ = [
    "LIVE_FIELDS",
    "REDIS_KEYS",
    "SERIES_ENTRIES_MAX",
    "RedisKey",
    "active_alerts_key",
    "alert_key",
    "encoded",
    "feature_key",
    "features_key",
    "histogram_key",
    "live_key",
    "models_key",
    "segments_key",
    "series_key",
    "state_key",
    "updates_channel",
    "versions_key",
    "windows_key",
]

LIVE_FIELDS = (
    "count",
    "label_count",
    "window_start",
    "window_end",
    "watermark",
    "revision",
    "updated_at",
    "decided_window_end",
    "performance_window_end",
)
"""Fields of the live window's hash beside the metrics. Times are epoch ms."""

HISTOGRAM_FIELDS = ("edges", "counts", "baseline")
"""Fields of a histogram's hash, each a JSON array."""

HISTOGRAM_BARS_MAX = 32
"""How many bars a histogram has at most."""

SERIES_ENTRIES_MAX = 288
"""A day of final windows that close every 5 minutes."""


class RedisKey(msgspec.Struct, frozen=True):
    """A row of the contract's table.

    Attributes
    ----------
    pattern
        The key, for the namespace `ml` and the model `credit`.
    type
        The Redis type.
    """

    pattern: str
    type: str


REDIS_KEYS = (
    RedisKey("ml:models", "SET"),
    RedisKey("ml:{credit}:versions", "SET"),
    RedisKey("ml:{credit}:windows", "SET"),
    RedisKey("ml:{credit}:segments:<version>", "SET"),
    RedisKey("ml:{credit}:features:<version>", "SET"),
    RedisKey("ml:{credit}:m:<version>:<window>", "HASH"),
    RedisKey("ml:{credit}:m:<version>:<window>@country=FR", "HASH"),
    RedisKey("ml:{credit}:f:<version>:<window>:<feature>", "HASH"),
    RedisKey("ml:{credit}:h:<version>:<window>:<feature>", "HASH"),
    RedisKey("ml:{credit}:ts:<version>:<window>", "STREAM"),
    RedisKey("ml:alerts:active", "SET"),
    RedisKey("ml:alert:<fingerprint>", "HASH"),
    RedisKey("ml:state:*", "private"),
    RedisKey("ml:updates:<model>", "channel"),
)
"""Every key of the contract."""


def encoded(name: str) -> str:
    """Percent-encode a name for use in a key.

    Raises
    ------
    UnicodeEncodeError
        For a lone surrogate, which no JSON decoder lets through.

    Examples
    --------
    >>> encoded("São Paulo/1")
    'S%C3%A3o%20Paulo%2F1'
    """
    return quote(name, safe="")


def models_key(namespace: str) -> str:
    """SET of model names."""
    return f"{namespace}:models"


def versions_key(namespace: str, model: str) -> str:
    """SET of the versions seen."""
    return f"{_of_model(namespace, model)}:versions"


def windows_key(namespace: str, model: str) -> str:
    """SET of window names."""
    return f"{_of_model(namespace, model)}:windows"


def segments_key(namespace: str, model: str, version: str) -> str:
    """SET of segments, such as ``country=FR``, not encoded."""
    return f"{_of_model(namespace, model)}:segments:{encoded(version)}"


def features_key(namespace: str, model: str, version: str) -> str:
    """SET of feature names, not encoded."""
    return f"{_of_model(namespace, model)}:features:{encoded(version)}"


def live_key(
    namespace: str, model: str, version: str, window: str, segment: str | None = None
) -> str:
    """HASH of the live window.

    Parameters
    ----------
    namespace, model, version, window
        Names, not encoded; the window's is canonical.
    segment
        ``name=value``; the name has no ``=``, and both parts are encoded apart from each other.

    Examples
    --------
    >>> live_key("ml", "credit", "3", "5m")
    'ml:{credit}:m:3:5m'
    >>> live_key("ml", "credit", "3", "5m", "tags.city=São Paulo")
    'ml:{credit}:m:3:5m@tags.city=S%C3%A3o%20Paulo'
    """
    key = f"{_of_model(namespace, model)}:m:{encoded(version)}:{window}"
    if segment is None:
        return key
    name, _, value = segment.partition("=")
    return f"{key}@{encoded(name)}={encoded(value)}"


def feature_key(namespace: str, model: str, version: str, window: str, feature: str) -> str:
    """HASH of one feature's figures."""
    return f"{_of_model(namespace, model)}:f:{encoded(version)}:{window}:{encoded(feature)}"


def histogram_key(namespace: str, model: str, version: str, window: str, feature: str) -> str:
    """HASH of one feature's histogram for drawing."""
    return f"{_of_model(namespace, model)}:h:{encoded(version)}:{window}:{encoded(feature)}"


def series_key(namespace: str, model: str, version: str, window: str) -> str:
    """STREAM of final windows."""
    return f"{_of_model(namespace, model)}:ts:{encoded(version)}:{window}"


def active_alerts_key(namespace: str) -> str:
    """SET of the fingerprints of active alerts."""
    return f"{namespace}:alerts:active"


def alert_key(namespace: str, fingerprint: str) -> str:
    """HASH of one alert event's fields."""
    return f"{namespace}:alert:{encoded(fingerprint)}"


def state_key(namespace: str, name: str) -> str:
    """Private state; `name` is the owner's own and not encoded."""
    return f"{namespace}:state:{name}"


def updates_channel(namespace: str, model: str) -> str:
    """Pub/sub channel that hints at changed keys."""
    return f"{namespace}:updates:{encoded(model)}"


def _of_model(namespace: str, model: str) -> str:
    return f"{namespace}:{{{encoded(model)}}}"
