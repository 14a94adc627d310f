"""What operators see of labels: news in alerts, the join in metrics and in the doctor."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import redis
from alert_helpers import MINUTE_MS, T0, make_report

from schemas.keys import live_key
from schemas.metrics import WindowReport
from schemas.models import AbsentMeans, LabelsConfig, ModelConfig
from schemas.rules import RuleConfig
from stream.alerting.engine import STALE_MS, AlertEngine
from stream.alerting.topic import TopicAlert
from stream.custom_metrics import Failure
from stream.doctor.label_checks import Waiting
from stream.doctor.label_traffic import read_waiting
from stream.embedded import EmbeddedStack
from stream.ingest.decode import DecodedEvent
from stream.ingest.joining import Labels, Requests, add_requests, request_keys
from stream.registry import Snapshot
from stream.state.join import JoinStore
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.web.exporter import make_metrics_registry
from stream.window.label_terms import Groups, LabelPlan, terms_of
from stream.window.panes import DAY_MS, HOUR_MS

CREDIT = VersionId("credit", "3")
SENT_MS = T0 - 5 * DAY_MS
PARTITION = PartitionId("topic", 0)


class Rules:
    """A registry with one rule on labels and one on traffic."""

    version = 1
    snapshot = Snapshot(
        rules={
            name: RuleConfig(name=name, metric=metric, window="1h", condition="> 0.1")
            for name, metric in (("wrong", "log_loss"), ("failing", "error_rate"))
        }
    )


class World:
    """A model whose traffic stopped five days ago, its join and its alerts."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.keys = StateKeys(namespace)
        self.join = JoinStore(client, namespace, 10**9)
        self.now_ms = T0
        self.engine = AlertEngine(client, namespace, Rules(), self, lambda: self.now_ms)
        self.labels = LabelsConfig()
        self._offsets = itertools.count()
        client.sadd(self.keys.versions, " ".join(CREDIT))
        client.hset(self.keys.version(CREDIT), f"w:{PARTITION}", f"{SENT_MS}:{SENT_MS}")
        self.read_until(SENT_MS)

    def read_back(self) -> list[TopicAlert]:
        return []

    def reports_since(self, _at_ms: int) -> list[bytes]:
        return []

    def read_until(self, at_ms: int) -> None:
        for clocks in (self.keys.clocks, self.keys.label_clocks):
            self.client.hset(clocks, str(PARTITION), at_ms)

    def predict(self, *ids: str, append_ms: int = SENT_MS) -> None:
        groups: Groups = {}
        n = len(ids)
        requests = Requests(
            [DecodedEvent(prediction=1, probability=0.9) for _ in ids],
            request_keys(ids),
            np.full(n, SENT_MS),
            np.full(n, append_ms),
            np.zeros(n, dtype=np.int64),
            np.array([next(self._offsets) for _ in ids]),
            np.full(n, -1),
        )
        terms = terms_of(CREDIT, LabelPlan(), self.labels, HOUR_MS)
        add_requests(groups, requests, terms, None)
        self.join.join(groups, [], terms.horizon_s)

    def label(self, request: str, value: Any, append_ms: int) -> None:
        out = Labels()
        out.add(
            request_keys([request]).tobytes(),
            time_ms=append_ms,
            place=(0, next(self._offsets), -1),
            append_ms=append_ms,
            label=value,
            metrics=None,
            model=None,
            version=None,
        )
        self.join.join({}, out.parts, 7 * 86_400)

    def judged(self, minute: int = 0) -> dict[str, bool]:
        """Whether the alerts that a report raises are stale, by rule."""
        step = self.engine.evaluate(labelled(minute))
        for entry in step.entries:
            assert entry.notify is not entry.alert.stale
        return {entry.alert.rule: entry.alert.stale for entry in step.entries}


def labelled(minute: int) -> WindowReport:
    metrics: dict[str, Any] = {"error_rate": 0.5, "log_loss": 0.5, "label_coverage": 1.0}
    return make_report(minute - 5 * 1440, "1h", metrics=metrics, label_count=100)


@pytest.fixture
def world(stack: EmbeddedStack, namespace: str) -> Iterator[World]:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield World(client, namespace)


