"""Events into panes: of a model that nobody announced, and of one with a plan."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from schemas.activations import Plan
from schemas.features import FeatureConfig
from stream.arrays import IntArray
from stream.baseline.build import build_baseline
from stream.ingest.decode import DecodedEvent, Decoder
from stream.ingest.request_hash import is_sampled, request_hashes
from stream.rollup.merge import PaneCounts, decode_pane, merge_panes
from stream.sketches import latency
from stream.sketches.bottom_k import HashArray
from stream.window.count import FEATURE_NAME_CHARACTERS_MAX, Batch, count_events
from stream.window.delta import COUNT, ERRORS, IDENTIFIED, PaneDelta
from stream.window.layout import GridLayout, compile_layout
from stream.window.panes import MINUTE_MS, PaneId
from stream.window.plan import DEFAULT_PLAN, CountingPlan, compile_plan

EVENTS = 400
COUNTRIES = ("FR", "DE", "US", "IT")


def count(
    events: Sequence[DecodedEvent],
    times_ms: list[int] | None = None,
    plan: CountingPlan = DEFAULT_PLAN,
    names: Sequence[str] | None = None,
    sampling_rate: float = 1.0,
) -> dict[PaneId, PaneDelta]:
    panes: dict[PaneId, PaneDelta] = {}
    times = np.array([0] * len(events) if times_ms is None else times_ms, dtype=np.int64)
    identified = np.array([event.request_id is not None for event in events], dtype=np.bool_)
    batch = Batch(events, times, hashes_of(events), identified, names, {})
    count_events(panes, batch, MINUTE_MS, plan, sampling_rate)
    return panes


def hashes_of(events: Sequence[DecodedEvent]) -> HashArray:
    places = np.arange(len(events))
    return request_hashes(events, places, places, places)


def test_each_event_is_in_the_pane_of_its_minute() -> None:
    times = [3 * MINUTE_MS, 60_000, 59_999, 119_999, 0, 120_000]
    events = [
        DecodedEvent(prediction=1, latency_ms=float(i)) if i % 2 else DecodedEvent(error="timeout")
        for i in range(len(times))
    ]
    panes = count(events, times)
    cores = {
        pane.start_ms // MINUTE_MS: d.core[[COUNT, ERRORS]].tolist() for pane, d in panes.items()
    }
    assert cores == {0: [2, 2], 1: [2, 0], 2: [1, 0], 3: [1, 1]}
    assert panes[PaneId(MINUTE_MS, 0)].errors == {"timeout": 2}
    second = panes[PaneId(MINUTE_MS, MINUTE_MS)]
    assert second.latency_max_ms == 3.0
    assert second.latency_ns == 4 * latency.NS_PER_MS
    assert panes[PaneId(MINUTE_MS, 0)].latencies is None


def test_kinds_of_features_are_counted_but_not_those_of_failed_requests() -> None:
    good = {"a": 1, "b": "x", "c": True, "d": [1], "e": None, "f": {"g": 1}, "h": 10**40, "": 0.5}
    long_name = {"n" * (FEATURE_NAME_CHARACTERS_MAX + 1): 1}
    events = [
        DecodedEvent(prediction=1, features=good | long_name),
        DecodedEvent(error="timeout", features={"a": "x"}),
        DecodedEvent(prediction=1),
    ]
    [pane] = count(events).values()
    assert pane.kinds == {"na": 1, "sb": 1, "bc": 1, "ad": 1, "xe": 1, "af": 1, "nh": 1, "n": 1}


def test_the_order_of_events_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 5 * MINUTE_MS, 300).tolist()
    events = [DecodedEvent(prediction=1, latency_ms=float(x)) for x in rng.exponential(20, 300)]
    order = rng.permutation(300).tolist()
    forward = count(events, times)
    shuffled = count([events[i] for i in order], [times[i] for i in order])
    assert forward.keys() == shuffled.keys()
    for pane, delta in forward.items():
        assert dict(delta.rows()) == dict(shuffled[pane].rows())


# --- with a plan ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layout() -> GridLayout:
    rng = np.random.default_rng(2)
    rows = {
        "age": rng.normal(45, 12, EVENTS),
        "score": rng.normal(0, 1, EVENTS),
        "country": rng.choice(COUNTRIES[:3], EVENTS).tolist(),
        "prediction": rng.integers(0, 2, EVENTS),
    }
    return compile_layout(build_baseline(rows, model_name="m", model_version="1"))


class Traffic:
    """Events as they come, and what they were made of."""

    def __init__(self, layout: GridLayout, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        features = dict.fromkeys(sorted(layout.numeric_features), True)
        features |= dict.fromkeys(sorted(layout.other_features), False)
        decoder = Decoder({"m": features}, event_bytes_max=9999, features_max=99, models_max=9)
        self.documents = [self._document(rng, i) for i in range(EVENTS)]
        encoded = [json.dumps(document).encode() for document in self.documents]
        self.events: list[Any] = decoder.decode(encoded)
        self.names = decoder.feature_names("m")

    @staticmethod
    def _document(rng: np.random.Generator, number: int) -> dict[str, Any]:
        document: dict[str, Any] = {
            "model_name": "m",
            "request_id": f"r{rng.integers(0, EVENTS)}",
            "features": {
                "age": float(rng.normal(50, 20)),
                "score": None if number % 13 == 0 else float(rng.normal()),
                "country": str(rng.choice(COUNTRIES)),
            },
            "latency_ms": 1.0 + number,
            "tags": {"tier": "gold"} if number % 5 else None,
        }
        outcome = {"error": "timeout"} if number % 7 == 0 else {"prediction": number % 2}
        return document | outcome

    def counted(
        self, plan: CountingPlan, sampling_rate: float = 1.0, order: IntArray | None = None
    ) -> PaneCounts:
        chosen = range(EVENTS) if order is None else order.tolist()
        events = [self.events[i] for i in chosen]
        [pane] = count(events, None, plan, self.names, sampling_rate).values()
        return decoded(pane)


@pytest.fixture(scope="module")
def traffic(layout: GridLayout) -> Traffic:
    return Traffic(layout)


def decoded(pane: PaneDelta) -> PaneCounts:
    return decode_pane({name.encode(): row for name, row in pane.rows()})


def test_a_sample_is_of_the_requests_that_the_hash_names(
    layout: GridLayout, traffic: Traffic
) -> None:
    hashes = hashes_of(traffic.events)
    failed = np.array(["error" in document for document in traffic.documents])
    for rate, shed in ((1.0, 1.0), (0.25, 1.0), (1.0, 0.1), (0.25, 0.1), (0.05, 0.1)):
        plan = compile_plan(Plan(sampling_rate=rate), layout)
        counts = traffic.counted(plan, shed)
        expected = is_sampled(hashes, min(rate, shed)) & ~failed
        assert counts.grids[layout.id].events == expected.sum()
        assert counts.count == EVENTS, "traffic is counted whole"
        row = next(c.row for c in layout.numeric if c.name == "score")
        missing = [d["features"]["score"] is None for d in traffic.documents]
        assert counts.grids[layout.id].rows[row][-1] == (expected & np.array(missing)).sum()


def test_the_sample_of_a_lower_rate_is_part_of_that_of_a_higher_one(traffic: Traffic) -> None:
    hashes = hashes_of(traffic.events)
    assert not np.any(is_sampled(hashes, 0.1) & ~is_sampled(hashes, 0.25))
    assert is_sampled(hashes, 1.0).all()
    numbered = [DecodedEvent(request_id=i) for i in range(20_000)]
    shares = [float(is_sampled(hashes_of(numbered), rate).mean()) for rate in (0.1, 0.25, 0.5)]
    assert np.allclose(shares, (0.1, 0.25, 0.5), atol=4 * (0.25 / 20_000) ** 0.5)


def test_segments_add_up_to_all_traffic(layout: GridLayout, traffic: Traffic) -> None:
    values = {"country": ("FR", "DE"), "tags.tier": ("gold",)}
    plan = compile_plan(Plan(segments=tuple(values), segment_values=values), layout)
    counts = traffic.counted(plan)
    assert sorted(counts.segments) == [
        "country=DE", "country=FR", "country=other", "tags.tier=gold", "tags.tier=other",
    ]  # fmt: skip
    for name in ("country", "tags.tier"):
        parts = [part for of, part in counts.segments.items() if of.startswith(f"{name}=")]
        together = merge_panes(parts)
        assert together.core[[COUNT, ERRORS]].tolist() == counts.core[[COUNT, ERRORS]].tolist()
        assert together.latencies.tolist() == counts.latencies.tolist()
        assert (together.latency_ns, together.errors) == (counts.latency_ns, counts.errors)
        grid, whole = together.grids[layout.id], counts.grids[layout.id]
        assert grid.events == whole.events
        assert grid.sums == whole.sums[: len(grid.sums)]
        assert grid.maxima is not None
        assert whole.maxima is not None
        assert grid.maxima.tolist() == whole.maxima.tolist()
    came = Counter(d["features"]["country"] for d in traffic.documents)
    assert counts.segments["country=FR"].count == came["FR"]
    assert counts.segments["country=other"].count == came["US"] + came["IT"]
    assert counts.tags["tier"].names == {"gold": counts.segments["tags.tier=gold"].count}


def test_a_segment_by_a_sampled_feature_counts_all_of_its_traffic(
    layout: GridLayout, traffic: Traffic
) -> None:
    plan = Plan(sampling_rate=0.1, segments=("country",), segment_values={"country": COUNTRIES})
    counts = traffic.counted(compile_plan(plan, layout))
    came = Counter(d["features"]["country"] for d in traffic.documents)
    assert {n: p.count for n, p in counts.segments.items()} == {
        f"country={country}": came[country] for country in COUNTRIES
    }
    sampled = [p.grids[layout.id].events for p in counts.segments.values() if p.grids]
    assert sum(sampled) == counts.grids[layout.id].events < EVENTS / 5


def test_constraints_look_at_every_scored_event_also_beside_a_sample(
    layout: GridLayout, traffic: Traffic
) -> None:
    features = {
        "age": FeatureConfig(min=30, max=60),
        "score": FeatureConfig(not_null=True),
        "country": FeatureConfig(allowed=("FR", "DE"), regex="[A-Z]R"),
        "prediction": FeatureConfig(max=0),
    }
    plan = compile_plan(Plan(features=features, sampling_rate=0.1), layout)
    assert plan.constraints is not None
    found = traffic.counted(plan).violations[plan.constraints.id].names
    good = [d for d in traffic.documents if "error" not in d]
    ages = [d["features"]["age"] for d in good]
    countries = [d["features"]["country"] for d in good]
    assert found == {
        "": len(good),
        "min:age": sum(age < 30 for age in ages),
        "max:age": sum(age > 60 for age in ages),
        "not_null:score": sum(d["features"]["score"] is None for d in good),
        "allowed:country": sum(country not in ("FR", "DE") for country in countries),
        "regex:country": sum(country != "FR" for country in countries),
        "max:prediction": sum(d["prediction"] for d in good),
    }


def test_what_a_batch_is_cut_into_makes_no_difference(layout: GridLayout, traffic: Traffic) -> None:
    values: dict[str, tuple[str, ...]] = {"country": ("FR", "DE")}
    features = {"age": FeatureConfig(min=30)}
    given = Plan(sampling_rate=0.5, segments=("country",), segment_values=values, features=features)
    plan = compile_plan(given, layout)
    order = np.random.default_rng(4).permutation(EVENTS)
    parts = [traffic.counted(plan, order=part) for part in np.split(order, [1, 90, 250])]
    together, whole = merge_panes(parts), traffic.counted(plan)
    assert together.core.tolist() == whole.core.tolist()
    assert together.violations == whole.violations
    assert whole.ids is not None
    assert together.ids is not None
    assert together.ids.counts.tolist() == whole.ids.counts.tolist()
    for name in (None, "country=FR", "country=other"):
        one, other = (c if name is None else c.segments[name] for c in (together, whole))
        grid, same = one.grids[layout.id], other.grids[layout.id]
        assert {r: c.tolist() for r, c in grid.rows.items()} == {
            r: c.tolist() for r, c in same.rows.items()
        }
        assert grid.sums == same.sums
    moments = [c.grids[layout.id].moments for c in (together, whole)]
    assert moments[0] is not None
    assert moments[1] is not None
    assert moments[0].tolist() == moments[1].tolist()


def test_repeated_requests_are_told_from_new_ones_and_from_those_without_an_id() -> None:
    ids = [None, "a", "b", "a", None, "a", 7, 7.0]
    [pane] = count([DecodedEvent(prediction=1, request_id=i) for i in ids]).values()  # type: ignore[arg-type]
    counts = decoded(pane)
    assert counts.core[IDENTIFIED] == 6
    assert counts.ids is not None
    assert counts.ids.counts.sum() == 6
    assert sorted(counts.ids.counts.tolist()) == [1, 2, 3]
    assert counts.ids.repeated_share == 0.5
