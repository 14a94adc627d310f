"""The one byte form that is hashed: canonical JSON as RFC 8785 (JCS) defines it.

Ids of reports, alerts, baselines and configurations are SHA-256 over these bytes, so that a
reader in any language can check an id: parse the JSON, drop the id, write the rest with a JCS
library, hash. Numbers are written as ECMAScript does, by value: ``4.0`` and ``4`` are the same
bytes, so an id survives a reader that knows only one kind of number.

References
----------
.. [1] RFC 8785, JSON Canonicalization Scheme (JCS), 2020.
.. [2] ECMA-262, section 6.1.6.1.20 Number::toString.
"""

import hashlib
import math
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

import msgspec

__all__ = ["canonical_json", "sha256_of"]


def canonical_json(value: Any) -> bytes:
    r"""Write a value as canonical JSON.

    Parameters
    ----------
    value
        A struct, or anything `msgspec.to_builtins` turns into JSON types.

    Returns
    -------
    bytes
        UTF-8; object members sorted by the UTF-16 code units of their names; no spaces; the
        shortest digits that give the same float back. Integers beyond 2**53, which RFC 8785
        leaves out, keep all their digits.

    Raises
    ------
    ValueError
        For NaN, Infinity and lone surrogates, which JSON can't carry.

    Examples
    --------
    >>> canonical_json({"b": 4.0, "a": [1e-9, True, None, "é"]}).decode()
    '{"a":[1e-9,true,null,"é"],"b":4}'
    """
    return _text(msgspec.to_builtins(value, str_keys=True)).encode("utf-8")


def sha256_of(value: Any) -> str:
    """Hash a value's canonical JSON.

    Returns
    -------
    str
        SHA-256 as 64 lower-case hexadecimal digits.
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, dict):
        names = sorted(value, key=_utf16_order)
        return "{" + ",".join(f"{encode_basestring(n)}:{_text(value[n])}" for n in names) + "}"
    return "[" + ",".join(map(_text, value)) + "]"


def _utf16_order(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _float_text(value: float) -> str:
    """Write a float as ECMAScript does: fixed notation from 1e-6 up to below 1e21."""
    if not math.isfinite(value):
        raise ValueError(f"{value} can't be written as JSON; leave the figure out")
    if value == 0:
        return "0"
    magnitude = abs(value)
    text = repr(value)
    if "e" not in text and magnitude < 1e16:
        return text.removesuffix(".0")
    if 1e-6 <= magnitude < 1e21:
        return f"{Decimal(text):f}".removesuffix(".0")
    mantissa, exponent = text.split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
