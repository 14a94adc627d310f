"""The Redis read model: what ``redis-cli HGETALL`` shows."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec
import redis

from schemas import keys
from schemas.metrics import WindowReport
from stream.state.keys import StateKeys, VersionId

SECONDS_PER_DAY = 86_400


def redis_text(value: bool | float | str) -> str:
    """Write a value as a JSON number, ``true`` or ``false``; strings are bare."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class ReadModel:
    """Writes windows for users to read; a write never takes a window back in time."""

    def __init__(self, client: "redis.Redis[Any]", namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._state = StateKeys(namespace)
        script = resources.files("stream.state") / "scripts" / "view.lua"
        self._view = client.register_script(script.read_text("utf-8"))

    def announce(self, version: VersionId, windows: list[str], features: list[str]) -> None:
        """Add a model version to the sets that list what there is."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.sadd(keys.models_key(self._namespace), version.model)
            pipe.sadd(keys.versions_key(self._namespace, version.model), version.version)
            pipe.sadd(keys.windows_key(self._namespace, version.model), *windows)
            if features:
                pipe.sadd(keys.features_key(self._namespace, *version), *features)
            pipe.execute()

    def show_live(
        self, report: WindowReport, extra: Mapping[str, int], now_ms: int, retention_days: int
    ) -> None:
        """Replace the live window by this report.

        Parameters
        ----------
        report : of the newest open window
        extra : further fields, such as ``watermark``
        now_ms : when it was computed
        retention_days : the keys expire after so long without traffic
        """
        names = (self._namespace, report.model_name, report.model_version, report.window.name)
        used = [keys.live_key(*names)]
        below = []
        for feature, figures in report.features.items():
            used.append(keys.feature_key(*names, feature))
            below.append([len(used), _fields(figures)])
        fields = _report_fields(report) + _fields({**extra, "updated_at": now_ms})
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

    def record_final(self, report: WindowReport, now_ms: int) -> None:
        """Append a final window, or its revision, to the series, and remember it as reported."""
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
            ],
        }
        used = [keys.series_key(*names), self._state.fence(version)]
        self._view(keys=used, args=[msgspec.msgpack.encode(plan)])


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


def _fields(values: Mapping[str, bool | float | str]) -> list[str]:
    return [text for name, value in values.items() for text in (name, redis_text(value))]
