"""Read what Redis says of all models: a few round trips, whatever their number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas import keys
from schemas.durations import parse_duration_ms
from stream.state.client import RedisClient
from stream.state.keys import VersionId

VERSIONS_MAX = 100
"""Far more than a screen holds."""
FEATURES_MAX = 1_000
"""The default bound of features of a model."""
ALERTS_MAX = 50

# Of these, the distances and the decision; one HMGET a feature.
_FEATURE_FIELDS = ("drifted", "effect", "psi", "drift_q_value")

DAY_MS = 86_400_000

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WindowView:
    """The live window of one size, its figures by name."""

    name: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FeatureView:
    """One feature: whether it drifted (None while nothing was decided), and how far."""

    name: str
    drifted: bool | None
    effect: float | None
    psi: float | None


@dataclass(frozen=True, slots=True)
class Learning:
    """What traffic still has to bring before it becomes a provisional baseline."""

    events_missing: int
    span_missing_ms: int


@dataclass(frozen=True, slots=True)
class VersionView:
    """A model version.

    Attributes
    ----------
    windows
        Shortest first.
    features
        Most drifted first.
    learning
        None once there is a baseline.
    """

    model: str
    version: str
    windows: tuple[WindowView, ...]
    features: tuple[FeatureView, ...]
    learning: Learning | None

    @property
    def drifted(self) -> list[str]:
        """Names of the drifted features, most drifted first."""
        return [feature.name for feature in self.features if feature.drifted]

    def newest(self, name: str) -> Any:
        """Return a figure of the shortest window that has it."""
        found = (window.figures[name] for window in self.windows if name in window.figures)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Overview:
    """All models at one moment.

    Attributes
    ----------
    alerts
        Fields of the active alerts, worst first.
    more
        Model versions there are beyond `VERSIONS_MAX`.
    """

    versions: tuple[VersionView, ...]
    alerts: tuple[Mapping[str, Any], ...]
    more: int = 0


def parse_value(text: str) -> Any:
    """Read a value of the read model: a JSON number, true or false; else the text itself.

    Examples
    --------
    >>> parse_value("0.5"), parse_value("true"), parse_value("FR")
    (0.5, True, 'FR')
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def parse_hash(fields: Mapping[str, str]) -> Figures:
    """Read all values of a hash."""
    return {name: parse_value(text) for name, text in fields.items()}


def read_overview(
    client: RedisClient, namespace: str, model: str | None = None, version: str | None = None
) -> Overview:
    """Read everything the live view shows.

    Parameters
    ----------
    client
        Redis, answering in text (``decode_responses=True``).
    namespace
        Of the keys.
    model, version
        Only these.
    """
    found = _versions(client, namespace, model, version)
    shown, more = found[:VERSIONS_MAX], max(0, len(found) - VERSIONS_MAX)
    windows = _windows(client, namespace, shown)
    features = _features(client, namespace, windows)
    views = tuple(
        VersionView(*of, windows[of], features[of], _learning(windows[of]))
        for of in shown
        if windows[of]
    )
    return Overview(views, _alerts(client, namespace, model), more)


def _versions(
    client: RedisClient, namespace: str, model: str | None, version: str | None
) -> list[VersionId]:
    models = sorted(client.smembers(keys.models_key(namespace)))
    wanted = [name for name in models if model in {None, name}]
    with client.pipeline(transaction=False) as pipe:
        for name in wanted:
            pipe.smembers(keys.versions_key(namespace, name))
        found = pipe.execute()
    return [
        VersionId(name, of)
        for name, versions in zip(wanted, found, strict=True)
        for of in sorted(versions, key=_natural)
        if version in {None, of}
    ]


def _natural(name: str) -> tuple[int, int, str]:
    """Order 2 before 10."""
    return (0, int(name), "") if name.isascii() and name.isdigit() else (1, 0, name)


