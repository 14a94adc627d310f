"""The conditions of rules: ``OP EXPR``."""

import re
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["Condition", "ConditionText", "Operator", "condition_text", "parse_condition"]

_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_CONDITION = re.compile(
    rf"\s*(?P<operator><=|>=|==|!=|<|>)\s*(?:(?P<number>{_NUMBER})"
    rf"|(?:(?P<factor>{_NUMBER})\s*\*\s*)?(?P<reference>baseline|previous)"
    r"(?:\s*(?P<sign>[+-])\s*(?P<offset>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?))?)\s*"
)

# The same without named groups, which not every dialect of regular expressions has.
_PLAIN_PATTERN = r"\A" + re.sub(r"\?P<[a-z]+>", "", _CONDITION.pattern) + r"\Z"

ConditionText = Annotated[str, Meta(extra_json_schema={"pattern": _PLAIN_PATTERN})]
"""A condition as text. The pattern is for the published schemas: `parse_condition` says more."""


class Operator(StrEnum):
    """How a figure is compared with the threshold."""

    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    EQ = "=="
    NE = "!="


class Condition(msgspec.Struct, frozen=True):
    """A parsed condition: figure, `operator`, `factor` * `reference` + `offset`.

    Attributes
    ----------
    operator
        The comparison.
    factor
        Of the reference; 0 where there is none.
    reference
        `baseline`, `previous` (the same window one day before), or None for a plain number.
    offset
        What is added; the number itself where there is no reference.
    """

    operator: Operator
    factor: float
    reference: Literal["baseline", "previous"] | None
    offset: float

    def threshold(self, reference_value: float) -> float:
        """Return what the figure is compared with.

        Parameters
        ----------
        reference_value
            The figure in the reference; of no effect where the condition names none.
        """
        if self.reference is None:
            return self.offset
        return self.factor * reference_value + self.offset


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Parameters
    ----------
    text
        ``OP EXPR``; OP one of ``< <= > >= == !=``; EXPR a number, or
        ``[NUMBER *] baseline|previous [+|- NUMBER]``.

    Returns
    -------
    Condition
        The same, parsed.

    Raises
    ------
    ValueError
        For any other text.

    Examples
    --------
    >>> parse_condition("< 0.9 * baseline - 0.1").threshold(1.0)
    0.8
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no condition; write one of < <= > >= == != and then a number or "
            "[NUMBER *] baseline|previous [+|- NUMBER], for instance '< 0.9 * baseline'"
        )
    operator = Operator(match["operator"])
    if match["number"] is not None:
        return Condition(operator, 0.0, None, float(match["number"]))
    offset = float((match["sign"] or "+") + (match["offset"] or "0"))
    reference: Literal["baseline", "previous"] = (
        "baseline" if match["reference"] == "baseline" else "previous"
    )
    return Condition(operator, float(match["factor"] or 1), reference, offset)


def condition_text(condition: Condition) -> str:
    """Write a condition as `parse_condition` reads it, without what says nothing.

    Examples
    --------
    >>> [condition_text(parse_condition(x)) for x in ("> 0.050", "< 0.9*baseline-0.1")]
    ['> 0.05', '< 0.9 * baseline - 0.1']
    """
    operator, offset = condition.operator, condition.offset
    if condition.reference is None:
        return f"{operator} {_number(offset)}"
    factor = "" if condition.factor == 1 else f"{_number(condition.factor)} * "
    text = f"{operator} {factor}{condition.reference}"
    return f"{text} {'-' if offset < 0 else '+'} {_number(abs(offset))}" if offset else text


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