def test_a_label_of_today_makes_news_of_old_traffic(world: World) -> None:
    world.predict("a", "b")
    assert world.judged(0) == {"failing": True, "wrong": True}
    world.now_ms += 60 * MINUTE_MS
    world.label("a", 0, append_ms=world.now_ms)
    for key in world.client.scan_iter(f"{world.namespace}:state:alerts:*"):
        world.client.delete(key)
    assert world.judged(60) == {"failing": True, "wrong": False}


@pytest.mark.parametrize("late_ms", [0, 60_000])
def test_labels_are_news_for_as_long_as_events_are(world: World, late_ms: int) -> None:
    world.predict("a")
    world.label("a", 0, append_ms=T0 - HOUR_MS - STALE_MS - late_ms)
    assert world.judged()["wrong"] is (late_ms > 0)


def newest_label_ms(world: World) -> int | None:
    found = world.client.hget(world.keys.version(CREDIT), "labels_append")
    return None if found is None else int(found)


def test_only_labels_that_change_something_are_news(world: World) -> None:
    world.label("early", 1, append_ms=SENT_MS)
    world.label("nobody", 1, append_ms=T0)
    assert newest_label_ms(world) is None
    world.predict("early")
    assert newest_label_ms(world) == SENT_MS
    world.label("early", 1, append_ms=SENT_MS + 1000)  # says the same
    assert newest_label_ms(world) == SENT_MS
    world.label("early", 0, append_ms=SENT_MS + 3000)
    world.label("early", 2, append_ms=SENT_MS + 2000)  # changes how often it was corrected
    assert newest_label_ms(world) == SENT_MS + 3000


def test_an_absence_is_as_new_as_the_log_that_tells_it(world: World) -> None:
    world.labels = LabelsConfig(absent_means=AbsentMeans(value=0, after="1d"))
    world.predict("a")
    world.read_until(SENT_MS + 3 * DAY_MS)
    world.client.hset(world.keys.join, "evicting", 65_536)  # sweeps every bucket in a few calls
    for _ in range(65_536 // 512):
        world.join.sweep(7 * 86_400)
    assert newest_label_ms(world) == SENT_MS + 3 * DAY_MS


def scraped(world: World) -> dict[str, float]:
    registry = make_metrics_registry(
        world.client, world.namespace, lambda: T0, lambda: {("cost", Failure.SLOW): 3}
    )
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name.startswith("streamgauge_")
    }


def test_prometheus_scrapes_the_join(world: World) -> None:
    world.predict("a", "b")
    world.label("a", 1, append_ms=SENT_MS)
    world.label("nobody", 1, append_ms=SENT_MS)
    found = scraped(world)
    assert found["streamgauge_join_entries"] == 3
    assert found["streamgauge_join_outcomes_total matched"] == 1
    assert found["streamgauge_join_outcomes_total early"] == 1
    assert 100 < found["streamgauge_join_memory_bytes"] < 300
    assert found["streamgauge_join_share_min"] == 1.0
    assert found["streamgauge_performance_metric_failures_total cost slow"] == 3
    assert found["streamgauge_log_behind_seconds topic:0"] == 5 * 86_400

    limited = {"limited": 1, "rate:credit 3": 2**31, "rate:credit 2": 2**30}
    world.client.hset(world.keys.join, mapping=limited)
    found = scraped(world)
    assert found["streamgauge_join_limited_versions"] == 2
    assert found["streamgauge_join_share_min"] == 0.25


def test_the_doctor_knows_what_traffic_gives_the_join(world: World) -> None:
    config = ModelConfig(
        model_name="credit",
        windows=("5m", "1h", "1d", "7d"),
        labels=LabelsConfig(join_horizon="3d", sampling_rate=0.5),
    )
    rates = {"5m": 900.0, "1h": 80.0, "1d": 30.0, "7d": 500.0}
    for window, rate in rates.items():
        key = live_key(world.namespace, *CREDIT, window)
        world.client.hset(key, "throughput_per_s", rate)
    configs = {CREDIT: config, VersionId("credit", "never-seen"): config}
    found = read_waiting(world.client, world.namespace, configs, SENT_MS + DAY_MS)
    assert found == [Waiting(40.0, 3 * DAY_MS)]
    assert read_waiting(world.client, world.namespace, configs, SENT_MS + DAY_MS + 1) == []
