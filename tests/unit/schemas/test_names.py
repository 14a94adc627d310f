import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import canonical_class, text_of_id


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((True, 1, 1.0, "1"), "1"),
        ((False, 0, 0.0, -0.0, "0"), "0"),
        ((-3, -3.0, "-3"), "-3"),
        ((2**60, float(2**60)), str(2**60)),
        ((0.1, "0.1"), "0.1"),
        (("true",), "true"),
        (("1.0",), "1.0"),
        (("",), ""),
    ],
)
def test_equal_values_are_one_class(values: tuple[Any, ...], name: str) -> None:
    assert {canonical_class(value) for value in values} == {name}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_counts_as_missing_is_no_class(value: float) -> None:
    with pytest.raises(ValueError, match="missing"):
        canonical_class(value)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(), st.integers())
def test_numbers_are_one_class_exactly_when_equal(a: float, b: float) -> None:
    assert (canonical_class(a) == canonical_class(b)) == (a == b)


def test_ids() -> None:
    assert [text_of_id(v) for v in ("7", 7, 7.0, 2**64, "a/b")] == ["7"] * 3 + [str(2**64), "a/b"]
