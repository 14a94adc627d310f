"""What applying a configuration changes."""

from typing import Any

import pytest

from schemas.activations import Activation, plan_of
from schemas.baselines import Baseline, FeatureBaseline
from schemas.config import parse_config
from schemas.features import FeatureKind
from schemas.models import ModelConfig
from schemas.records import ConfigRecord, record_key
from stream.baseline.errors import BaselineError
from stream.baseline.store import Stored, activation_for, find_baseline
from stream.cli.baseline import parse_kinds
from stream.cli.config_changes import check_chosen
from stream.cli.config_files import check_constraints
from stream.cli.errors import USAGE, CommandError
from stream.configure import changes, moment, replanned
from stream.emit.roles import MappingError

NOW = 1_790_002_800_000
SOON = NOW + 60_000
"""Half a minute later, at the next full minute."""
BASELINE, OTHER = "ab" * 32, "cd" * 32


def records(document: Any) -> Any:
    parsed = parse_config(document)
    both: list[ConfigRecord] = [*parsed.models, *parsed.rules]
    return {record_key(r): r for r in both}


def model(**fields: Any) -> Any:
    return records([{"model_name": "credit", **fields}])


def activation(
    version: Any = "3", start: Any = 0, plan_from: Any = None, baseline: Any = BASELINE
) -> Any:
    config = next(iter((plan_from or model()).values()))
    made = Activation(
        model_name="credit",
        model_version=version,
        effective_from=start,
        plan=plan_of(config),
        baseline_id=baseline,
    )
    return {record_key(made): made}


def test_a_new_model_shows_what_is_not_the_default() -> None:
    (change,) = changes({}, model(task="binary", features={"age": {"min": 0}}).values())
    assert change.kind == "added"
    assert change.fields == {"task": ("auto", "binary"), "features.age.min": (None, 0.0)}


def test_the_same_again_changes_nothing() -> None:
    present = model(task="binary", windows=["24h", "5m"])
    (change,) = changes(present, model(task="binary", windows=["1d", "5m"]).values())
    assert (change.kind, change.fields) == ("unchanged", {})


def test_changes_are_shown_field_by_field() -> None:
    before = model(drift={"min_effect": 0.02}, features={"age": {"min": 0}})
    after = model(drift={"min_effect": 0.05}, segments=["country"])
    (change,) = changes(before, after.values())
    assert change.kind == "changed"
    assert change.fields == {
        "drift.min_effect": (0.02, 0.05),
        "segments": ((), ("country",)),
        "features.age.min": (0.0, None),
    }


def test_rules_are_compared_alike() -> None:
    before = records({"rules": [{"name": "latency", "for": "1m"}]})
    after = records({"rules": [{"name": "latency", "for": "2m"}]})
    (change,) = changes(before, after.values())
    assert change.fields == {"for": ("1m", "2m")}


def planned(before: Any, after: Any, baselines: Any = None) -> Any:
    return replanned(before, before | after, baselines or {}, NOW)


def test_a_changed_counting_plan_is_activated_soon_with_the_same_baseline() -> None:
    present = model() | activation("3") | activation("4")
    plans = planned(present, model(sampling_rate=0.5))
    assert [(p.model_version, p.effective_from, p.baseline_id) for p in plans] == [
        ("3", SOON, BASELINE),
        ("4", SOON, BASELINE),
    ]
    assert {p.plan.sampling_rate for p in plans} == {0.5}


def test_what_does_not_touch_counting_activates_nothing() -> None:
    present = model() | activation()
    assert planned(present, model(retention_days=7, windows=["1h"])) == []


def test_a_version_with_a_configuration_of_its_own_is_not_replanned_by_the_rest() -> None:
    present = model() | model(model_version="3") | activation("3")
    assert planned(present, model(segments=["country"])) == []


def test_a_model_without_baseline_needs_no_activation() -> None:
    assert planned(model(), model(segments=["country"])) == []


def test_segments_are_those_of_the_baseline_and_known_tags_are_kept() -> None:
    present = model() | activation("3") | activation("4", baseline=OTHER)
    tagged = activation("3", start=5, plan_from=model(segments=["tags.site"]))
    ((key, known),) = tagged.items()
    plan = plan_of(next(iter(model(segments=["tags.site"]).values())), {"tags.site": ("b", "a")})
    present[key] = Activation(
        model_name="credit",
        model_version="3",
        effective_from=5,
        plan=plan,
        baseline_id=known.baseline_id,
    )
    after = model(segments=["country", "tags.site"])
    three, four = planned(present, after, {BASELINE: COUNTRIES})
    assert three.plan.segment_values == {"country": ("FR", "DE"), "tags.site": ("b", "a")}
    assert four.plan.segment_values == {}, "its baseline is not known"
    assert four.plan.segments == ("country", "tags.site")


