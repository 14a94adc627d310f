"""A baseline learned from traffic, for a model version that nobody gave one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from schemas.baselines import Baseline
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.ingest.sample import SampledEvent
from stream.settings import BaselineSettings
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId
from stream.window.panes import ceil_to

AHEAD_MS = 30_000
"""The baseline takes effect so far after the newest event, so that workers know it in time."""

Publish = Callable[[Baseline, int], None]

log = structlog.get_logger("provisional")

_rows = msgspec.json.Decoder(SampledEvent)
_TIMESTAMP, _PREDICTION, _PROBABILITY = "\0timestamp", "\0prediction", "\0probability"
_ROLES = {"timestamp": _TIMESTAMP, "prediction": _PREDICTION, "probability": _PROBABILITY}


@dataclass(frozen=True, slots=True)
class Missing:
    """What a version still needs before it gets a provisional baseline."""

    events: int
    span_ms: int


class Learner:
    """Turns a version's sample into its baseline, once.

    Parameters
    ----------
    settings : how many events, and over how long
    publish : publishes a baseline and its activation; afterwards it is read, never learned again
    """

    def __init__(
        self,
        settings: BaselineSettings,
        client: RedisClient,
        keys: StateKeys,
        publish: Publish,
    ) -> None:
        self._settings = settings
        self._client = client
        self._keys = keys
        self._publish = publish
        self._oldest_ms: dict[VersionId, int] = {}
        self._published: set[VersionId] = set()

    def consider(self, version: VersionId, newest_ms: int, tier_ms: int) -> Missing:
        """Publish a baseline where there is enough traffic; says what is missing where not."""
        key = self._keys.sample(version)
        events = max(0, self._settings.events_min - int(self._client.zcard(key)))
        if events or version in self._published:
            return Missing(events, 0)
        if version not in self._oldest_ms:
            sample = self._sample(key)
            self._oldest_ms[version] = min(row.time_ms for row in sample)
        span_ms = self._settings.span_ms_min - (newest_ms - self._oldest_ms[version])
        if span_ms > 0:
            return Missing(0, span_ms)
        self._learn(version, self._sample(key), ceil_to(newest_ms + AHEAD_MS, tier_ms))
        return Missing(0, 0)

    def _sample(self, key: str) -> list[SampledEvent]:
        return [_rows.decode(row) for row in self._client.zrange(key, 0, -1)]

    def _learn(self, version: VersionId, sample: list[SampledEvent], from_ms: int) -> None:
        try:
            baseline = build_baseline(
                columns_of(sample),
                model_name=version.model,
                model_version=version.version,
                roles=_ROLES,
                provisional=True,
            )
        except BaselineError as error:
            log.warning("no_baseline", version=" ".join(version), why=str(error))
            self._published.add(version)
            return
        self._publish(baseline, from_ms)
        self._published.add(version)
        self._client.unlink(self._keys.sample(version))
        log.info("baseline_learned", version=" ".join(version), rows=baseline.rows)


def columns_of(sample: Sequence[SampledEvent]) -> dict[str, list[Any]]:
    """Columns of the sample, by feature; values of another kind than most become missing."""
    ordered = sorted(sample, key=lambda row: (row.time_ms, row.request_id))
    names = sorted({name for row in ordered for name in row.features})
    columns = {name: one_kind([row.features.get(name) for row in ordered]) for name in names}
    columns = {name: values for name, values in columns.items() if any(_there(values))}
    columns[_TIMESTAMP] = [row.time_ms for row in ordered]
    columns[_PREDICTION] = one_kind([row.prediction for row in ordered])
    if any(row.probability is not None for row in ordered):
        columns[_PROBABILITY] = [row.probability for row in ordered]
    return columns


def _there(values: Sequence[Any]) -> list[bool]:
    return [value is not None for value in values]


def one_kind(values: Sequence[Any]) -> list[Any]:
    """Keep the values of the most frequent kind (number, string, boolean), the others as None.

    Examples
    --------
    >>> one_kind([1, 2.5, "x", None])
    [1.0, 2.5, None, None]
    """
    kinds = [_kind(value) for value in values]
    present = [kind for kind in kinds if kind is not None]
    if not present:
        return [None] * len(values)
    most = max(sorted(set(present)), key=present.count)
    return [
        (float(value) if most == "number" else value) if kind == most else None
        for value, kind in zip(values, kinds, strict=True)
    ]


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
