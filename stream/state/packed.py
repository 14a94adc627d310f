"""MessagePack with byte strings as Redis' Lua reads them: it knows no type of their own."""

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

_STRING, _ARRAY = b"\xdb", b"\xdd"
_U32 = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()


def raw(value: bytes) -> msgspec.Raw:
    """Bytes as one string of a packed value."""
    return msgspec.Raw(_STRING + _U32.pack(len(value)) + value)


def raw_list(values: Sequence[bytes]) -> msgspec.Raw:
    """Bytes as a list of strings."""
    parts = [_ARRAY + _U32.pack(len(values))]
    for value in values:
        parts += (_STRING, _U32.pack(len(value)), value)
    return msgspec.Raw(b"".join(parts))


def packed(value: Any) -> bytes:
    """Pack a value; byte strings in it must come from :func:`raw` and :func:`raw_list`."""
    return _encoder.encode(value)