def test_a_configured_baseline_counts_soon() -> None:
    present = model() | activation("3")
    (made,) = planned(present, model(baseline=OTHER))
    assert (made.baseline_id, made.effective_from) == (OTHER, SOON)
    assert planned(model(baseline=OTHER) | activation("3"), model(baseline="rolling")) == []


def test_a_deleted_configuration_leaves_the_default_plan() -> None:
    constrained = model(features={"age": {"min": 0}})
    present = constrained | activation("3", plan_from=constrained)
    after = {key: record for key, record in present.items() if key not in constrained}
    (made,) = replanned(present, after, {}, NOW)
    assert made.plan == plan_of(ModelConfig(model_name="credit"))


def test_a_pattern_that_workers_could_not_use_is_refused() -> None:
    good = next(iter(model(features={"zip": {"regex": "[0-9]{5}"}}).values()))
    check_constraints("m.toml", good)
    wrong = next(iter(model(features={"zip": {"regex": "(?=a)"}}).values()))
    with pytest.raises(CommandError, match=r"m.toml: feature zip of credit \*: regex") as raised:
        check_constraints("m.toml", wrong)
    assert raised.value.code == USAGE


def test_a_baseline_that_is_not_there_is_refused() -> None:
    wanted = list(model(baseline=OTHER).values())
    check_chosen("m.toml", wanted, {OTHER: EMPTY})
    with pytest.raises(CommandError, match="there is no baseline cdcdcdcdcdcd") as raised:
        check_chosen("m.toml", wanted, {BASELINE: EMPTY})
    assert raised.value.code == USAGE


# -- baselines -------------------------------------------------------------------------------------


EMPTY = Baseline(model_name="credit", model_version="3", rows=2, features={})
COUNTRIES = Baseline(
    model_name="credit",
    model_version="3",
    rows=9,
    features={
        "country": FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=("DE", "FR", "IT"), counts=(3, 6, 0, 0, 0, 0)
        )
    },
)


def activated(
    present: Any, version: Any, baseline: Any, start: Any = None, content: Any = EMPTY
) -> Any:
    one = Stored(baseline, content, None, None)
    return activation_for(present, "credit", version, one, start, NOW)


def test_the_first_baseline_counts_from_the_beginning_and_later_ones_soon() -> None:
    first = activated(model(), "3", BASELINE)
    assert first.effective_from == 0
    present = model() | {record_key(first): first}
    assert activated(present, "3", BASELINE) is None
    second = activated(present, "3", OTHER)
    assert second.effective_from == SOON
    assert activated(present, "4", BASELINE).effective_from == 0


def test_what_is_activated_within_a_minute_stays_in_order() -> None:
    present = model() | activation("3") | activation("3", start=SOON, baseline=OTHER)
    back = activated(present, "3", BASELINE)
    assert back.effective_from == SOON + 60_000
    again = activated(present | {record_key(back): back}, "3", OTHER)
    assert again.effective_from == SOON + 120_000


def test_a_first_baseline_does_not_reach_behind_a_plan_that_already_counts() -> None:
    present = model() | activation("3", start=NOW - 1, baseline=None)
    assert activated(present, "3", BASELINE).effective_from == SOON


def test_a_start_can_be_given_but_an_activation_is_never_changed() -> None:
    present = model() | activation("3")
    assert activated(present, "3", OTHER, 5).effective_from == 5
    with pytest.raises(BaselineError, match="never changes"):
        activated(present, "3", OTHER, 0)


def test_the_plan_is_the_configurations_with_the_values_of_the_baseline() -> None:
    made = activated(model(segments=["country"]), "3", BASELINE, content=COUNTRIES)
    assert made.plan.segments == ("country",)
    assert made.plan.segment_values == {"country": ("FR", "DE")}


def test_a_baseline_is_found_by_the_start_of_its_id() -> None:
    stored = {name: Stored(name, EMPTY, None, None) for name in ("abcd1", "abcd2", "ef012")}
    assert find_baseline(stored, "ef01").id == "ef012"
    for prefix, words in (("abcd", "2 baselines"), ("9999", "no baseline"), ("ab", "at least 4")):
        with pytest.raises(BaselineError, match=words):
            find_baseline(stored, prefix)


def test_kinds_are_given_by_column() -> None:
    assert parse_kinds(["zip=categorical", "a=b=numeric"]) == {
        "zip": FeatureKind.CATEGORICAL,
        "a=b": FeatureKind.NUMERIC,
    }
    for given, words in (
        (["zip"], "no COLUMN=KIND"),
        (["zip=categoric"], "the kinds are numeric, "),
        (["zip=id", "zip=text"], "twice"),
    ):
        with pytest.raises(MappingError, match=words):
            parse_kinds(given)


def test_header_times_are_rfc_3339() -> None:
    assert moment(NOW + 250) == "2026-09-21T15:00:00.250Z"
