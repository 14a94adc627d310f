"""Forget model versions that have had no traffic for longer than they are kept.

Their live keys expire by themselves; their panes, and the sets that list them, do not.
"""

from collections.abc import Callable, Iterable

import redis

from schemas import keys as public
from stream.state.client import RedisClient
from stream.state.keys import EVERY_VERSION, StateKeys, VersionId
from stream.state.store import Watermark

MS_PER_DAY = 86_400_000
_UNLINKED_AT_ONCE = 500


def quiet_since_ms(client: RedisClient, keys: StateKeys, version: VersionId) -> int | None:
    """Append time of a version's last record; None where nothing is known of it."""
    marks = [
        Watermark.parse(value.decode())
        for name, value in client.hgetall(keys.version(version)).items()
        if name.startswith(b"w:")
    ]
    return max((mark.append_ms for mark in marks), default=None)


def outdated_versions(
    client: RedisClient,
    namespace: str,
    retention_days: Callable[[VersionId], int],
    now_ms: int,
) -> list[VersionId]:
    """Model versions whose last record is older than their retention, by name."""
    keys = StateKeys(namespace)
    known = sorted(VersionId(*name.decode().split(" ")) for name in client.smembers(keys.versions))
    found = []
    for version in known:
        since_ms = quiet_since_ms(client, keys, version)
        if since_ms is not None and now_ms - since_ms > retention_days(version) * MS_PER_DAY:
            found.append(version)
    return found


def forget_version(client: RedisClient, namespace: str, version: VersionId) -> bool:
    """Delete a version's state and what users read of it, unless something is counted meanwhile.

    Counts change in the state's scripts only; here they are deleted, in one transaction that a
    commit, a roll or a claim of the version makes void.

    Returns
    -------
    Whether it was deleted; False where it changed meanwhile.
    """
    keys = StateKeys(namespace)
    meta = keys.version(version)
    shown = list(_shown(client, namespace, version))
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(meta, keys.panes(version))
        members = [member.decode() for member in pipe.zrange(keys.panes(version), 0, -1)]
        private = [keys.pane(version, member) for member in members]
        labelled = [member.decode() for member in pipe.zrange(keys.labelled(version), 0, -1)]
        private += [keys.label_pane(version, member) for member in labelled]
        private += [
            keys.labelled(version),
            keys.settled(version),
            keys.settled_until(version),
            keys.concept(version),
            meta,
            keys.panes(version),
            keys.sample(version),
            keys.fence(version),
            keys.decided(version),
        ]
        pipe.multi()
        doomed = [*private, *shown]
        for first in range(0, len(doomed), _UNLINKED_AT_ONCE):
            pipe.unlink(*doomed[first : first + _UNLINKED_AT_ONCE])
        pipe.srem(keys.versions, " ".join(version))
        pipe.srem(public.versions_key(namespace, version.model), version.version)
        try:
            pipe.execute()
        except redis.WatchError:
            return False
    if not client.scard(public.versions_key(namespace, version.model)):
        _forget_measured(client, keys, VersionId(version.model, EVERY_VERSION))
        client.srem(public.models_key(namespace), version.model)
        client.unlink(public.windows_key(namespace, version.model))
    return True


def _forget_measured(client: RedisClient, keys: StateKeys, every: VersionId) -> None:
    """Delete what was measured of a model alone."""
    members = [member.decode() for member in client.zrange(keys.labelled(every), 0, -1)]
    panes = [keys.label_pane(every, member) for member in members]
    client.unlink(keys.version(every), keys.labelled(every), *panes)


def _shown(client: RedisClient, namespace: str, version: VersionId) -> Iterable[str]:
    """Keys of what users read of a version."""
    features = public.features_key(namespace, *version)
    segments = public.segments_key(namespace, *version)
    windows = client.smembers(public.windows_key(namespace, version.model))
    names = [name.decode() for name in client.smembers(features)]
    of_segments = [name.decode() for name in client.smembers(segments)]
    for window in (raw.decode() for raw in windows):
        yield public.live_key(namespace, *version, window)
        yield public.series_key(namespace, *version, window)
        for segment in of_segments:
            yield public.live_key(namespace, *version, window, segment)
        for name in names:
            yield public.feature_key(namespace, *version, window, name)
            yield public.histogram_key(namespace, *version, window, name)
    yield features
    yield segments
