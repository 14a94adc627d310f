"""What the data plane left in Redis about time: log clocks and newest events, in append time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from schemas.metrics import WindowReport
from stream.alerting.checks import Look, Usual
from stream.alerting.keys import AlertKeys
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId
from stream.state.store import Watermark

_WATERMARK = b"w:"
_LABELS = b"labels_append"


@dataclass(frozen=True, slots=True)
class NewestInput:
    """Append times of the newest records that count for a model version, ms.

    Attributes
    ----------
    events_ms : of its events; None where none is known
    labels_ms : of labels that changed its figures; None where none did
    """

    events_ms: int | None
    labels_ms: int | None

    def is_stale(self, now_ms: int, fresh_ms: int, *, of_labels: bool) -> bool:
        """Whether figures rest on old input alone; not where nothing is known of it.

        Parameters
        ----------
        now_ms : wall clock
        fresh_ms : how old input may be
        of_labels : whether the figures change with labels, too
        """
        known = (self.events_ms, self.labels_ms if of_labels else None)
        times = [at_ms for at_ms in known if at_ms is not None]
        return bool(times) and now_ms - max(times) > fresh_ms


def newest_input(client: RedisClient, namespace: str, report: WindowReport) -> NewestInput:
    """Read the append times of the newest records of a report's model version."""
    version = VersionId(report.model_name, report.model_version)
    meta = client.hgetall(StateKeys(namespace).version(version))
    labels = meta.get(_LABELS)
    return NewestInput(
        events_ms=max(_append_times(meta), default=None),
        labels_ms=None if labels is None else int(labels),
    )


def look_at(client: RedisClient, namespace: str, now_ms: int) -> tuple[Look, dict[str, Usual]]:
    """Read everything the checks look at, and what was usual so far, by model."""
    keys = StateKeys(namespace)
    with client.pipeline(transaction=True) as pipe:
        pipe.hgetall(keys.clocks)
        pipe.smembers(keys.versions)
        pipe.hgetall(AlertKeys(namespace).usual)
        clocks, members, raw_usual = pipe.execute()
    versions = [VersionId(*member.decode().split(" ", 1)) for member in members]
    with client.pipeline(transaction=False) as pipe:
        for version in versions:
            pipe.hgetall(keys.version(version))
        metas = pipe.execute()
    look = Look(
        now_ms=now_ms,
        clocks={name.decode(): int(value) for name, value in clocks.items()},
        newest=_newest(zip(versions, metas, strict=True)),
    )
    usual = {
        name.decode(): msgspec.json.decode(value, type=Usual) for name, value in raw_usual.items()
    }
    return look, usual


def _newest(versions: Iterable[tuple[VersionId, Mapping[bytes, bytes]]]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for version, meta in versions:
        for append_ms in _append_times(meta):
            newest[version.model] = max(append_ms, newest.get(version.model, 0))
    return newest


def _append_times(meta: Mapping[bytes, bytes]) -> list[int]:
    return [
        Watermark.parse(value.decode()).append_ms
        for name, value in meta.items()
        if name.startswith(_WATERMARK)
    ]
