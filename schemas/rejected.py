"""What ``ml.rejected`` carries: the event's own bytes, and why in headers."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.errors import Reason, Rejected
from schemas.names import Sha256

__all__ = ["RejectedDigest", "RejectedHeaders", "headers_of", "parse_headers"]

Decimal = Annotated[str, Meta(pattern=r"\A[0-9]{1,20}\Z")]


class RejectedHeaders(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Headers of a rejected record. All are UTF-8 text, numbers in decimal.

    Attributes
    ----------
    reason
        One of the closed list.
    detail
        One sentence for a human.
    topic
        Where the record was read.
    partition
        Its partition.
    offset
        Its offset.
    index
        The event's place in the record's batch, from 0; absent where the record is one event.
    """

    reason: Reason
    detail: str
    topic: str
    partition: Decimal
    offset: Decimal
    index: Decimal | None = None


class RejectedDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a rejected record that is too large to be published again.

    Attributes
    ----------
    sha256
        Of the event's bytes, hex.
    size_bytes
        How many there are.
    topic
        Where they can be read.
    partition
        Its partition.
    offset
        Its offset.
    """

    sha256: Sha256
    size_bytes: int
    topic: str
    partition: int
    offset: int


def headers_of(
    rejected: Rejected, topic: str, partition: int, offset: int, index: int | None = None
) -> list[tuple[str, bytes]]:
    """Return the headers of a rejected record, as Kafka clients take them."""
    headers = RejectedHeaders(
        reason=rejected.reason,
        detail=rejected.detail,
        topic=topic,
        partition=str(partition),
        offset=str(offset),
        index=None if index is None else str(index),
    )
    fields = msgspec.to_builtins(headers).items()
    return [(name, text.encode("utf-8", "replace")) for name, text in fields]


def parse_headers(headers: Iterable[tuple[str, bytes]]) -> RejectedHeaders:
    """Read the headers of a rejected record; those of the original record are passed over.

    Raises
    ------
    msgspec.ValidationError
        Where one of ours is missing or wrong.
    """
    known = set(RejectedHeaders.__struct_fields__)
    texts = {name: text.decode("utf-8") for name, text in headers if name in known}
    return msgspec.convert(texts, type=RejectedHeaders)
