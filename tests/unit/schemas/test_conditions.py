import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.conditions import Operator, condition_text, parse_condition

NUMBERS = st.floats(0, 1e6).map(lambda x: f"{x:.3f}")


@pytest.mark.parametrize(
    ("text", "sign", "reference", "threshold"),
    [
        ("> 0.1", ">", None, 0.1),
        (">=-2", ">=", None, -2),
        ("== 1", "==", None, 1),
        ("!= 1e-3", "!=", None, 1e-3),
        ("< baseline", "<", "baseline", 10),
        ("< 0.9 * baseline", "<", "baseline", 9),
        ("<= 0.9*baseline-0.5", "<=", "baseline", 8.5),
        ("> 2 * previous + 1.5", ">", "previous", 21.5),
        ("< baseline - 0.1", "<", "baseline", 9.9),
    ],
)
def test_conditions(text: str, sign: str, reference: str | None, threshold: float) -> None:
    condition = parse_condition(text)
    assert condition.operator is Operator(sign)
    assert condition.reference == reference
    assert condition.threshold(10) == pytest.approx(threshold)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.9",
        "=< 1",
        "< ",
        "< baseline * 2",
        "< 2 baseline",
        "< yesterday",
        "< 1 + 2",
        "< nan",
        "< inf",
        "> baseline + -1",
        "> 1 > 2",
        "<> 1",
        "< 0x1",
        "< baseline + previous",
    ],
)
def test_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match="is no condition"):
        parse_condition(text)


@given(NUMBERS, NUMBERS, st.sampled_from("+-"), st.floats(-1e6, 1e6))
def test_threshold_is_the_formula(factor: str, offset: str, sign: str, value: float) -> None:
    condition = parse_condition(f"< {factor} * baseline {sign} {offset}")
    combine = operator.add if sign == "+" else operator.sub
    assert condition.threshold(value) == combine(float(factor) * value, float(offset))


@given(
    st.sampled_from(list(Operator)),
    st.sampled_from(["", "baseline", "previous"]),
    st.floats(-1e300, 1e300).filter(bool),
    st.floats(0, 1e300),
    st.sampled_from("+-"),
)
def test_what_is_written_is_read_back(
    sign: Operator, reference: str, factor: float, offset: float, plus: str
) -> None:
    right = f"{factor!r} * {reference} {plus} {offset!r}" if reference else f"{factor!r}"
    condition = parse_condition(f"{sign} {right}")
    assert parse_condition(condition_text(condition)) == condition
