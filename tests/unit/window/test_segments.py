"""Segments: which values have one of their own, and that every event is in exactly one."""

from typing import Any

import pytest

from schemas.baselines import Baseline
from stream.baseline.build import build_baseline
from stream.window.segments import (
    SEGMENTS_MAX,
    VALUES_MAX,
    compile_segments,
    resolve_segments,
)

ROWS = 600


def baseline(**columns: Any) -> Baseline:
    columns = {"number": [i / 7 for i in range(ROWS)], **columns}
    return build_baseline(columns, model_name="m", model_version="1")


@pytest.fixture(scope="module")
def reference() -> Baseline:
    return baseline(
        country=["FR"] * 300 + ["DE"] * 200 + ["US"] * 100,
        plan=["free", "paid"] * 300,
        member=[True, False, False] * 200,
        many=[f"v{i % 9}" for i in range(ROWS)],
        single=["x"] * ROWS,
    )


def test_values_of_a_feature_are_the_baselines_and_those_of_a_tag_what_came(
    reference: Baseline,
) -> None:
    tags = {"environment": {"prod": 90, "test": 10, "dev": 10}, "other": {"a": 1}}
    found = resolve_segments(["country", "tags.environment"], reference, tags)
    assert found == {
        "country": ("FR", "DE", "US"),
        "tags.environment": ("prod", "dev", "test"),
    }


def test_a_name_without_known_values_splits_nothing(reference: Baseline) -> None:
    names = ["number", "nowhere", "tags.nowhere", "single"]
    assert resolve_segments(names, reference, {}) == {"single": ("x",)}
    assert resolve_segments(["country"], None, {}) == {}
    assert resolve_segments("auto", None, {"a": {"b": 1}}) == {}


def test_auto_takes_columns_of_two_to_eight_classes(reference: Baseline) -> None:
    found = resolve_segments("auto", reference, {"environment": {"prod": 1}})
    assert sorted(found) == ["country", "member", "plan"]
    assert found["member"] == ("0", "1")


@pytest.mark.parametrize("names", [1, 2, 3, 7, 24, 25, 26, 60])
def test_there_are_never_more_than_the_bound(names: int) -> None:
    tags = {f"t{i:02d}": {f"v{j}": 100 - j for j in range(64)} for i in range(names)}
    found = resolve_segments([f"tags.{tag}" for tag in tags], None, tags)
    assert found
    segments = sum(len(values) + 1 for values in found.values())
    assert segments <= SEGMENTS_MAX
    assert segments > SEGMENTS_MAX / 3 or names == 1
    for values in found.values():
        assert len(values) <= VALUES_MAX
        assert list(values) == [f"v{j}" for j in range(len(values))]


def test_every_value_is_in_one_segment_and_numbers_compare_by_value() -> None:
    (column,) = compile_segments({"plan": ("1", "free", "2.5")})
    values = [1, 1.0, True, "1", "free", 2.5, "2.50", None, [1], {"a": 1}, 0, False, "other"]
    members = column.members(values)
    assert members == [
        ("plan=1", [0, 1, 2, 3]),
        ("plan=free", [4]),
        ("plan=2.5", [5]),
        ("plan=other", [6, 7, 8, 9, 10, 11, 12]),
    ]
    assert sorted(i for _, found in members for i in found) == list(range(len(values)))


def test_segments_are_compiled_by_name_and_tags_know_theirs() -> None:
    columns = compile_segments({"tags.a": ("x",), "b": ("y",)})
    assert [(c.name, c.tag) for c in columns] == [("b", None), ("tags.a", "a")]
    assert columns[1].members(["x", None]) == [("tags.a=x", [0]), ("tags.a=other", [1])]
