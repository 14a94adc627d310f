"""Who may ask: loopback names only, or anyone with the token.

Without a token the server listens on loopback, where any web page in the user's browser could still
reach it; so the Host must be a loopback name and an Origin, where there is one, the server's own.
"""

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from stream.settings import HttpSettings, SettingsError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/health"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def check_bind(http: HttpSettings) -> None:
    """Refuse to listen beyond loopback without a token.

    Raises
    ------
    SettingsError
        When ``http.host`` is not loopback and ``http.token`` is not set.
    """
    if http.token is None and http.host not in LOOPBACK_NAMES:
        raise SettingsError(
            f"http.host = {http.host!r} would be open to the network: set http.token, "
            "or bind to 127.0.0.1"
        )


def make_guard(http: HttpSettings) -> Middleware:
    """Middleware that answers 401 or 403 to requests that may not pass."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN_PATHS:
            if http.token is not None:
                given = request.headers.get("Authorization", "").removeprefix("Bearer ")
                if not hmac.compare_digest(given.encode(), http.token.encode()):
                    raise web.HTTPUnauthorized(
                        text="send the header `Authorization: Bearer <http.token>`\n",
                        headers={"WWW-Authenticate": "Bearer"},
                    )
            elif _host_name(request.host) not in LOOPBACK_NAMES:
                raise web.HTTPForbidden(text=f"Host {request.host!r} is not loopback\n")
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).netloc != request.host:
                raise web.HTTPForbidden(text=f"Origin {origin!r} is another site\n")
        return await handler(request)

    return guard


def _host_name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""
