"""What ``ml.rejected`` carries beside the event's own bytes."""

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.errors import Reason
from schemas.names import Sha256

__all__ = ["RejectedHeaders"]

DecimalText = Annotated[str, Meta(pattern=r"\A[0-9]{1,20}\Z")]


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
        Where the event was read.
    partition
        Its partition.
    offset
        Its offset.
    index
        Its place in the record's batch, from 0; 0 where the record is one event.
    sha256
        Of the event's bytes, hex; only where they are too many to be published again, and the value
        is empty.
    key_sha256
        Of the record's key, hex; only where that is too long to be published again.
    """

    reason: Reason
    detail: str
    topic: str
    partition: DecimalText
    offset: DecimalText
    index: DecimalText
    sha256: Sha256 | None = None
    key_sha256: Sha256 | None = None
