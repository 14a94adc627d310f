"""The Redis read model: what ``redis-cli HGETALL`` shows."""

from collections.abc import Mapping, Sequence
from importlib import resources

import msgspec

from schemas import keys
from schemas.metrics import WindowReport
from stream.rollup.histogram import Histogram
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId

SECONDS_PER_DAY = 86_400


def redis_text(value: bool | float | str) -> str:
    """Write a value as a JSON number, ``true`` or ``false``; strings are bare."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Decided(msgspec.Struct, frozen=True):
    """Decisions of the last decision window, shown in every live window.

    ``since`` is, of each feature that drifted, the start of the first of the decision windows in
    which it did, one after another up to this one.
    """

    window_end: int
    metrics: dict[str, bool | int | float]
    features: dict[str, dict[str, bool | int | float]]
    since: dict[str, int] = {}


DECISION_METRICS = (
    "drift_share",
    "drifted_features",
    "prediction_drifted",
    "prediction_drifted_alone",
    "prediction_drift_q_value",
    "probability_drift_q_value",
)
DECISION_FIGURES = ("drifted", "drift_q_value", "min_detectable_shift")


def decisions_of(report: WindowReport, before: Decided | None = None) -> Decided | None:
    """Decisions that a report carries; None where it does not decide.

    ``before`` are those of the last window that was decided, or of this one.
    """
    metrics = {name: report.metrics[name] for name in DECISION_METRICS if name in report.metrics}
    if not metrics:
        return None
    features = {
        feature: {name: figures[name] for name in DECISION_FIGURES if name in figures}
        for feature, figures in report.features.items()
    }
    known = {} if before is None else before.since
    since = {
        feature: known.get(feature, report.window.start)
        for feature, figures in features.items()
        if figures.get("drifted") is True
    }
    content = {"window_end": report.window.end, "metrics": metrics, "features": features}
    return msgspec.convert(content | {"since": since}, Decided)


def stored_decisions(value: bytes) -> Decided:
    """Read decisions as they are stored."""
    return msgspec.json.decode(value.partition(b" ")[2], type=Decided)


class ReadModel:
    """Writes windows for users to read; a write never takes a window back in time."""

    def __init__(self, client: RedisClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._state = StateKeys(namespace)
        script = resources.files("stream.state") / "scripts" / "view.lua"
        self._view = client.register_script(script.read_text("utf-8"))

    def announce(
        self, version: VersionId, windows: list[str], features: set[str], segments: set[str]
    ) -> None:
        """Add a model version to the sets that list what there is.

        Features that no live window has any more leave, with their keys.
        """
        listed = keys.features_key(self._namespace, *version)
        gone = {name.decode() for name in self._client.smembers(listed)} - features
        with self._client.pipeline(transaction=True) as pipe:
            pipe.sadd(keys.models_key(self._namespace), version.model)
            pipe.sadd(keys.versions_key(self._namespace, version.model), version.version)
            pipe.sadd(keys.windows_key(self._namespace, version.model), *windows)
            if features:
                pipe.sadd(listed, *features)
            if segments:
                pipe.sadd(keys.segments_key(self._namespace, *version), *segments)
            for name in gone:
                pipe.srem(listed, name)
                for window in windows:
                    pipe.unlink(keys.feature_key(self._namespace, *version, window, name))
                    pipe.unlink(keys.histogram_key(self._namespace, *version, window, name))
            pipe.execute()

    def decided(self, version: VersionId) -> Decided | None:
        """What the last decision window decided."""
        stored = self._client.get(self._state.decided(version))
        if stored is None:
            return None
        return stored_decisions(stored)

    def show_live(
        self,
        report: WindowReport,
        bars: Mapping[str, Histogram],
        extra: Mapping[str, bool | float],
        decided: Decided | None,
        now_ms: int,
        retention_days: int,
    ) -> None:
        """Replace the live window by this report.

        Parameters
        ----------
        report : of the newest open window
        bars : histograms of its features
        extra : further fields, such as ``watermark``
        decided : the last decisions, which are shown beside the live figures
        now_ms : when it was computed
        retention_days : the keys expire after so long without traffic
        """
        names = (self._namespace, report.model_name, report.model_version, report.window.name)
        used = [keys.live_key(*names, report.segment)]
        below = []
        # A segment has its figures on `ml.metrics`; the contract gives it no keys for features.
        features = report.features if report.segment is None else {}
        for feature, figures in features.items():
            used.append(keys.feature_key(*names, feature))
            last = decided.features.get(feature, {}) if decided else {}
            below.append([len(used), _fields({**figures, **last})])
        for feature, histogram in bars.items():
            used.append(keys.histogram_key(*names, feature))
            below.append([len(used), _histogram_fields(histogram)])
        fields = _report_fields(report) + _fields({**extra, "updated_at": now_ms})
        if decided is not None and report.segment is None:
            fields += _fields({**decided.metrics, "decided_window_end": decided.window_end})
        plan = {
            "live": [1, report.window.end, report.revision, fields, below],
            "final": False,
        }
        if self._view(keys=used, args=[msgspec.msgpack.encode(plan)]):
            with self._client.pipeline(transaction=False) as pipe:
                for key in used:
                    pipe.expire(key, retention_days * SECONDS_PER_DAY)
                pipe.publish(
                    keys.updates_channel(self._namespace, report.model_name),
                    f"{report.model_version} {report.window.name}",
                )
                pipe.execute()

    def record_finals(self, reports: Sequence[WindowReport], now_ms: int) -> None:
        """Append final windows, or revisions, to their series, and remember them as reported."""
        decided: dict[VersionId, Decided | None] = {}
        with self._client.pipeline(transaction=False) as pipe:
            for report in reports:
                if report.segment is None:
                    version = VersionId(report.model_name, report.model_version)
                    if version not in decided:
                        decided[version] = self.decided(version)
                    before = decided[version]
                    made = decisions_of(report, before)
                    if made and (before is None or made.window_end >= before.window_end):
                        decided[version] = made
                    self._record_final(pipe, report, made, now_ms)
            pipe.execute()

    def _record_final(
        self, pipe: RedisClient, report: WindowReport, decided: Decided | None, now_ms: int
    ) -> None:
        names = (self._namespace, report.model_name, report.model_version, report.window.name)
        version = VersionId(report.model_name, report.model_version)
        plan = {
            "live": False,
            "final": [
                1,
                2,
                f"{report.window.name}:{report.window.end}",
                report.revision,
                now_ms,
                keys.SERIES_ENTRIES_MAX,
                _report_fields(report),
                3,
                msgspec.json.encode(decided).decode() if decided else False,
                report.window.end,
            ],
        }
        used = [keys.series_key(*names), self._state.fence(version), self._state.decided(version)]
        self._view(keys=used, args=[msgspec.msgpack.encode(plan)], client=pipe)


def _report_fields(report: WindowReport) -> list[str]:
    return _fields(
        {
            "window_start": report.window.start,
            "window_end": report.window.end,
            "revision": report.revision,
            "complete": report.complete,
            "exact": report.exact,
            "count": report.count,
            "label_count": report.label_count,
            **report.metrics,
        }
    )


def _histogram_fields(histogram: Histogram) -> list[str]:
    values = (histogram.edges, histogram.counts, histogram.baseline)
    texts = [msgspec.json.encode(value).decode() for value in values]
    return [text for pair in zip(keys.HISTOGRAM_FIELDS, texts, strict=True) for text in pair]


def _fields(values: Mapping[str, bool | float | str]) -> list[str]:
    return [text for name, value in values.items() for text in (name, redis_text(value))]
