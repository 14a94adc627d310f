"""A baseline learned from traffic, for a model version that nobody gave one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from schemas.baselines import Baseline, BaselineOrigin
from schemas.models import ModelConfig
from stream.baseline.build import build_baseline
from stream.baseline.columns import DIMENSIONS_MIN
from stream.baseline.errors import BaselineError
from stream.baseline.features import MAGNITUDE_MAX
from stream.descriptors.embedding import DIMENSIONS_MAX
from stream.ingest.sample import SampledEvent
from stream.settings import Settings
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId

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
    """Turns the sample of a version into its baseline.

    Parameters
    ----------
    settings : how many events, over how long, of how many features
    client : Redis, where workers keep the samples
    """

    def __init__(self, settings: Settings, client: RedisClient) -> None:
        self._settings = settings
        self._client = client
        self._keys = StateKeys(settings.namespace)
        self._oldest_ms: dict[VersionId, int] = {}
        self._unusable: set[VersionId] = set()

    def learn(self, version: VersionId, config: ModelConfig, newest_ms: int) -> Baseline | Missing:
        """Make the baseline where there is enough traffic, else say what is missing.

        Parameters
        ----------
        version : whose sample
        config : says of what kind features are
        newest_ms : newest event time
        """
        options = self._settings.provisional
        key = self._keys.sample(version)
        events = max(0, options.events_min - int(self._client.zcard(key)))
        if events or version in self._unusable:
            return Missing(events, 0)
        if version not in self._oldest_ms:
            self._oldest_ms[version] = min(row.time_ms for row in self._sample(key))
        span_ms = options.span_ms_min - (newest_ms - self._oldest_ms[version])
        if span_ms > 0:
            return Missing(0, span_ms)
        features_max = self._settings.bounds.features_max
        try:
            return provisional_baseline(self._sample(key), version, config, features_max)
        except BaselineError as error:
            log.warning("no_baseline", version=" ".join(version), why=str(error))
            self._unusable.add(version)
            return Missing(0, 0)

    def forget(self, version: VersionId) -> None:
        """Delete a version's sample: it has a baseline, and needs to learn none."""
        self._client.unlink(self._keys.sample(version))
        self._oldest_ms.pop(version, None)

    def _sample(self, key: str) -> list[SampledEvent]:
        return [_rows.decode(row) for row in self._client.zrange(key, 0, -1)]


def provisional_baseline(
    sample: Sequence[SampledEvent],
    version: VersionId,
    config: ModelConfig,
    features_max: int,
) -> Baseline:
    """Make a baseline of sampled events; the configuration says what features are.

    Raises
    ------
    BaselineError
        When none can be made of them.
    """
    baseline = build_baseline(
        columns_of(sample),
        model_name=version.model,
        model_version=version.version,
        roles=_ROLES,
        kinds={name: of.kind for name, of in config.features.items() if of.kind is not None},
        features_max=features_max,
        provisional=True,
        segments=config.segments,
    )
    return msgspec.structs.replace(baseline, origin=BaselineOrigin.PROVISIONAL)


def columns_of(sample: Sequence[SampledEvent]) -> dict[str, list[Any]]:
    """Columns of the sample, by feature; values of another kind than most become missing."""
    ordered = sorted(sample, key=lambda row: (row.time_ms, row.request_id))
    names = sorted({name for row in ordered for name in row.features})
    columns = {name: one_kind([row.features.get(name) for row in ordered]) for name in names}
    columns = {name: values for name, values in columns.items() if _tells(values)}
    columns[_TIMESTAMP] = [row.time_ms for row in ordered]
    columns[_PREDICTION] = one_kind([row.prediction for row in ordered])
    columns[_PROBABILITY] = [row.probability for row in ordered]
    return columns


def _tells(values: Sequence[Any]) -> bool:
    """Whether there is any value; of arrays that are all empty nobody knows what they hold."""
    return any(value is not None and value != [] for value in values)


def one_kind(values: Sequence[Any]) -> list[Any]:
    """Keep the values of the most frequent kind, the others as None.

    Kinds are number, string, boolean, set (an array of strings) and vectors of each length. Numbers
    that no baseline can hold, of which one event must not keep a model from its baseline, are none.

    Examples
    --------
    >>> one_kind([1, 2.5, "x", None])
    [1.0, 2.5, None, None]
    >>> one_kind([[1, 2], [0.5, 3], [1, 2, 3]])
    [[1, 2], [0.5, 3], None]
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
    if isinstance(value, list):
        return _kind_of_array(value)
    if isinstance(value, str):
        return "string"
    return "number" if abs(value) <= MAGNITUDE_MAX else None


def _kind_of_array(values: Sequence[Any]) -> str | None:
    if all(isinstance(value, str) for value in values):
        return "set"
    if not DIMENSIONS_MIN <= len(values) <= DIMENSIONS_MAX:
        return None
    numbers = [value for value in values if value is not None]
    if any(isinstance(value, str) or abs(value) > MAGNITUDE_MAX for value in numbers):
        return None
    return f"vector of {len(values)}"
