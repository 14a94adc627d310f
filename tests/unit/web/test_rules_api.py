"""Rules over HTTP: what is answered, and what is published."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from schemas.config import parse_model, parse_rule
from schemas.models import ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.rule_list import listed_rules
from stream.kafka import KafkaUnavailableError
from stream.web.rules_api import BODY_BYTES_MAX, RulesApi

SLOW = {"name": "slow", "metric": "latency_p95_ms", "window": "5m", "condition": "> 100"}


@dataclass
class Configured:
    """What is configured; publishing changes it as following the topic would."""

    rules: dict[str, RuleConfig] = field(default_factory=dict)
    models: dict[str, ModelConfig] = field(default_factory=dict)
    published: list[tuple[str, RuleConfig | None, str]] = field(default_factory=list)
    is_down: bool = False

    def publish(self, key: str, rule: RuleConfig | None, who: str) -> None:
        if self.is_down:
            raise KafkaUnavailableError("Kafka does not answer: is it running?")
        self.published.append((key, rule, who))
        name = key.removeprefix("rule/")
        self.rules = {n: r for n, r in self.rules.items() if n != name}
        if rule is not None:
            self.rules[name] = rule


@pytest.fixture
def configured() -> Configured:
    model = parse_model({"model_name": "credit", "performance_threshold": {"accuracy": 0.9}})
    return Configured({"slow": parse_rule(SLOW)}, {"credit/*": model})


@pytest.fixture
def ask(configured: Configured) -> Callable[..., tuple[int, Any]]:
    def ask(method: str, path: str = "", body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)

        async def answer() -> tuple[int, Any]:
            app = web.Application()
            app.add_routes(RulesApi(lambda: configured, configured.publish).routes())
            async with TestClient(TestServer(app)) as client:
                at = f"/api/v1/rules{path}"
                response = await client.request(method, at, data=data, headers=headers)
                assert response.content_type == "application/json"
                return response.status, await response.json()

        return asyncio.run(answer())

    return ask


def test_all_rules_as_the_command_lists_them(ask: Any, configured: Configured) -> None:
    status, found = ask("GET")
    assert status == 200
    expected = listed_rules(configured.rules, [*configured.models.values()])
    assert found == msgspec.json.decode(msgspec.json.encode(expected))
    assert {rule["origin"] for rule in found} == {"default", "configured", "performance_threshold"}


def test_a_rule_is_made_once(ask: Any, configured: Configured) -> None:
    body = {"condition": "error_rate > 0.1", "window_minutes": 5, "channels": ["pager"]}
    status, found = ask("PUT", "/errors", body)
    assert (status, found["key"], found["change"], found["warnings"]) == (
        200,
        "rule/errors",
        "added",
        [],
    )
    assert found["fields"]["metric"] == {"before": None, "after": "error_rate"}
    rule = parse_rule({"name": "errors", **body})
    assert configured.published == [("rule/errors", rule, "http")]
    status, found = ask("PUT", "/errors", {**body, "name": "errors"})
    assert (status, found["change"], found["fields"]) == (200, "unchanged", {})
    assert len(configured.published) == 1


def test_a_rule_is_changed_in_somebodys_name(ask: Any, configured: Configured) -> None:
    headers = {"X-Streamgauge-User": "alice"}
    status, found = ask("PUT", "/slow", SLOW | {"condition": "> 200"}, **headers)
    assert (status, found["change"]) == (200, "changed")
    assert found["fields"] == {"condition": {"before": "> 100", "after": "> 200"}}
    assert configured.published[0][2] == "alice"
    status, found = ask("PUT", "/slow", SLOW, **{"X-Streamgauge-User": "x" * 201})
    assert (status, len(configured.published)) == (400, 1)
    assert "more than 200 characters" in found["error"]


def test_a_rule_that_is_never_judged_is_made_with_a_warning(ask: Any) -> None:
    status, found = ask("PUT", "/mine", {"condition": "acuracy < 0.9", "window": "1d"})
    assert (status, found["change"]) == (200, "added")
    assert "did you mean `accuracy`?" in found["warnings"][0]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/slow", b"{", 400, "the body is no JSON"),
        ("/slow", b"\xff", 400, "the body is no JSON"),
        ("/slow", b"", 400, "the body is no JSON"),
        ("/slow", b"[" * 60_000, 400, "the body is no JSON"),
        ("/slow", [], 400, "must be a table"),
        ("/slow", {}, 400, "`metric` is needed"),
        ("/slow", SLOW | {"treshold": 1}, 400, "unknown key `treshold`"),
        ("/slow", SLOW | {"condition": "> yesterday"}, 400, "is no condition"),
        ("/slow", SLOW | {"name": "fast"}, 400, "is 'fast' and the path's 'slow': give one"),
        ("/High%20Error%20Rate", SLOW, 400, "did you mean `high-error-rate`?"),
        ("/slow?dry=1", SLOW, 400, "'dry' is no parameter of rules"),
        ("/slow", b" " * (BODY_BYTES_MAX + 1), 413, "a rule takes at most 65,536 bytes"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_sentence(
    ask: Any, configured: Configured, path: str, body: Any, status: int, says: str
) -> None:
    given, found = ask("PUT", path, body)
    assert given == status
    assert found.keys() == {"error"}
    assert says in found["error"]
    assert "\n" not in found["error"]
    assert configured.published == []


def test_deleting_says_what_counts_instead(ask: Any, configured: Configured) -> None:
    assert ask("DELETE", "/slow") == (
        200,
        {"key": "rule/slow", "change": "deleted", "restored": None},
    )
    assert configured.published == [("rule/slow", None, "http")]
    assert ask("DELETE", "/slow")[0] == 404
    configured.rules = {
        "latency": parse_rule({"name": "latency", "for": "1m"}),
        "credit-accuracy": parse_rule(SLOW | {"name": "credit-accuracy"}),
    }
    assert ask("DELETE", "/latency")[1]["restored"] == "default"
    assert ask("DELETE", "/credit-accuracy")[1]["restored"] == "performance_threshold"
    for name in ("latency", "credit-accuracy"):
        status, found = ask("DELETE", f"/{name}")
        assert (status, "comes of itself" in found["error"]) == (404, True)
    assert len(configured.published) == 3


def test_while_kafka_is_away_nothing_changes(ask: Any, configured: Configured) -> None:
    configured.is_down = True
    assert ask("PUT", "/slow", SLOW | {"for": "5m"})[0] == 503
    assert ask("DELETE", "/slow") == (503, {"error": "Kafka does not answer: is it running?"})
    assert set(configured.rules) == {"slow"}
    assert ask("PUT", "/slow", SLOW)[0] == 200, "there is nothing to publish"
