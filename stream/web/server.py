"""The HTTP server of the control plane, on aiohttp, in Faust's event loop."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from stream.settings import HttpSettings
from stream.web.guard import check_bind, make_guard

Health = Callable[[], tuple[bool, dict[str, Any]]]


class HttpServer:
    """Serves until :meth:`stop`.

    Parameters
    ----------
    http : where to listen, and the token
    health : asks every part; called in a thread
    metrics : what ``/metrics`` shows
    routes : what else there is (:mod:`stream.web.api`)
    """

    def __init__(
        self,
        http: HttpSettings,
        health: Health,
        metrics: CollectorRegistry,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        check_bind(http)
        self._routes = tuple(routes)
        self._http = http
        self._health = health
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        OSError
            When the port is taken.
        """
        app = web.Application(middlewares=[make_guard(self._http)])
        app.router.add_get("/health", self._get_health)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._http.host, self._http.port).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _get_health(self, _request: web.Request) -> web.Response:
        ok, parts = await asyncio.to_thread(self._health)
        body = orjson.dumps({"ok": ok, "parts": parts})
        return web.Response(body=body, status=200 if ok else 503, content_type="application/json")

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        text = await asyncio.to_thread(generate_latest, self._metrics)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
