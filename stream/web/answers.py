"""What the routes of the API have in common: JSON answers, bounded bodies, who asks."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

USER_HEADER = "X-Streamgauge-User"
"""Says who makes a change, where a gateway or a script knows; it is not proven."""
USER_DEFAULT = "http"
USER_CHARACTERS_MAX = 200
HEEDED_S = 5.0
"""Far above what it takes to heed what was published."""
_POLL_S = 0.05


class RequestError(Exception):
    """A request that can't be answered: its status, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    def answer(self) -> web.Response:
        """Return the answer."""
        return error_answer(self.status, str(self))


def answer(status: int, document: Any) -> web.Response:
    """Return a JSON answer."""
    body = orjson.dumps(document)
    return web.Response(body=body, status=status, content_type="application/json")


def error_answer(status: int, sentence: str) -> web.Response:
    """Return the answer that says what can't be done."""
    return answer(status, {"error": sentence})


async def read_json(request: web.Request, bytes_max: int, what: str) -> Any:
    """Read a body that is JSON.

    Parameters
    ----------
    request : whose body it is
    bytes_max : no more is read
    what : it should be, as errors say

    Raises
    ------
    RequestError
        400 for what is no JSON, 413 for too much of it.
    """
    body = await request.content.read(bytes_max + 1)
    while len(body) <= bytes_max and (more := await request.content.read(bytes_max)):
        body += more
    if len(body) > bytes_max:
        raise RequestError(413, f"{what} takes at most {bytes_max:,} bytes")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"the body is no JSON ({error}): send {what}") from error


def user_of(request: web.Request) -> str:
    """Return who asks, as the audit trail has it: `USER_HEADER`, else ``http``.

    Raises
    ------
    RequestError
        400 for a name that is too long.
    """
    given = request.headers.get(USER_HEADER, "").strip() or USER_DEFAULT
    who = given.encode("utf-8", "replace").decode()  # headers may hold bytes that are no text
    if len(who) > USER_CHARACTERS_MAX:
        raise RequestError(400, f"{USER_HEADER} has more than {USER_CHARACTERS_MAX} characters")
    return who


async def until_heeded(is_heeded: Callable[[], bool]) -> None:
    """Wait until this process heeds what was published, so that who asks next is told; not long."""
    for _ in range(round(HEEDED_S / _POLL_S)):
        if is_heeded():
            return
        await asyncio.sleep(_POLL_S)


def refuse_parameters(request: web.Request, what: str) -> None:
    """Refuse parameters where there are none.

    Raises
    ------
    RequestError
        400, naming the first.
    """
    for name in sorted(request.query):
        raise RequestError(400, f"{name!r} is no parameter of {what}: there is none")
