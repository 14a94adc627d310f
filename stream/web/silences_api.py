"""Silences over HTTP: list them, make one, end one.

Every answer is a JSON document; what can't be done is ``{"error": "<one sentence>"}``.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from schemas.durations import Duration, parse_duration_ms
from schemas.rules import SilenceConfig
from stream.alerting.silences import (
    Authors,
    State,
    StoredSilence,
    authors_after,
    document,
    ended,
    in_order,
    make_id,
    make_silence,
    state,
)
from stream.configure import moment
from stream.kafka import KafkaUnavailableError
from stream.web.answers import (
    USER_CHARACTERS_MAX,
    RequestError,
    answer,
    error_answer,
    read_json,
    until_heeded,
    user_of,
)

BODY_BYTES_MAX = 65_536
"""Twenty matchers of the longest values, and the longest comment."""

Read = Callable[[], Mapping[str, StoredSilence]]
"""All silences by id, as this process heeds them; does not block."""

Publish = Callable[[SilenceConfig, str, int], None]
"""Publishes a silence in the name of somebody, at an epoch ms; blocks until the broker has it."""


class _Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is posted: a silence's fields, or how long it is to last, and who says so."""

    match: dict[str, str]
    id: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    duration: Duration | None = None
    comment: str = ""
    created_by: Annotated[str, Meta(min_length=1, max_length=USER_CHARACTERS_MAX)] | None = None
    everything: bool = False


class SilencesApi:
    """``/api/v1/silences``: GET, POST, and DELETE of one.

    Parameters
    ----------
    read : what is silenced
    publish : makes or changes a silence
    now_ms : wall clock
    random_bytes : of which ids are made

    Notes
    -----
    A silence that is made or ended is answered once `read` has it, so that who asks next is told.
    """

    def __init__(
        self,
        read: Read,
        publish: Publish,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._read = read
        self._publish = publish
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._changing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """What the server has to serve."""
        return [
            web.get("/api/v1/silences", self._get),
            web.post("/api/v1/silences", self._post),
            web.delete("/api/v1/silences/{id}", self._delete),
        ]

    async def _get(self, request: web.Request) -> web.Response:
        unknown = sorted(set(request.query) - {"state"})
        if unknown:
            sentence = f"{unknown[0]!r} is no parameter of silences: there is state"
            return error_answer(400, sentence)
        states = {*request.query.getall("state", [])}
        wrong = sorted(states - set(State))
        if wrong:
            return error_answer(400, f"state {wrong[0]!r}: there are {', '.join(State)}")
        now_ms = self._now_ms()
        found = in_order(self._read().values(), now_ms)
        kept = [one for one in found if not states or state(one.silence, now_ms) in states]
        return answer(200, [document(one, now_ms) for one in kept])

    async def _post(self, request: web.Request) -> web.Response:
        now_ms = self._now_ms()
        try:
            document = await read_json(request, BODY_BYTES_MAX, "a silence")
            given = msgspec.convert(document, _Given)
            who = given.created_by or user_of(request)
            silence = self._silence_of(given, now_ms)
        except RequestError as error:
            return error.answer()
        except msgspec.ValidationError as error:
            return error_answer(400, f"the body is no silence: {error}")
        except ValueError as error:
            return error_answer(400, f"this makes no silence: {error}")
        async with self._changing:
            before = self._read().get(silence.id)
            status = 201 if before is None else 200
            return await self._change(silence, before, who, now_ms, status)

    def _silence_of(self, given: _Given, now_ms: int) -> SilenceConfig:
        starts_at = now_ms if given.starts_at is None else given.starts_at
        if (given.ends_at is None) == (given.duration is None):
            raise ValueError("give one of ends_at (epoch ms) and duration (such as 2h)")
        if given.ends_at is not None:
            ends_at = given.ends_at
        else:
            assert given.duration is not None
            ends_at = max(now_ms, starts_at) + parse_duration_ms(given.duration)
        return make_silence(
            id_=make_id(self._random_bytes) if given.id is None else given.id,
            match=given.match,
            starts_at=starts_at,
            ends_at=ends_at,
            comment=given.comment,
            now_ms=now_ms,
            everything=given.everything,
        )

    async def _delete(self, request: web.Request) -> web.Response:
        name, now_ms = request.match_info["id"], self._now_ms()
        try:
            who = user_of(request)
        except RequestError as error:
            return error.answer()
        async with self._changing:
            found = self._read().get(name)
            if found is None:
                return error_answer(
                    404, f"there is no silence {name!r}: GET /api/v1/silences lists them"
                )
            if state(found.silence, now_ms) is State.EXPIRED:
                return answer(200, document(found, now_ms))
            return await self._change(ended(found.silence, now_ms), found, who, now_ms, 200)

    async def _change(
        self,
        silence: SilenceConfig,
        before: StoredSilence | None,
        who: str,
        now_ms: int,
        status: int,
    ) -> web.Response:
        try:
            await asyncio.to_thread(self._publish, silence, who, now_ms)
        except KafkaUnavailableError as error:
            return error_answer(503, str(error))
        authors: Authors | None = None if before is None else before.authors
        made = StoredSilence(silence, authors_after(authors, who, moment(now_ms)))
        await until_heeded(lambda: self._is_heeded(silence))
        return answer(status, document(made, now_ms))

    def _is_heeded(self, silence: SilenceConfig) -> bool:
        heeded = self._read().get(silence.id)
        return heeded is not None and heeded.silence == silence
