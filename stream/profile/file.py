r"""The file format: a line that names it, a checksum, then MessagePack, compressed.

``streamgauge profile 1\n``, the SHA-256 of the rest (32 bytes), then a zlib stream of the
MessagePack of :class:`stream.profile.content.Profile`. Equal profiles are equal files. What is read
is checked as input from a stranger: sizes are bounded, and counts must fit the baseline's grid.
"""

import hashlib
import zlib

import msgspec
import numpy as np

from stream.profile.content import PARTS_MAX, Part, Profile
from stream.profile.errors import ProfileError
from stream.profile.merge import counts_of
from stream.profile.rows import check_counts
from stream.rollup.comparison import CompiledBaseline
from stream.state.codec import LAYOUT_VERSION
from stream.window.layout import GridLayout, compile_layout
from stream.window.panes import MINUTE_MS

MAGIC = b"streamgauge profile 1\n"
FILE_BYTES_MAX = 64 * 2**20
CONTENT_BYTES_MAX = 256 * 2**20
"""A profile of 20 features is 0.1 MB; of the 1,000 that a model may have, below 10 MB."""
_DIGEST_BYTES = 32
_LEVEL = 6
_TIME_MS_MAX = 10**14
"""What the contract accepts as a timestamp."""

_WHY_CHARACTERS_MAX = 200
UNSOUND = (ValueError, LookupError, ArithmeticError, AssertionError, TypeError)
"""What comes of computing with what a stranger wrote."""

_decoder = msgspec.msgpack.Decoder(Profile)


class _Head(msgspec.Struct):
    """What every version of a profile says first."""

    layout: int


_layout_decoder = msgspec.msgpack.Decoder(_Head)


def encode(profile: Profile) -> bytes:
    """Write a profile as the bytes of a file."""
    body = zlib.compress(msgspec.msgpack.encode(profile), _LEVEL)
    return MAGIC + hashlib.sha256(body).digest() + body


def content_id(profile: Profile) -> str:
    """SHA-256 hex of a profile's content, before compression."""
    return hashlib.sha256(msgspec.msgpack.encode(profile)).hexdigest()


def decode(data: bytes, name: str) -> Profile:
    """Read the bytes of a file.

    Parameters
    ----------
    data : at most `FILE_BYTES_MAX`
    name : of the file, for the message

    Raises
    ------
    ProfileError
        For anything that is no sound profile.
    """
    if not data.startswith(MAGIC):
        known = data.startswith(MAGIC.rstrip(b"1\n"))
        raise ProfileError(
            f"{name} is a profile of a later version: update streamgauge"
            if known
            else f"{name} is no profile: `streamgauge profile export` makes one"
        )
    digest = data[len(MAGIC) : len(MAGIC) + _DIGEST_BYTES]
    body = data[len(MAGIC) + _DIGEST_BYTES :]
    if hashlib.sha256(body).digest() != digest:
        raise ProfileError(f"{name} is damaged: its checksum is another one; export it again")
    try:
        content = _decompressed(body)
        layout = _layout_decoder.decode(content).layout
        if layout != LAYOUT_VERSION:
            raise ProfileError(
                f"{name} has counts in layout {layout}, and this is a streamgauge of layout"
                f" {LAYOUT_VERSION}: use the one it was made by"
            )
        profile = _decoder.decode(content)
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            _check(profile)
    except UNSOUND as error:
        raise unsound(name, error) from error
    return profile


def unsound(name: str, error: Exception) -> ProfileError:
    """Return the error for a file whose content does not hold together."""
    why = " ".join(str(error).split())[:_WHY_CHARACTERS_MAX].rstrip(".")
    return ProfileError(f"{name} is no sound profile ({why}): export it again")


def _decompressed(body: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(body, CONTENT_BYTES_MAX)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if stream.unconsumed_tail or not stream.eof:
        raise ValueError(f"it is cut off, or larger than {CONTENT_BYTES_MAX:,} bytes")
    return content


def _check(profile: Profile) -> None:
    if not 0 < len(profile.parts) <= PARTS_MAX or list(profile.parts) != sorted(profile.parts):
        raise ValueError(f"it is of {len(profile.parts)} windows in this order")
    for part in profile.parts:
        _check_part(part)
    layout = _layout(profile)
    counts = counts_of(profile)
    check_counts(counts, layout)
    if counts.count != sum(part.events for part in profile.parts):
        raise ValueError("its counts are not those of its windows")


def _check_part(part: Part) -> None:
    ends = (part.start_ms, part.end_ms)
    if not 0 <= part.start_ms < part.end_ms <= _TIME_MS_MAX or any(t % MINUTE_MS for t in ends):
        raise ValueError(f"one of its windows goes from {part.start_ms} to {part.end_ms}")
    if part.events < 0 or not part.start_ms <= part.seen_until_ms:
        raise ValueError(f"one of its windows has {part.events} events")


def _layout(profile: Profile) -> GridLayout | None:
    if profile.baseline is None:
        if profile.grid is not None:
            raise ValueError("it has no baseline for its grid")
        return None
    layout = compile_layout(profile.baseline)
    if layout.id != profile.grid:
        raise ValueError("its baseline has another grid")
    for row in CompiledBaseline("", profile.baseline, 0).rows:
        uppers = row.reference.uppers
        if not (np.all(np.isfinite(uppers)) and np.all(np.diff(uppers) > 0)):
            raise ValueError(f"the edges of {row.name} do not ascend")
    return layout
