"""Which baseline and plan versions get, round by round, and that nothing is published twice."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from schemas.activations import Activation
from schemas.baselines import Baseline, BaselineOrigin, baseline_id
from schemas.models import ModelConfig
from stream.activations import name_of, plan_for
from stream.baseline.build import build_baseline
from stream.registry import Snapshot
from stream.rollup.adoption import Adoption, Progress
from stream.rollup.merge import PaneCounts, decode_pane
from stream.rollup.provisional import Missing
from stream.rollup.terms import References
from stream.rollup.tracker import PaneTracker
from stream.settings import BaselineSettings, Settings
from stream.state.keys import StateKeys, VersionId
from stream.window.delta import GridValues, PaneDelta
from stream.window.layout import compile_layout
from stream.window.panes import DAY_MS, HOUR_MS, MINUTE_MS, PaneId

START_MS = 20_000 * DAY_MS
SETTINGS = Settings(provisional=BaselineSettings(events_min=300, span_ms_min=HOUR_MS))
V1, V2 = VersionId("credit", "1"), VersionId("credit", "2")


def reference(version: str = "1", seed: int = 0) -> Baseline:
    rng = np.random.default_rng(seed)
    rows = 5_000
    data = {"x": rng.normal(size=rows), "prediction": rng.integers(0, 2, rows)}
    return build_baseline(data, model_name="credit", model_version=version)


BASELINE, OTHER = reference(), reference("2", seed=1)


def pane(
    baseline: Baseline | None, count: int, seed: int = 9, **tags: dict[str, int]
) -> PaneCounts:
    """What a worker counts of so many events."""
    rng = np.random.default_rng(seed)
    made = PaneDelta()
    made.add_traffic(np.zeros(count, bool), np.full(count, np.nan), [])
    made.tags = dict(tags)
    if baseline is not None and count:
        layout = compile_layout(baseline)
        classes = layout.categorical[0].row
        values = GridValues(rng.normal(1, 1, (1, count)), {classes: rng.integers(0, 2, count)})
        made.grid(layout).add(values)
    return decode_pane({name.encode(): row for name, row in made.rows()})


class Samples:
    """The part of Redis where samples are."""

    def __init__(self) -> None:
        self.rows: dict[str, list[bytes]] = {}

    def zcard(self, key: str) -> int:
        return len(self.rows.get(key, []))

    def zrange(self, key: str, _first: int, _last: int) -> list[bytes]:
        return self.rows.get(key, [])

    def unlink(self, key: str) -> None:
        self.rows.pop(key, None)

    def sample(self, version: VersionId, count: int, span_ms: int) -> None:
        rng = np.random.default_rng(3)
        rows = [
            [f"r{k}", START_MS + k * span_ms // (count - 1), {"x": rng.normal()}, k % 2, None]
            for k in range(count)
        ]
        self.rows[StateKeys(SETTINGS.namespace).sample(version)] = [
            msgspec.json.encode(row) for row in rows
        ]


@dataclass
class World:
    """Kafka, Redis and the agents; what is published is known a round later."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    samples: Samples = field(default_factory=Samples)
    published: list[Activation] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    newest_ms: int = START_MS
    delay: bool = False

    def __post_init__(self) -> None:
        self.restart()
        self.tracker = PaneTracker()

    def restart(self) -> None:
        client: Any = self.samples
        self.adoption = Adoption(SETTINGS, client, self)
        self.references = References()

    def publish(self, activation: Activation, baseline: Baseline | None) -> None:
        self.published.append(activation)
        if not self.delay:
            self.know(activation, baseline)

    def know(self, activation: Activation, baseline: Baseline | None = None) -> None:
        known = dict(self.snapshot.baselines)
        if baseline is not None:
            known[baseline_id(baseline)] = baseline
        name = name_of(activation)
        self.snapshot = replace(
            self.snapshot,
            activations={**self.snapshot.activations, name: activation},
            baselines=known,
            made_ms={**self.snapshot.made_ms, name: self.newest_ms},
        )

    def retire(self, activations: Iterable[Activation], baselines: Iterable[str]) -> None:
        gone = {name_of(one) for one in activations}
        names = list(baselines)
        self.retired += [*gone, *names]
        kept = {n: a for n, a in self.snapshot.activations.items() if n not in gone}
        left = {n: b for n, b in self.snapshot.baselines.items() if n not in names}
        self.snapshot = replace(self.snapshot, activations=kept, baselines=left)

    def configure(self, **fields: Any) -> None:
        config = ModelConfig(model_name="credit", **fields)
        self.snapshot = replace(self.snapshot, models={"credit/*": config})

    def activate(self, version: VersionId, baseline: Baseline, from_ms: int = 0) -> None:
        made = Activation(
            model_name=version.model,
            model_version=version.version,
            effective_from=from_ms,
            plan=plan_for(self.snapshot.model(version), baseline, {}),
            baseline_id=baseline_id(baseline),
        )
        self.know(made, baseline)

    def count(self, tier_ms: int, from_ms: int, counts: PaneCounts) -> None:
        self.tracker.put(PaneId(tier_ms, from_ms), counts, 1, ())

    def round(self, version: VersionId = V1, looked_at: Snapshot | None = None) -> Missing | None:
        compiled = self.references.of(looked_at or self.snapshot, version)
        closed_ms = self.newest_ms - 5_000
        at = Progress(
            version, compiled, self.newest_ms, closed_ms, closed_ms - HOUR_MS, self.newest_ms
        )
        return self.adoption.consider(self.snapshot, at, self.tracker)


