"""What the data plane left in Redis about time: log clocks and newest events, in append time."""

from collections.abc import Iterable, Mapping

import msgspec

from schemas.metrics import WindowReport
from stream.alerting.checks import Look, Usual
from stream.alerting.keys import AlertKeys
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId
from stream.state.store import Watermark

_WATERMARK = b"w:"


def append_times(client: RedisClient, namespace: str, report: WindowReport) -> list[int]:
    """Append times of the newest records of a report's model version, one a partition, ms."""
    version = VersionId(report.model_name, report.model_version)
    return _append_times(client.hgetall(StateKeys(namespace).version(version)))


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
