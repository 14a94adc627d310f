"""Reasons for which input is rejected.

Bad data is a value, not an exception: whatever looks at input returns either the thing itself or
a `Rejected`. The list of reasons is closed, so that a reason can be a metric label, a header of
``ml.rejected`` and a case in somebody's code.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

__all__ = ["REMEDIES", "Reason", "Rejected"]


class Reason(StrEnum):
    """Why an event was rejected; the value of the header ``reason``."""

    MALFORMED_JSON = "malformed_json"
    MALFORMED_ARROW = "malformed_arrow"
    NOT_AN_EVENT = "not_an_event"
    MISSING_FIELD = "missing_field"
    BAD_TYPE = "bad_type"
    BAD_NAME = "bad_name"
    BAD_VALUE = "bad_value"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_IN_SECONDS = "timestamp_in_seconds"
    TIMESTAMP_NOT_MILLISECONDS = "timestamp_not_milliseconds"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TOO_LATE = "too_late"
    TOO_LARGE = "too_large"
    TOO_MANY_FEATURES = "too_many_features"
    TOO_MANY_MODELS = "too_many_models"
    UNSUPPORTED_CONTENT_TYPE = "unsupported_content_type"


REMEDIES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.MALFORMED_JSON: "Send valid JSON in UTF-8, nested no deeper than an event needs.",
        Reason.MALFORMED_ARROW: "Send a whole Arrow IPC stream, schema and end marker included.",
        Reason.NOT_AN_EVENT: "Send a JSON object, or a JSON array of objects.",
        Reason.MISSING_FIELD: "Add the field that `detail` names.",
        Reason.BAD_TYPE: "Give the field that `detail` names one of the types allowed for it.",
        Reason.BAD_NAME: "Use 1 to 128 of the characters A-Z a-z 0-9 . _ - in this name.",
        Reason.BAD_VALUE: "Keep the field that `detail` names inside the range allowed for it.",
        Reason.BAD_TIMESTAMP: "Send RFC 3339 with a zone (2026-09-21T10:00:00Z), or epoch ms.",
        Reason.TIMESTAMP_IN_SECONDS: "Multiply by 1000: the timestamp is in seconds.",
        Reason.TIMESTAMP_NOT_MILLISECONDS: "Divide: the timestamp is in micro- or nanoseconds.",
        Reason.TIMESTAMP_IN_FUTURE: "Set the sender's clock, or raise `max_future_skew`.",
        Reason.TOO_LATE: "Send events sooner, or raise `allowed_lateness`.",
        Reason.TOO_LARGE: "Send smaller events, or raise the bound on the event size.",
        Reason.TOO_MANY_FEATURES: "Send fewer features, or raise the bound on features.",
        Reason.TOO_MANY_MODELS: "Check for names made at run time, or raise the bound on models.",
        Reason.UNSUPPORTED_CONTENT_TYPE: "Use a `content-type` that the contract lists, or none.",
    }
)
"""What the sender should do, one sentence for each reason."""


class Rejected(msgspec.Struct, frozen=True):
    """Bad data, as a value.

    Attributes
    ----------
    reason
        One of the closed list.
    detail
        One sentence for a human: which field, what it was, what is allowed.
    """

    reason: Reason
    detail: str