def test_a_new_version_inherits_and_does_not_learn() -> None:
    world = World()
    world.activate(V1, BASELINE)
    world.samples.sample(V2, 300, HOUR_MS)
    assert world.round(V2) is None
    (made,) = world.published
    assert (made.model_version, made.baseline_id) == ("2", baseline_id(BASELINE))
    assert made.effective_from == START_MS + MINUTE_MS
    assert world.samples.rows, "workers may not know of it yet"
    world.newest_ms = made.effective_from
    assert world.round(V2) is None
    assert not world.samples.rows
    world.restart()
    world.round(V2)
    assert len(world.published) == 1


def test_nothing_is_published_again_while_the_registry_is_behind() -> None:
    world = World(delay=True)
    world.activate(V1, BASELINE)
    for _ in range(3):
        world.round(V2)
        world.newest_ms += 90_000
    (made,) = world.published
    world.know(made)
    world.round(V2)
    assert len(world.published) == 1


def test_a_version_without_predecessor_learns_with_its_configured_plan() -> None:
    world = World()
    world.configure(sampling_rate=0.5)
    assert world.round() == Missing(300, 0)
    (plan_only,) = world.published
    assert (plan_only.baseline_id, plan_only.plan.sampling_rate) == (None, 0.5)
    world.samples.sample(V1, 300, HOUR_MS - 1)
    world.newest_ms = START_MS + HOUR_MS - 1
    assert world.round() == Missing(0, 1)
    world.newest_ms += 1
    assert world.round() is None
    learned = world.published[-1]
    assert learned.plan.sampling_rate == 0.5
    baseline = world.snapshot.baselines[str(learned.baseline_id)]
    assert (baseline.provisional, baseline.origin) == (True, BaselineOrigin.PROVISIONAL)
    assert len(world.published) == 2
    world.round()
    assert len(world.published) == 2


def test_provisional_learns_even_where_a_predecessor_has_a_baseline() -> None:
    world = World()
    world.configure(baseline="provisional")
    world.activate(V1, BASELINE)
    assert world.round(V2) == Missing(300, 0)
    assert world.published == []


def test_the_configured_baseline_is_given_once_it_is_known() -> None:
    world = World()
    world.configure(baseline=baseline_id(OTHER))
    world.samples.sample(V1, 300, HOUR_MS)
    world.newest_ms += 2 * HOUR_MS
    assert world.round() is None
    assert world.published == [], "neither learned nor inherited"
    world.snapshot = replace(world.snapshot, baselines={baseline_id(OTHER): OTHER})
    world.round()
    assert [a.baseline_id for a in world.published] == [baseline_id(OTHER)]


def test_a_default_configuration_gets_no_plan_without_a_baseline() -> None:
    world = World()
    world.configure(segments=("country",))
    world.round()
    assert world.published == []


# -- segments by tags ------------------------------------------------------------------------------


def tagged(**fields: Any) -> World:
    world = World()
    world.configure(segments=("tags.site",), **fields)
    world.activate(V1, BASELINE)
    return world


def test_tags_get_their_values_once_there_are_enough_events() -> None:
    world = tagged()
    world.count(MINUTE_MS, START_MS, pane(None, 150, site={"a": 50, "b": 100}))
    world.round()
    assert world.published == []
    world.count(MINUTE_MS, START_MS + MINUTE_MS, pane(None, 50, site={"a": 40, "c": 10}))
    world.round()
    (made,) = world.published
    assert made.plan.segment_values == {"tags.site": ("b", "a", "c")}
    assert made.baseline_id == baseline_id(BASELINE)
    world.round()
    assert len(world.published) == 1


def test_tags_split_without_a_baseline_too() -> None:
    world = World()
    world.configure(segments=("tags.site",))
    world.round()
    world.count(MINUTE_MS, START_MS, pane(None, 200, site={"a": 200}))
    world.round()
    first, second = world.published
    assert (first.plan.segments, first.plan.segment_values) == (("tags.site",), {})
    assert second.plan.segment_values == {"tags.site": ("a",)}
    assert second.effective_from > first.effective_from


