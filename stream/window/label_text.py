"""How classes, labels and items are written in the entries of the join."""

import contextlib
import hashlib
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.names import canonical_class

CLASS_CHARACTERS_MAX = 64
"""Longer names of classes are cut, and end in a hash of the whole."""
_HASH_CHARACTERS = 8
ITEMS_MAX = 1000
"""Items of a ranking, or of the relevant ones, that are kept: the first, or the most relevant."""
_I4 = struct.Struct("<I")
_ITEM = struct.Struct("<Id")


def class_text(name: str) -> str:
    """Write the name of a class.

    Examples
    --------
    >>> class_text("spam"), len(class_text("s" * 100))
    ('spam', 64)
    """
    # Separates the two classes of a pair.
    name = name.replace("\x1f", " ")
    if len(name) <= CLASS_CHARACTERS_MAX and name.isascii():
        return name
    raw = name.encode("utf-8", "replace")
    if len(raw) <= CLASS_CHARACTERS_MAX:
        return raw.decode()
    digest = hashlib.sha256(raw).hexdigest()[:_HASH_CHARACTERS]
    kept = raw[: CLASS_CHARACTERS_MAX - _HASH_CHARACTERS].decode("utf-8", "ignore")
    return kept + digest


def scalar_text(value: str | float | bool) -> str:
    """Write what a prediction or a label names as a class; numbers stay numbers.

    Examples
    --------
    >>> [scalar_text(value) for value in (True, 1.0, "1", 0.5, 10**100)]
    ['1', '1', '1', '0.5', '1e+100']
    """
    name = canonical_class(value)
    if len(name) > CLASS_CHARACTERS_MAX and not isinstance(value, str):
        with contextlib.suppress(OverflowError):  # what is no double is cut like any name
            name = repr(float(value))
    return class_text(name)


def name_hash(name: str) -> bytes:
    """Hash of the name of a model or a version, 4 bytes."""
    return _I4.pack(zlib.crc32(name.encode()))


def item_hash(item: Any) -> int:
    """Hash of an item of a ranking, 32 bits; 1, 1.0 and "1" are one item."""
    return zlib.crc32(canonical_class(item).encode("utf-8", "replace"))


def ranking_bytes(items: Sequence[Any]) -> bytes:
    """Write a ranking: the hashes of its items, best first."""
    hashes = [item_hash(item) for item in items[:ITEMS_MAX] if _is_item(item)]
    return struct.pack(f"<{len(hashes)}I", *hashes)


def relevance_bytes(label: Sequence[Any] | Mapping[str, float | None]) -> bytes:
    """Write relevant items: hash and relevance of each, the most relevant first."""
    pairs = label.items() if isinstance(label, Mapping) else ((item, 1.0) for item in label)
    known = {
        item_hash(item): float(value)
        for item, value in pairs
        if value is not None and value > 0 and _is_item(item)
    }
    ordered = sorted(known.items(), key=lambda pair: (-pair[1], pair[0]))
    return b"".join(_ITEM.pack(*pair) for pair in ordered[:ITEMS_MAX])


def _is_item(item: Any) -> bool:
    return item is not None and not (isinstance(item, float) and not math.isfinite(item))