def _windows(
    client: RedisClient, namespace: str, versions: Sequence[VersionId]
) -> dict[VersionId, tuple[WindowView, ...]]:
    models = sorted({of.model for of in versions})
    with client.pipeline(transaction=False) as pipe:
        for name in models:
            pipe.smembers(keys.windows_key(namespace, name))
        sizes = dict(zip(models, map(_by_size, pipe.execute()), strict=True))
        for of in versions:
            for window in sizes[of.model]:
                pipe.hgetall(keys.live_key(namespace, *of, window))
        hashes: Iterator[dict[str, str]] = iter(pipe.execute())
    return {
        of: tuple(
            WindowView(window, parse_hash(fields))
            for window in sizes[of.model]
            if (fields := next(hashes))
        )
        for of in versions
    }


def _by_size(windows: Iterable[str]) -> list[str]:
    def size(name: str) -> int:
        try:
            return parse_duration_ms(name)
        except ValueError:
            return 0

    return sorted((name for name in windows if size(name)), key=size)


def drift_window(windows: Sequence[WindowView]) -> WindowView | None:
    """Return the window whose distances order the drifted features: a day's, if there is one.

    Decisions are the same in all windows; the longest would still show last week's distances.
    """
    fitting = [window for window in windows if parse_duration_ms(window.name) <= DAY_MS]
    return fitting[-1] if fitting else windows[0] if windows else None


def _features(
    client: RedisClient, namespace: str, windows: Mapping[VersionId, tuple[WindowView, ...]]
) -> dict[VersionId, tuple[FeatureView, ...]]:
    with client.pipeline(transaction=False) as pipe:
        for of in windows:
            pipe.smembers(keys.features_key(namespace, *of))
        names = [sorted(found)[:FEATURES_MAX] for found in pipe.execute()]
        for of, features in zip(windows, names, strict=True):
            window = drift_window(windows[of])
            for feature in features:
                name = window.name if window else "1d"
                pipe.hmget(keys.feature_key(namespace, *of, name, feature), *_FEATURE_FIELDS)
        rows = iter(pipe.execute())
    out = {}
    for of, features in zip(windows, names, strict=True):
        views = [_feature(feature, next(rows)) for feature in features]
        out[of] = tuple(sorted(views, key=_drift_order))
    return out


def _feature(name: str, row: Sequence[str | None]) -> FeatureView:
    drifted, effect, psi, _ = (None if text is None else parse_value(text) for text in row)
    return FeatureView(name, drifted, effect, psi)


def _drift_order(feature: FeatureView) -> tuple[bool, float, float, str]:
    return (not feature.drifted, -(feature.effect or 0.0), -(feature.psi or 0.0), feature.name)


def _learning(windows: Sequence[WindowView]) -> Learning | None:
    """Return what is missing until a baseline, which all windows say alike."""
    for window in windows:
        if "baseline_events_missing" in window.figures:
            figures = window.figures
            span = figures.get("baseline_span_missing_ms", 0)
            return Learning(int(figures["baseline_events_missing"]), int(span))
    return None


_SEVERITIES = ("critical", "error", "warning", "info")


def _alerts(
    client: RedisClient, namespace: str, model: str | None
) -> tuple[Mapping[str, Any], ...]:
    active = sorted(client.smembers(keys.active_alerts_key(namespace)))[:ALERTS_MAX]
    with client.pipeline(transaction=False) as pipe:
        for fingerprint in active:
            pipe.hgetall(keys.alert_key(namespace, fingerprint))
        found = [parse_hash(fields) for fields in pipe.execute() if fields]
    kept = [alert for alert in found if model in {None, _labels(alert).get("model_name")}]
    return tuple(sorted(kept, key=_alert_order))


def _labels(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    labels = alert.get("labels")
    return labels if isinstance(labels, Mapping) else {}


def _alert_order(alert: Mapping[str, Any]) -> tuple[int, str]:
    severity = str(alert.get("severity"))
    place = _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)
    return place, str(alert.get("rule"))
