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

    def until(self, version: VersionId) -> dict[str, int]:
        """Windows that have reports here, and log clock, ms, until which they are kept."""
        found = self._client.zrange(self._keys.settled_until(version), 0, -1, withscores=True)
        return {name.decode(): int(until) for name, until in found}

    def forget(self, version: VersionId, clock_ms: int) -> None:
        """Delete the reports that no label can change any more."""
        until = self._keys.settled_until(version)
        gone = self._client.zrangebyscore(until, "-inf", f"({clock_ms}")
        if gone:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.hdel(self._keys.settled(version), *gone)
                pipe.zrem(until, *gone)
                pipe.execute()
