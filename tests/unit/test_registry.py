"""What anybody may write to the registry's topics: it is taken, or left out and told."""

from typing import Any

import msgspec
import numpy as np
import pytest
import structlog

from schemas.activations import Activation, Plan
from schemas.baselines import Baseline, baseline_id, encode_baseline
from schemas.records import encode_record, record_key
from schemas.rules import SilenceConfig
from schemas.topics import Topic, topic_name
from stream.alerting.silences import Authors
from stream.baseline.build import build_baseline
from stream.registry import Registry
from stream.settings import Settings
from stream.state.keys import VersionId

SETTINGS = Settings()
CONFIG = topic_name(SETTINGS.namespace, Topic.CONFIG)
BASELINES = topic_name(SETTINGS.namespace, Topic.BASELINES)


class Record:
    """As much of a Kafka message as the registry looks at."""

    def __init__(self, topic: str, key: str, value: bytes, who: str | None = None) -> None:
        self._topic, self._key, self._value, self._who = topic, key, value, who

    def headers(self) -> list[tuple[str, bytes]] | None:
        return None if self._who is None else [("who", self._who.encode()), ("when", b"noon")]

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes:
        return self._key.encode()

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


def made(name: str = "age") -> Baseline:
    data = {name: np.random.default_rng(0).normal(size=100)}
    return build_baseline(data, model_name="credit", model_version="1")


def activated(baseline: Baseline | None, **changes: Any) -> Activation:
    fields: dict[str, Any] = {
        "model_name": "credit",
        "model_version": "1",
        "effective_from": 0,
        "plan": Plan(),
        "baseline_id": None if baseline is None else baseline_id(baseline),
    }
    return Activation(**fields | changes)


def read(*records: tuple[Any, ...]) -> Registry:
    """Registry that has read these records."""
    registry = Registry(SETTINGS)
    messages: Any = [Record(*record) for record in records]
    registry._apply(messages)
    return registry


def of_config(activation: Activation) -> tuple[str, str, bytes]:
    return CONFIG, record_key(activation), encode_record(activation)


def test_an_unsound_baseline_is_ignored_and_the_other_models_count() -> None:
    good = made()
    age = msgspec.structs.replace(good.features["age"], scale_exponent=-5_000)
    bad = msgspec.structs.replace(good, model_name="fraud", features={"age": age})
    with structlog.testing.capture_logs() as logs:
        registry = read(
            (BASELINES, baseline_id(bad), encode_baseline(bad)),
            (BASELINES, baseline_id(good), encode_baseline(good)),
            of_config(activated(bad, model_name="fraud")),
            of_config(activated(good)),
        )
    assert [(log["event"], log["key"]) for log in logs] == [("record_ignored", baseline_id(bad))]
    assert "build it again" in logs[0]["why"]
    assert registry.plans().learns(VersionId("fraud", "1"))
    assert not registry.plans().learns(VersionId("credit", "1"))
    assert registry.decoder(SETTINGS.bounds).feature_names("credit") == ("age",)


@pytest.mark.parametrize("topic", [BASELINES, CONFIG])
def test_a_deeply_nested_record_is_ignored(topic: str) -> None:
    with structlog.testing.capture_logs() as logs:
        registry = read((topic, "model/credit/*", b'{"features":' + b'{"a":' * 100_000))
    assert [log["event"] for log in logs] == ["record_ignored"]
    assert not registry.snapshot.models
    assert not registry.snapshot.baselines


@pytest.mark.parametrize(
    "changes",
    [
        {"effective_from": 2**70},
        {"effective_from": -1},
        {"plan": Plan(segment_values={"zip": tuple(map(str, range(100_000)))})},
    ],
    ids=["no time", "before time", "too many segments"],
)
def test_an_activation_that_nobody_can_count_by_is_ignored(changes: dict[str, Any]) -> None:
    with structlog.testing.capture_logs() as logs:
        registry = read(of_config(activated(None)), of_config(activated(None, **changes)))
    assert [log["event"] for log in logs] == ["record_ignored"]
    assert list(registry.snapshot.activations) == ["credit/1/0"]


def test_a_baseline_may_have_a_feature_with_a_quote_in_its_name() -> None:
    baseline = made('say "a\\b"\n')
    registry = read(
        (BASELINES, baseline_id(baseline), encode_baseline(baseline)),
        of_config(activated(baseline)),
    )
    event = {"model_name": "credit", "prediction": 1, "features": {'say "a\\b"\n': 41.5}}
    decoder = registry.decoder(SETTINGS.bounds)
    (decoded,) = decoder.decode([msgspec.json.encode(event)])
    assert msgspec.structs.astuple(decoded.features) == (41.5,)  # type: ignore[union-attr]


def silence(name: str, who: str | None, **times: int) -> tuple[Any, ...]:
    known: dict[str, Any] = {"starts_at": 0, "ends_at": 1} | times
    record = SilenceConfig(id=name, match={"rule": "latency"}, **known)
    return CONFIG, record_key(record), encode_record(record), who


def test_a_silence_is_its_makers_until_it_is_deleted() -> None:
    gone = (CONFIG, "silence/b", b"")
    registry = read(
        silence("a", "ann"),
        silence("a", "bob", ends_at=5),
        silence("b", "ann"),
        gone,
        silence("b", "eve"),
        silence("c", None),
        silence("d", "ann"),
        (CONFIG, "silence/d", b""),
        (CONFIG, "rule/c", b""),  # another c
    )
    found = registry.stored_silences()
    assert sorted(found) == ["a", "b", "c"]
    assert found["a"].authors == Authors("ann", "noon", "bob", "noon")
    assert found["a"].silence.ends_at == 5
    assert found["b"].authors == Authors("eve", "noon", "eve", "noon")
    assert found["c"].authors == Authors()
    assert not read(silence("d", "ann"), (CONFIG, "silence/d", b"")).snapshot.authors


@pytest.mark.parametrize("times", [{"ends_at": 2**70}, {"starts_at": -1}], ids=str)
def test_a_silence_whose_times_cannot_be_shown_is_ignored(times: dict[str, int]) -> None:
    with structlog.testing.capture_logs() as logs:
        registry = read(silence("a", "ann", **times))
    assert [log["event"] for log in logs] == ["record_ignored"]
    assert not registry.stored_silences()
