"""Constraints: which values break which, whatever comes beside them."""

from typing import Any

import pytest

from schemas.features import FeatureConfig
from stream.window.constraints import CONFIDENCE, Constraints, check_regex, compile_constraints

INFINITY, NAN = float("inf"), float("nan")


def constraints(**features: FeatureConfig) -> Constraints:
    compiled = compile_constraints(features)
    assert compiled is not None
    return compiled


def broken(feature: FeatureConfig, values: list[Any]) -> dict[str, int]:
    return constraints(x=feature).count({"x": values})


@pytest.mark.parametrize(
    ("feature", "good", "bad"),
    [
        (FeatureConfig(min=0), [0, 0.0, 7, 10**30], [-1, -1e-300, -(10**30)]),
        (FeatureConfig(max=1.5), [1.5, 1, -(10**30)], [1.6, 2, 10**30]),
        (FeatureConfig(allowed=("a", 1)), ["a", "1", 1, 1.0, True], ["A", "", 2, False, [1], {}]),
        (FeatureConfig(allowed=(False, 2.0)), [False, 0, "0", 2, "2"], [True, 1, "2.0"]),
        (FeatureConfig(not_null=True), [0, "", False, [], {}], [None, NAN]),
        (FeatureConfig(regex="[a-z]{2}"), ["ab"], ["abc", "a", "", "AB", "ab\n", " ab"]),
        (FeatureConfig(regex="a|bc"), ["a", "bc"], ["ac", "abc", "b"]),
        (FeatureConfig(regex="(?i)é+"), ["é", "ÉÉ"], ["e"]),
    ],
)
def test_good_values_break_nothing_and_bad_ones_are_counted(
    feature: FeatureConfig, good: list[Any], bad: list[Any]
) -> None:
    assert broken(feature, good) == {}
    found = broken(feature, good + bad + bad)
    assert list(found.values()) == [2 * len(bad)]


def test_only_not_null_speaks_of_missing_values_and_of_other_types_none_does() -> None:
    bounds = FeatureConfig(min=0, max=1)
    assert broken(bounds, [None, NAN, INFINITY, -INFINITY, "-5", True, [-5], {"a": -5}]) == {}
    assert broken(FeatureConfig(allowed=("a",)), [None, NAN, INFINITY]) == {}
    assert broken(FeatureConfig(regex="a"), [None, 5, True, ["b"]]) == {}


def test_numbers_beyond_what_a_float_holds_do_no_harm() -> None:
    assert broken(FeatureConfig(max=1), [10**400, 2]) == {"max:x": 1}
    assert broken(FeatureConfig(allowed=("a",)), [10**400]) == {"allowed:x": 1}


def test_every_constraint_counts_by_itself_under_its_name() -> None:
    both = FeatureConfig(min=0, max=1, not_null=True)
    compiled = constraints(b=both, a=FeatureConfig(allowed=("u",)), c=FeatureConfig(kind=None))
    found = compiled.count({"a": ["v", "u"], "b": [-1, 5, 7, None]})
    assert found == {"allowed:a": 1, "min:b": 1, "max:b": 2, "not_null:b": 1}
    assert compiled.features == ("a", "b")


def test_many_different_values_are_looked_up_like_few() -> None:
    values = [f"v{i}" for i in range(3_000)] * 2
    assert broken(FeatureConfig(allowed=tuple(values[:2_000])), values) == {"allowed:x": 2_000}


def test_the_id_tells_constraints_apart_and_does_not_depend_on_what_else_is_said() -> None:
    one = constraints(x=FeatureConfig(min=0), y=FeatureConfig(max=1))
    assert one.id == constraints(y=FeatureConfig(max=1), x=FeatureConfig(min=0)).id
    assert one.id != constraints(x=FeatureConfig(min=1), y=FeatureConfig(max=1)).id
    assert one.id != constraints(x=FeatureConfig(max=0), y=FeatureConfig(max=1)).id


def test_a_configuration_without_constraints_has_none() -> None:
    assert compile_constraints({"x": FeatureConfig(kind=None)}) is None
    assert constraints(**{CONFIDENCE: FeatureConfig(min=0.8)}).features == (CONFIDENCE,)


@pytest.mark.parametrize("pattern", ["a(?=b)", "(", "a)(b", "a\\", r"\Qa", "(a)\\1"])
def test_a_pattern_that_re2_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regex "):
        check_regex(pattern)
    with pytest.raises(ValueError, match="regex "):
        compile_constraints({"x": FeatureConfig(regex=pattern)})
