"""Reports that labels may still change, kept while their panes no longer are.

A late label changes the performance figures of a window and nothing else. So what a window's report
said before its labels is kept, compressed, for as long as one may come: some KB, where its panes
would take ten times as much.
"""

import zlib
from collections.abc import Sequence

import msgspec

from schemas.metrics import WindowReport
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId

_LEVEL = 6
_decoder = msgspec.json.Decoder(list[WindowReport])


class SettledReports:
    """Reports before their labels, by window."""

    def __init__(self, client: RedisClient, keys: StateKeys) -> None:
        self._client = client
        self._keys = keys

    def put(
        self, version: VersionId, window: str, reports: Sequence[WindowReport], until_ms: int
    ) -> None:
        """Keep the reports of a window, ``<window>:<end>``, until the log's clock says so, ms."""
        value = zlib.compress(msgspec.json.encode(reports), _LEVEL)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(self._keys.settled(version), window, value)
            pipe.zadd(self._keys.settled_until(version), {window: until_ms})
            pipe.execute()

    def get(self, version: VersionId, window: str) -> list[WindowReport]:
        """Reports of a window; none where none are kept."""
        value = self._client.hget(self._keys.settled(version), window)
        return [] if value is None else _decoder.decode(zlib.decompress(value))

    def kept(self, version: VersionId) -> set[str]:
        """Windows that have reports here."""
        names = self._client.zrange(self._keys.settled_until(version), 0, -1)
        return {name.decode() for name in names}

    def until(self, version: VersionId, windows: Sequence[str]) -> dict[str, int]:
        """Log clock, ms, until which the reports of these windows are kept, of those that are."""
        if not windows:
            return {}
        found = self._client.zmscore(self._keys.settled_until(version), windows)
        return {
            name: int(until)
            for name, until in zip(windows, found, strict=True)
            if until is not None
        }

    def forget(self, version: VersionId, clock_ms: int) -> None:
        """Delete the reports that no label can change any more."""
        until = self._keys.settled_until(version)
        gone = self._client.zrangebyscore(until, "-inf", f"({clock_ms}")
        if gone:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.hdel(self._keys.settled(version), *gone)
                pipe.zrem(until, *gone)
                pipe.execute()
