"""Which baseline a version inherits, and from when on an activation holds."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.activations import Activation, Plan
from schemas.baselines import Baseline
from schemas.models import ModelConfig
from stream.activations import (
    AHEAD_MS,
    counts_by_default,
    in_force,
    inherited_baseline,
    name_of,
    plan_for,
    previous_baseline,
    start_ms,
)

MINUTE_MS = 60_000
CONFIG = ModelConfig(model_name="credit")


def activation(version: str, start: int, baseline: str | None) -> Activation:
    return Activation(
        model_name="credit",
        model_version=version,
        effective_from=start,
        plan=Plan(),
        baseline_id=None if baseline is None else baseline * 32,
    )


def baseline(version: str = "1", provisional: bool = False) -> Baseline:
    return Baseline(
        model_name="credit", model_version=version, rows=9, features={}, provisional=provisional
    )


BOTH = {"aa": baseline(), "bb": baseline("2")}


def inherited(version: str, made: Any, baselines: Any = None) -> str | None:
    names = {name_of(one): one for one, _ in made}
    times = {name_of(one): at_ms for one, at_ms in made}
    known = {name * 32: one for name, one in (baselines or BOTH).items()}
    found = inherited_baseline("credit", version, names, times, known)
    return None if found is None else found[:2]


def test_a_version_inherits_from_the_one_that_came_last() -> None:
    one, two = activation("1", 0, "aa"), activation("2", 0, "bb")
    assert inherited("3", [(one, 10), (two, 20)]) == "bb"
    assert inherited("3", [(one, 20), (two, 10)]) == "aa"
    assert inherited("2", [(one, 10), (two, 20)]) == "aa", "never from itself"
    assert inherited("1", [(one, 10)]) is None


def test_a_changed_plan_does_not_make_a_version_a_later_one() -> None:
    made = [(activation("1", 0, "aa"), 1), (activation("2", 9, "bb"), 2)]
    assert inherited("3", [*made, (activation("1", 99, "aa"), 3)]) == "bb"


def test_what_was_activated_last_for_the_predecessor_is_inherited() -> None:
    assert inherited("2", [(activation("1", 0, "aa"), 1), (activation("1", 50, "bb"), 2)]) == "bb"


def test_versions_made_together_are_ordered_by_their_numbers() -> None:
    assert inherited("11", [(activation("9", 0, "aa"), 5), (activation("10", 0, "bb"), 5)]) == "bb"
    assert inherited("c", [(activation("a", 0, "bb"), 5), (activation("9", 0, "aa"), 5)]) == "bb"


def test_a_provisional_baseline_is_inherited_only_where_there_is_no_other() -> None:
    provisional = {"aa": baseline(), "bb": baseline("2", provisional=True)}
    made = [(activation("1", 0, "aa"), 1), (activation("2", 0, "bb"), 2)]
    assert inherited("3", made, provisional) == "aa"
    assert inherited("3", made[1:], provisional) == "bb"


def test_a_baseline_that_is_not_known_yet_is_not_inherited() -> None:
    made = [(activation("1", 0, "aa"), 1), (activation("2", 0, "bb"), 2)]
    assert inherited("3", made, {"aa": baseline()}) == "aa"
    assert inherited("3", [(activation("1", 0, None), 1)]) is None


def test_the_baseline_before_is_the_last_other_one() -> None:
    history = [activation("1", 0, "aa"), activation("1", 5, "bb"), activation("1", 9, "bb")]
    assert previous_baseline(history) == "aa" * 32
    assert previous_baseline([*history, activation("1", 12, "aa")]) == "bb" * 32
    assert previous_baseline(history[:1]) is None
    assert previous_baseline([]) is None


@given(st.integers(0, 10**13), st.lists(st.integers(0, 8), max_size=6))
def test_an_activation_begins_with_a_pane_and_after_those_made_just_before(
    now_ms: int, minutes: list[int]
) -> None:
    first = start_ms(CONFIG, [], now_ms)
    assert first % MINUTE_MS == 0
    assert now_ms + AHEAD_MS <= first < now_ms + AHEAD_MS + MINUTE_MS
    history = [activation("1", first + k * MINUTE_MS, "aa") for k in minutes]
    start = start_ms(CONFIG, history, now_ms)
    assert start >= first
    assert start % MINUTE_MS == 0
    assert in_force(history, start) != activation("1", start, "aa"), "its key is free"
    assert all(a.effective_from < start for a in history if a.effective_from <= start + MINUTE_MS)


def test_panes_are_as_long_as_the_shortest_step_of_the_windows() -> None:
    hourly = ModelConfig(model_name="credit", windows=("1d", "7d"))
    assert start_ms(hourly, [], 1) == 60 * MINUTE_MS


def test_a_plan_without_baseline_is_needed_for_constraints_tags_and_sampling() -> None:
    def plain(**fields: Any) -> bool:
        config = ModelConfig(model_name="credit", **fields)
        return counts_by_default(plan_for(config, None, {}))

    assert plain()
    assert plain(segments=("country",), positive_class="yes")
    assert plain(segments="auto")
    assert not plain(segments=("country", "tags.site"))
    assert not plain(sampling_rate=0.5)
