"""What a version that is met in the log is counted by."""

from typing import Any

import pytest

from schemas.activations import Activation, plan_of
from schemas.baselines import baseline_id
from schemas.config import parse_config
from schemas.models import ModelConfig
from stream.backtest.learning import Sample
from stream.backtest.register import Register, overlaid
from stream.baseline.build import build_baseline
from stream.ingest.sample import SampleRow, hash_of
from stream.ingest.step import Delta
from stream.registry import NOTHING, Snapshot
from stream.settings import load_settings
from stream.state.keys import VersionId
from stream.window.delta import PaneDelta
from stream.window.panes import HOUR_MS, MINUTE_MS, PaneId

SETTINGS = load_settings(
    environment={}, options={"provisional": {"events_min": 50, "span_ms_min": HOUR_MS}}
)
THREE, FOUR, OTHER = (VersionId(*v) for v in (("credit", "3"), ("credit", "4"), ("churn", "1")))
T0 = 1_700_000_000_000
PANE = PaneId(MINUTE_MS, 0)


def baseline_of(version: VersionId, *_: Any) -> Any:
    values = {"age": [float(n % 40) for n in range(300)], "country": ["DE", "FR", "FR"] * 100}
    return build_baseline(values, model_name=version.model, model_version=version.version)


def met(*versions: VersionId, **tags: dict[str, int]) -> Delta:
    return Delta(panes={v: {PANE: PaneDelta(tags=dict(tags))} for v in versions})


def register_of(*documents: Any, sources: Any = None, snapshot: Snapshot = NOTHING) -> Register:
    given = parse_config(list(documents))
    sources = {"*": baseline_of} if sources is None else sources
    return Register(SETTINGS, overlaid(snapshot, given, sources), sources, timed=True)


def test_a_version_is_met_once_and_counts_from_the_beginning_of_time() -> None:
    register = register_of()
    assert register.meet(met(THREE))
    assert not register.meet(met(THREE))
    (made,) = register.snapshot.activations_of(THREE)
    assert (made.effective_from, made.baseline_id) == (0, baseline_id(baseline_of(THREE)))
    assert not register.plans.learns(THREE)
    assert register.decoder.feature_names("credit") == ("age", "country")


def test_a_second_version_inherits_and_another_model_does_not() -> None:
    register = register_of()
    register.meet(met(THREE))
    register.meet(met(FOUR, OTHER))
    used = {v: register.snapshot.activations_of(v)[0].baseline_id for v in (THREE, FOUR, OTHER)}
    assert used[FOUR] == used[THREE] != used[OTHER]


def test_sources_by_model_and_none_for_the_others() -> None:
    register = register_of(sources={"credit": baseline_of})
    register.meet(met(THREE, OTHER))
    assert not register.plans.learns(THREE)
    assert register.plans.learns(OTHER)


def test_values_of_tags_are_those_of_the_events_in_which_it_was_met() -> None:
    register = register_of({"model_name": "credit", "segments": ["tags.site", "country"]})
    assert register.meet(met(THREE))
    assert register.meet(met(THREE, site={"north": 3, "south": 5}))
    assert not register.meet(met(THREE, site={"east": 3}))
    (made,) = register.snapshot.activations_of(THREE)
    assert made.plan.segment_values == {
        "tags.site": ("south", "north"),
        "country": ("FR", "DE"),
    }


def test_a_baseline_that_is_learned_counts_a_little_ahead() -> None:
    register = register_of(sources={})
    register.meet(met(THREE))
    from_ms = register.learned(THREE, baseline_of(THREE), 90_000)
    assert from_ms == 2 * MINUTE_MS
    assert [a.effective_from for a in register.snapshot.activations_of(THREE)] == [0, from_ms]
    assert not register.plans.learns(THREE)


def test_a_topic_that_is_registered_is_counted_as_it_would_be_with_the_file_applied() -> None:
    old = Activation(
        model_name="credit",
        model_version="3",
        effective_from=1_000,
        plan=plan_of(ModelConfig(model_name="credit")),
        baseline_id=baseline_id(baseline_of(THREE)),
    )
    known = Snapshot(
        activations={"credit/3/1000": old},
        baselines={str(old.baseline_id): baseline_of(THREE)},
    )
    register = register_of(
        {"model_name": "credit", "sampling_rate": 0.5}, sources={}, snapshot=known
    )
    assert register.meet(met(THREE))
    (made,) = register.snapshot.activations_of(THREE)
    assert (made.effective_from, made.baseline_id) == (1_000, old.baseline_id)
    assert made.plan.sampling_rate == 0.5
    replaced = register_of(sources={"credit": baseline_of}, snapshot=known)
    replaced.meet(met(THREE))
    assert [a.effective_from for a in replaced.snapshot.activations_of(THREE)] == [0]


def row(number: int, time_ms: int) -> SampleRow:
    name = f"r-{number}"
    return hash_of(name), f'["{name}",{time_ms},{{"age":{number % 30}}},1,null]'.encode()


@pytest.mark.parametrize("order", [1, -1])
def test_a_sample_is_full_and_long_enough_before_it_teaches(order: int) -> None:
    sample = Sample(SETTINGS)
    config = ModelConfig(model_name="credit")
    rows = [row(n, T0 + n * 60_000) for n in range(100)][::order]
    assert sample.add(rows[:49]) is None
    assert sample.learn(THREE, config, T0 + 10 * HOUR_MS) is None
    sample.add(rows[:50])  # forty-nine of them again
    bound = sample.add(rows[50:])
    assert bound == sorted(score for score, _ in rows)[49]
    kept = [n for n in range(100) if row(n, 0)[0] <= bound]
    assert sample.learn(THREE, config, T0 + (kept[0] + 59) * 60_000) is None
    baseline = sample.learn(THREE, config, T0 + (kept[0] + 60) * 60_000)
    assert baseline is not None
    assert (baseline.rows, baseline.provisional) == (50, True)


def test_a_sample_of_which_no_baseline_can_be_made_says_why_once() -> None:
    sample = Sample(SETTINGS)
    sample.add([row(n, n) for n in range(100)])  # in 1970
    assert sample.learn(THREE, ModelConfig(model_name="credit"), T0) is None
    assert "1973" in str(sample.problem)
    sample.add([row(n, T0) for n in range(100)])
    assert sample.learn(THREE, ModelConfig(model_name="credit"), T0) is None
