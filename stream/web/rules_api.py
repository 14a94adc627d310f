"""Rules over HTTP: list them, make one, delete one.

Every answer is a JSON document; what can't be done is ``{"error": "<one sentence>"}``.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from schemas.config import ConfigError, parse_rule
from schemas.models import ModelConfig
from schemas.names import NAME_PATTERN
from schemas.records import record_key
from schemas.rule_forms import legal_name
from schemas.rules import RuleConfig
from stream.alerting.never_judged import rule_warnings
from stream.alerting.rule_list import listed_rules, restored
from stream.configure import changes
from stream.kafka import KafkaUnavailableError
from stream.web.answers import (
    RequestError,
    answer,
    read_json,
    refuse_parameters,
    until_heeded,
    user_of,
)

BODY_BYTES_MAX = 65_536
"""A rule has 15 fields, and the longest is a sentence."""


class Configured(Protocol):
    """What is read of a registry's snapshot."""

    @property
    def rules(self) -> Mapping[str, RuleConfig]:
        """Configured rules by name."""

    @property
    def models(self) -> Mapping[str, ModelConfig]:
        """Configurations of models and versions."""


Read = Callable[[], Configured]
"""What is configured, as this process heeds it; does not block."""

Publish = Callable[[str, RuleConfig | None, str], None]
"""Publishes a rule under a key, or deletes it, in the name of somebody; blocks until the broker
has it."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RulesApi:
    """``/api/v1/rules``: GET; PUT and DELETE of one.

    Parameters
    ----------
    read : what is configured
    publish : makes, changes or deletes a rule

    Notes
    -----
    A change is answered once `read` has it, so that who asks next is told.
    """

    def __init__(self, read: Read, publish: Publish) -> None:
        self._read = read
        self._publish = publish
        self._changing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """What the server has to serve."""
        return [
            web.get("/api/v1/rules", _answered(self._get)),
            web.put("/api/v1/rules/{name}", _answered(self._put)),
            web.delete("/api/v1/rules/{name}", _answered(self._delete)),
        ]

    async def _get(self, request: web.Request) -> web.Response:
        refuse_parameters(request, "rules")
        found = self._read()
        rules = listed_rules(found.rules, [*found.models.values()])
        return answer(200, msgspec.to_builtins(rules))

    async def _put(self, request: web.Request) -> web.Response:
        refuse_parameters(request, "rules")
        who, name = user_of(request), _name(request)
        table = await read_json(request, BODY_BYTES_MAX, "a rule")
        if isinstance(table, dict) and table.setdefault("name", name) != name:
            raise RequestError(
                400, f"the rule's `name` is {table['name']!r} and the path's {name!r}: give one"
            )
        try:
            rule = parse_rule(table)
        except ConfigError as error:
            raise RequestError(400, str(error)) from error
        async with self._changing:
            before = self._read()
            present = {record_key(one): one for one in before.rules.values()}
            (change,) = changes(present, [rule])
            if change.kind != "unchanged":
                await self._change(change.key, name, rule, who)
        rules, models = {**before.rules, name: rule}, [*before.models.values()]
        warnings = rule_warnings([name], rules.values(), models)
        return answer(200, change.document() | {"warnings": warnings})

    async def _delete(self, request: web.Request) -> web.Response:
        refuse_parameters(request, "rules")
        who, name = user_of(request), _name(request)
        async with self._changing:
            found = self._read()
            after = restored(name, found.models.values())
            if name not in found.rules:
                if after is not None:
                    raise RequestError(
                        404,
                        f"{name} is not configured, but comes of itself ({after}): PUT a rule of"
                        " this name to override it",
                    )
                raise RequestError(
                    404, f"no rule {name!r} is configured: GET /api/v1/rules lists them"
                )
            key = record_key(found.rules[name])
            await self._change(key, name, None, who)
        return answer(200, {"key": key, "change": "deleted", "restored": after})

    async def _change(self, key: str, name: str, rule: RuleConfig | None, who: str) -> None:
        """Publish a change, and wait until it is heeded here.

        Raises
        ------
        RequestError
            503 when the broker does not take it.
        """
        try:
            await asyncio.to_thread(self._publish, key, rule, who)
        except KafkaUnavailableError as error:
            raise RequestError(503, str(error)) from error
        await until_heeded(lambda: self._read().rules.get(name) == rule)


def _name(request: web.Request) -> str:
    name = request.match_info["name"]
    if re.match(NAME_PATTERN, name) is None:
        raise RequestError(
            400,
            f"{name!r} is no name of a rule, which has only the characters A-Z a-z 0-9 . _ -:"
            f" did you mean `{legal_name(name)}`?",
        )
    return name


def _answered(handler: Handler) -> Handler:
    """Answer what a handler refuses."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RequestError as error:
            return error.answer()

    return answered
