"""Rules on a real Kafka: applied, listed, deleted; and their tests agree with the alert engine."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import redis
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from alert_helpers import MINUTE_MS, T0, errors, make_report

from schemas.alerts import Status
from schemas.metrics import WindowReport
from schemas.rules import RuleConfig
from schemas.topics import Topic
from stream.alerting.engine import AlertEngine
from stream.alerting.unit_test_form import parse_file
from stream.alerting.unit_tests import joined, make_test, run_test
from stream.configure import publish_rule
from stream.kafka import ensure_topics
from stream.registry import Registry, Snapshot
from stream.settings import load_settings
from stream.topic_reader import header, latest_by_key, read_topic
from stream.web.rules_api import RulesApi

RULES = """
[[models]]
model_name = "credit"
windows = ["5m", "1h"]

[[rules]]
name = "latency"
condition = "> 100"

[[rules]]
name = "slow-hours"
condition = "latency_ms > 200"
window = "2h"
severity = "critical"
"""


def test_rules_are_applied_listed_and_deleted(programs: Any, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES)

    def run(*arguments: str) -> tuple[Any, str]:
        done = programs.run("rules", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), " ".join(done.stderr.split())

    def origins() -> dict[str, str]:
        return {rule["name"]: rule["origin"] for rule in run("list")[0]}

    made, said = run("apply", str(file))
    assert [(one["key"], one["change"]) for one in made] == [
        ("rule/latency", "added"),
        ("rule/slow-hours", "added"),
    ]
    assert "rule slow-hours is never judged: models without configuration have no" in said
    assert "models in it stay as they are" in said
    assert {one["change"] for one in run("apply", str(file))[0]} == {"unchanged"}

    found = origins()
    assert (found["latency"], found["slow-hours"], found["error-rate"]) == (
        "default, overridden",
        "configured",
        "default",
    )
    shown = " ".join(programs.run("rules", "show", "slow-hours").stdout.split())
    assert "critical when latency_p95_ms > 200" in shown

    assert run("delete", "latency")[0] == [
        {"key": "rule/latency", "change": "deleted", "restored": "default"}
    ]
    assert run("delete", "slow-hours")[0][0]["restored"] is None
    listed = " ".join(programs.run("rules", "list").stdout.split())
    assert "5m 10m warning default docs/runbooks/latency.md" in listed
    assert "slow-hours" not in listed
    assert "overridden" not in listed
    settings = load_settings(environment=programs.environment)
    assert latest_by_key(settings, Topic.CONFIG) == {}
    who = [header(message, "who") for message in read_topic(settings, Topic.CONFIG)]
    assert len(who) == 4
    assert all(name is not None and "@" in name for name in who)

    for arguments, says in (
        (("delete", "latency"), "comes of itself (default): it can be overridden"),
        (("delete", "slow-hours"), "no rule 'slow-hours' is configured: none is"),
    ):
        done = programs.run("rules", *arguments)
        assert (done.returncode, says in " ".join(done.stderr.split())) == (1, True), done.stderr


def test_rules_over_http_are_heeded_when_they_are_answered(programs: Any) -> None:
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    registry = Registry(settings).start()

    def publish(key: str, rule: RuleConfig | None, who: str) -> None:
        publish_rule(settings, key, rule, who, T0)

    async def talk() -> list[Any]:
        app = web.Application()
        app.add_routes(RulesApi(lambda: registry.snapshot, publish).routes())
        async with TestClient(TestServer(app)) as client:
            body = {"condition": "latency_ms > 100", "cooldown_minutes": 30}
            headers = {"X-Streamgauge-User": "alice"}
            answers = []
            for _ in range(2):
                put = await client.put("/api/v1/rules/slow", json=body, headers=headers)
                answers.append((put.status, (await put.json())["change"]))
            listed = await client.get("/api/v1/rules")
            answers.append({rule["name"]: rule["origin"] for rule in await listed.json()}["slow"])
            gone = await client.delete("/api/v1/rules/slow")
            answers.append((gone.status, "slow" in registry.snapshot.rules))
            return answers

    try:
        assert asyncio.run(talk()) == [
            (200, "added"),
            (200, "unchanged"),
            "configured",
            (200, False),
        ]
    finally:
        registry.close()
    made, deleted = read_topic(settings, Topic.CONFIG)
    assert msgspec.json.decode(made.value() or b"")["cooldown"] == "30m"
    assert (header(made, "who"), header(made, "when")) == ("alice", "2026-09-21T15:00:00.000Z")
    assert (deleted.value(), header(deleted, "who")) == (None, "http")


class Rules:
    """A registry of one rule."""

    version = 1

    def __init__(self, *rules: RuleConfig) -> None:
        self.snapshot = Snapshot(rules={rule.name: rule for rule in rules})


class Nothing:
    """Nothing was published before."""

    def read_back(self) -> list[Any]:
        return []

    def reports_since(self, _at_ms: int) -> list[bytes]:
        return []


def engine_says(client: Any, namespace: str, reports: Iterable[WindowReport]) -> Any:
    """Times and severities of what the alert engine publishes of reports."""
    rule = RuleConfig(name="slower", metric="latency_p95_ms", window="5m", condition="> previous")
    now_ms = T0 + 2 * 86_400_000
    engine = AlertEngine(client, namespace, Rules(rule), Nothing(), lambda: now_ms)
    engine.restore()
    began, ended = {}, {}
    for report in reports:
        for entry in engine.evaluate(report).entries:
            event = entry.alert
            of = (event.rule, event.starts_at)
            if event.status is Status.RESOLVED:
                ended[of] = event.ends_at
            elif entry.publish:
                began[of] = (event.severity, event.fired_at, event.summary)
    return sorted((*of, *began[of], ended.get(of)) for of in began)


def test_tests_of_rules_find_what_the_alert_engine_finds(stack: Any, namespace: Any) -> None:
    rates = [0.2 if minute % 20 > 8 or minute % 7 == 0 else 0.0 for minute in range(120)]
    reports = [errors(minute, rate) for minute, rate in enumerate(rates)]
    day = 24 * 60
    for minute in range(day, day + 90):
        reports.append(make_report(minute, metrics={"latency_p95_ms": 10.0 + minute % 13}))
        reports.append(errors(minute - 40, 0.3, revision=101))  # late, and judged no more
    for minute in range(2 * day, 2 * day + 90):
        reports.append(make_report(minute, metrics={"latency_p95_ms": 20.0 - minute % 11}))
        if minute % 3 == 0:
            revised = {"latency_p95_ms": 5.0 + minute % 29}
            reports.append(make_report(minute, metrics=revised, revision=101))
    slower = {"metric": "latency_p95_ms", "window": "5m", "condition": "> previous"}
    expected = {"name": "all", "reports": "r", "episodes": []}
    form = parse_file({"rules": [{"name": "slower", **slower}], "tests": [expected]})
    outcome = run_test(make_test(form.tests[0], joined("f", form, {}), reports))

    client = redis.Redis.from_url(stack.redis_url)
    try:
        found = engine_says(client, namespace, reports)
    finally:
        client.close()
    tested = sorted(
        (one.rule, one.starts_at, one.severity, one.fired_at, one.summary, one.resolved_at)
        for one in outcome.episodes
    )
    assert tested == found
    assert {one.rule for one in outcome.episodes} == {"error-rate", "slower"}
    assert len(found) > 10
    assert max(one.starts_at for one in outcome.episodes) > T0 + 2 * day * MINUTE_MS
