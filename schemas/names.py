r"""The types and the text forms of names, ids and classes.

Patterns are anchored with ``\A`` and ``\Z``: Python's ``$`` would let a trailing newline through,
and names end up in keys, headers and file paths. The published JSON Schemas write ``^`` and ``$``.
"""

import math
from typing import Annotated

from msgspec import Meta

__all__ = [
    "NAME_PATTERN",
    "SHA256_PATTERN",
    "UNKNOWN_VERSION",
    "IntegralFloat",
    "Name",
    "NameOrInteger",
    "RequestId",
    "Sha256",
    "canonical_class",
    "text_of_id",
]

NAME_PATTERN = r"\A[A-Za-z0-9._-]{1,128}\Z"
SHA256_PATTERN = r"\A[0-9a-f]{64}\Z"

UNKNOWN_VERSION = "unknown"
"""The ``model_version`` of an event that names none."""

# Up to 2**53 a float holds every integer, so its decimal string is the sender's own.
IntegralFloat = Annotated[float, Meta(multiple_of=1, ge=-(2.0**53), le=2.0**53)]
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
# 64 bits; its decimal string always fits the alphabet and the length of a name.
NameOrInteger = Name | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | IntegralFloat
# No bounds on the integer here: msgspec knows none beyond 64 bits, and ids are often unsigned.
RequestId = Annotated[str, Meta(min_length=1, max_length=256)] | int | IntegralFloat
Sha256 = Annotated[str, Meta(pattern=SHA256_PATTERN)]


def text_of_id(value: str | float) -> str:
    """Return an id, or a version, as the string it stands for.

    Parameters
    ----------
    value
        A string, or an integer, also one written as ``7.0``.

    Returns
    -------
    str
        Strings unchanged, integers as decimal strings.

    Examples
    --------
    >>> text_of_id("v7"), text_of_id(7), text_of_id(7.0)
    ('v7', '7', '7')
    """
    return value if isinstance(value, str) else str(int(value))


def canonical_class(value: str | float | bool) -> str:
    """Return the class that a prediction or a label names.

    Numbers compare by value, and a boolean is the number it equals, so ``true``, ``1``, ``1.0``
    and ``"1"`` are one class. Other strings stand for themselves: ``"true"`` is not ``"1"``.

    Parameters
    ----------
    value
        A scalar from the wire; NaN and Infinity, which count as missing, are the caller's.

    Returns
    -------
    str
        The class: integral numbers without ``.0``, others with their shortest digits.

    Raises
    ------
    ValueError
        For NaN and Infinity.

    Examples
    --------
    >>> [canonical_class(v) for v in (True, 1, 1.0, "1", False, 0.5, "FR")]
    ['1', '1', '1', '1', '0', '0.5', 'FR']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(int(value))
    if not math.isfinite(value):
        raise ValueError(f"{value} is no class; count it as missing")
    return str(int(value)) if value.is_integer() else repr(value)
