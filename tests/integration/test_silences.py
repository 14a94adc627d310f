"""Silences on real Kafka: made, listed and ended by commands and over HTTP."""

import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from programs import until

from schemas.alerts import AlertEvent, Severity, Status
from schemas.keys import active_alerts_key, alert_key
from schemas.rules import SilenceConfig
from stream.alerting.silence_topic import read_silences
from stream.alerting.silences import KEPT_MS
from stream.alerting.view import alert_fields
from stream.configure import publish_config
from stream.kafka import ensure_topics
from stream.registry import Registry
from stream.settings import Settings, load_settings
from stream.web.silences_api import SilencesApi

PATH = "/api/v1/silences"
HOUR_MS = 3_600_000


def clock() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def settings(programs: Any) -> Settings:
    made = load_settings(None, environment=programs.environment)
    ensure_topics(made)
    return made


def show_alert(read: Any, namespace: str, rule: str, **labels: str) -> None:
    """Put an active alert where agents have it."""
    event = AlertEvent(
        id=rule,
        fingerprint=rule,
        status=Status.FIRING,
        severity=Severity.WARNING,
        rule=rule,
        labels=labels,
        summary="",
        starts_at=clock(),
    )
    read.sadd(active_alerts_key(namespace), rule)
    read.hset(alert_key(namespace, rule), mapping=alert_fields(event))


def test_a_silence_is_made_listed_and_ended(programs: Any, namespace: str, read: Any) -> None:
    show_alert(read, namespace, "latency", model_name="credit", window="5m")
    show_alert(read, namespace, "error-rate", model_name="fraud", window="5m")

    made = programs.run("alerts", "silence", "latency", "--match", "model_name=cred*", "-c", "new")
    assert made.returncode == 0
    name = made.stdout.strip()
    assert "quiets 1 of the 2 active alerts until " in made.stderr
    assert "latency (credit 5m)" in made.stderr

    def listed(*more: str) -> Any:
        done = programs.run("alerts", "silences", "--json", *more)
        return {one["id"]: one for one in json.loads(done.stdout)}

    one = listed()[name]
    assert one["match"] == {"rule": "latency", "model_name": "cred*"}
    assert (one["state"], one["comment"]) == ("active", "new")
    assert one["ends_at"] - one["starts_at"] == HOUR_MS
    assert "@" in one["created_by"]
    assert one["created_at"].endswith("Z")

    longer = programs.run("alerts", "silence", "--id", name, "--for", "2h", "--json")
    longer = json.loads(longer.stdout)
    assert (longer["quiets"], longer["active_alerts"]) == (1, 2)
    assert longer["ends_at"] > one["ends_at"]
    assert longer["created_at"] == one["created_at"] < longer["changed_at"]

    off = programs.run(
        "alerts", "silence", "rule=x", "modelname=credit", "-c", "typo", "--for", "1m"
    )
    assert "it matches none of the 2 active alerts now" in off.stderr
    assert "no active alert has a label 'modelname': did you mean model_name?" in off.stderr

    unknown = programs.run("alerts", "unsilence", name, name[:-1] + "x")
    assert unknown.returncode == 1
    assert f"did you mean {name}?" in unknown.stderr
    assert listed()[name]["state"] == "active", "all are ended, or none"
    other = off.stdout.strip()
    assert programs.run("alerts", "unsilence", name).returncode == 0
    both = programs.run("alerts", "unsilence", name, other)
    assert both.returncode == 0
    first, second = both.stdout.splitlines()
    assert first.startswith(f"{name}: it had ended already, at ")
    assert second.startswith(f"{other}: ended; it would have lasted until ")
    states = {of: one["state"] for of, one in listed("--all").items()}
    assert states == {name: "expired", other: "expired"}
    none = programs.run("alerts", "silences")
    assert (none.stdout, none.stderr.strip()) == (
        "",
        "nothing is silenced; --all shows 2 that have ended",
    )


def test_a_silence_is_made_also_where_redis_is_the_trouble(programs: Any) -> None:
    programs.environment["STREAMGAUGE_REDIS__URL"] = "redis://127.0.0.1:1"
    done = programs.run("alerts", "silence", "latency", "-c", "redis is away")
    assert done.returncode == 0
    assert "how many alerts it quiets can't be told: Redis at" in done.stderr
    assert done.stdout.strip() in programs.run("alerts", "silences").stdout


def test_commands_and_http_speak_of_the_same_silences(programs: Any, settings: Settings) -> None:
    made = programs.run("alerts", "silence", "latency", "-c", "by hand").stdout.strip()
    registry = Registry(settings).start()

    def publish(silence: SilenceConfig, who: str, now_ms: int) -> None:
        publish_config(settings, [silence], who, now_ms)

    async def talk() -> Any:
        api = SilencesApi(registry.stored_silences, publish, clock)
        app = web.Application()
        app.add_routes(api.routes())
        async with TestClient(TestServer(app)) as client:
            (by_hand,) = await (await client.get(PATH)).json()
            body = {"match": {"rule": "data-drift"}, "duration": "2h", "created_by": "ann"}
            posted = await (await client.post(PATH, json=body)).json()
            both = await (await client.get(PATH)).json()
            assert [one["id"] for one in both] == [made, posted["id"]], "whoever asks next is told"
            user = {"X-Streamgauge-User": "bob"}
            gone = await (await client.delete(f"{PATH}/{made}", headers=user)).json()
            return by_hand, posted, gone

    try:
        by_hand, posted, gone = asyncio.run(talk())
    finally:
        registry.close()
    assert (by_hand["id"], by_hand["comment"]) == (made, "by hand")
    assert "@" in by_hand["created_by"]
    assert (gone["state"], gone["created_by"]) == ("expired", by_hand["created_by"])

    done = programs.run("alerts", "silences", "--all", "--json")
    listed = {one["id"]: one for one in json.loads(done.stdout)}
    assert listed == {made: gone, posted["id"]: posted}


def test_silences_that_ended_long_ago_are_forgotten(programs: Any, settings: Settings) -> None:
    now_ms = clock()

    def ended(name: str, before_ms: int) -> SilenceConfig:
        at = now_ms - before_ms
        return SilenceConfig(id=name, match={"rule": "x"}, starts_at=at - 1, ends_at=at)

    silences = [ended("old", KEPT_MS + HOUR_MS), ended("young", KEPT_MS - HOUR_MS)]
    publish_config(settings, silences, "ann", now_ms)

    def kept() -> set[str]:
        return set(read_silences(settings))

    registry = Registry(settings).start()
    try:
        assert set(registry.snapshot.silences) == kept() == {"old", "young"}
        said = programs.run("cleanup", "--dry-run").stdout
        assert "silence old: ended more than 5 days ago, would be forgotten" in said
        assert kept() == {"old", "young"}
        done = programs.run("cleanup", "--json")
        assert json.loads(done.stdout) == [{"silence": "old"}]
        assert kept() == {"young"}
        until(lambda: set(registry.snapshot.silences) == {"young"}, "a running process forgets it")
    finally:
        registry.close()
    assert "nothing is older than its retention" in programs.run("cleanup").stdout