def test_values_that_come_later_are_taken_at_the_end_of_a_day_if_they_are_frequent() -> None:
    world = tagged()
    world.count(MINUTE_MS, START_MS, pane(None, 200, site={"a": 200}))
    world.round()
    assert world.published[-1].plan.segment_values == {"tags.site": ("a",)}
    world.count(HOUR_MS, START_MS + HOUR_MS, pane(None, 1_000, site={"a": 960, "b": 40}))
    world.newest_ms = START_MS + DAY_MS + 5_000
    world.round()
    assert len(world.published) == 1, "b is one in 30"
    world.count(HOUR_MS, START_MS + DAY_MS, pane(None, 1_000, site={"a": 940, "b": 60}))
    world.round()
    assert len(world.published) == 1, "the day is not over"
    world.newest_ms += DAY_MS
    world.round()
    assert world.published[-1].plan.segment_values == {"tags.site": ("a", "b")}
    world.restart()
    world.round()
    assert len(world.published) == 2


# -- rolling ---------------------------------------------------------------------------------------


def rolling(**fields: Any) -> World:
    world = World()
    world.configure(baseline="rolling", windows=("5m", "1d"), **fields)
    world.activate(V1, BASELINE)
    return world


def days(world: World, count: int, first: int = 0, rows: int = 400) -> None:
    """Play days, a round after each, when it is settled."""
    for day in range(first, first + count):
        world.count(DAY_MS, START_MS + day * DAY_MS, pane(BASELINE, rows, seed=day))
        world.newest_ms = START_MS + (day + 1) * DAY_MS + HOUR_MS + 4_999
        before = len(world.published)
        world.round()
        assert len(world.published) == before, "an hour's events may yet come late"
        world.newest_ms += 1
        world.round()


def test_each_day_becomes_the_baseline_of_the_next_on_the_same_grid() -> None:
    world = rolling()
    days(world, 2)
    first, second = world.published
    assert first.effective_from == START_MS + DAY_MS + HOUR_MS + MINUTE_MS
    assert second.effective_from == START_MS + 2 * DAY_MS + HOUR_MS + MINUTE_MS
    for number, made in enumerate(world.published):
        baseline = world.snapshot.baselines[str(made.baseline_id)]
        assert baseline.origin is BaselineOrigin.ROLLING
        assert (baseline.rows, baseline.model_version) == (400, "1")
        assert baseline.start_ms == START_MS + number * DAY_MS
        assert compile_layout(baseline).id == compile_layout(BASELINE).id
        mean = baseline.features["x"].mean
        assert mean is not None
        assert abs(mean - 1) < 0.2
    world.restart()
    world.round()
    assert len(world.published) == 2


def test_a_day_is_not_rolled_again_by_what_was_known_before() -> None:
    world = rolling()
    before = world.snapshot
    days(world, 1)
    world.round(looked_at=before)
    assert len(world.published) == 1


def test_a_day_of_few_rows_is_passed_over() -> None:
    world = rolling()
    days(world, 1, rows=199)
    assert world.published == []
    days(world, 1, first=1, rows=200)
    assert len(world.published) == 1


def test_a_baseline_that_somebody_activated_stays_for_the_period() -> None:
    world = rolling()
    days(world, 2)
    back = msgspec.structs.replace(
        world.published[0], effective_from=START_MS + 2 * DAY_MS + 2 * HOUR_MS
    )
    world.know(back)
    world.newest_ms += 2 * HOUR_MS
    world.round()
    assert len(world.published) == 2
    days(world, 1, first=2)
    assert len(world.published) == 3


def test_a_period_that_was_partly_counted_on_another_grid_is_passed_over() -> None:
    world = rolling()
    world.activate(V1, OTHER, START_MS + HOUR_MS)
    days(world, 1)
    assert world.published == []


def test_old_rolling_baselines_are_deleted_and_nothing_else_is() -> None:
    world = rolling()
    days(world, 30)
    assert len(world.published) == 30
    # A window of a day, an hour of lateness, eight days of the topic: the tenth day before begins
    # with the activation of the eleventh.
    assert len(world.snapshot.activations) == 1 + 11
    assert baseline_id(BASELINE) in world.snapshot.baselines
    assert len(world.snapshot.baselines) == 1 + 11
    assert len(world.retired) == 2 * 19


def test_a_deleted_baseline_that_another_version_has_stays() -> None:
    world = rolling()
    days(world, 1)
    shared = world.snapshot.baselines[str(world.published[0].baseline_id)]
    world.activate(V2, shared)
    days(world, 20, first=1)
    assert name_of(world.published[0]) in world.retired
    assert baseline_id(shared) in world.snapshot.baselines


def test_a_plan_is_kept_when_a_period_becomes_the_baseline() -> None:
    world = rolling(segments=("tags.site",))
    world.count(MINUTE_MS, START_MS - MINUTE_MS, pane(None, 200, site={"a": 200}))
    world.round()
    days(world, 1)
    assert world.published[-1].plan.segment_values == {"tags.site": ("a",)}
