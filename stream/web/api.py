"""The query API: what commands print as JSON, over HTTP.

Every answer is a JSON document; what can't be answered is ``{"error": "<one sentence>"}``.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import redis
from aiohttp import web

from stream.reading.drift_check import check_drift
from stream.reading.errors import ReadingError
from stream.reading.reader import WindowReader
from stream.reading.times import moment_ms
from stream.reading.wording import document

WINDOW_DEFAULT = "1d"
AT_ONCE_MAX = 2
"""Checks computed at the same time; others wait. Rollups share the processor."""
_PARAMETERS = frozenset({"window", "end"})


class DriftApi:
    """``GET /api/v1/models/{model}/{version}/drift?window=&end=``.

    Parameters
    ----------
    reader : of windows
    now_ms : wall clock, for times such as `1h` ago
    """

    def __init__(self, reader: WindowReader, now_ms: Callable[[], int]) -> None:
        self._reader = reader
        self._now_ms = now_ms
        self._free = asyncio.Semaphore(AT_ONCE_MAX)

    def routes(self) -> list[web.RouteDef]:
        """What the server has to serve."""
        return [web.get("/api/v1/models/{model}/{version}/drift", self._get_drift)]

    async def _get_drift(self, request: web.Request) -> web.Response:
        given = request.query
        unknown = sorted(set(given) - _PARAMETERS)
        if unknown:
            return _error(400, f"{unknown[0]!r} is no parameter of drift: there are window and end")
        window, end = given.get("window", WINDOW_DEFAULT), given.get("end")
        model, version = request.match_info["model"], request.match_info["version"]
        try:
            async with self._free:
                found = await asyncio.to_thread(self._check, model, version, window, end)
        except ReadingError as error:
            return _error(404, str(error))
        except _ParameterError as error:
            return _error(400, str(error))
        except redis.RedisError as error:
            return _error(503, f"Redis does not answer ({error}): try again")
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    def _check(self, model: str, version: str, window: str, end: str | None) -> dict[str, Any]:
        reader = self._reader
        of = reader.one_version(model, version)
        try:
            end_ms = None if end is None else moment_ms(end, self._now_ms())
            spec = reader.spec(of, window)
        except ValueError as error:
            raise _ParameterError(str(error)) from error
        return document(check_drift(reader.read(of, spec, end_ms), reader.concept(of)))


class _ParameterError(Exception):
    """A parameter is no window or no time; the message says so."""


def _error(status: int, sentence: str) -> web.Response:
    body = orjson.dumps({"error": sentence})
    return web.Response(body=body, status=status, content_type="application/json")
