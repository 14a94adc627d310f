"""Prediction, label and measurement events, as they are on the wire.

These structs serve emitters and the slow decode path. The worker's hot path builds structs of its
own from the features a model is known to have; both accept the same bytes.

Unknown fields are ignored here (the prediction log keeps them). ``null`` means absent, in every
optional field and in every object of figures. A feature is never a reason to reject an event, so
its type is open: whatever is no number, string, boolean, null, array of numbers (embedding) or
array of strings (set) is counted as a mismatch.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from schemas.names import Name, NameOrInteger, RequestId
from schemas.timestamps import Timestamp

__all__ = [
    "ErrorDetail",
    "Event",
    "LabelEvent",
    "MeasurementEvent",
    "PredictionEvent",
    "encode_event",
    "error_type",
]

ERROR_TYPE_CHARACTERS = 64
"""At how many characters the type of an error is cut."""

Scalar = bool | int | float | str
Figures = dict[str, float | None]
Prediction = Scalar | list[int | float | str]
Probability = Annotated[float, Meta(ge=0, le=1)] | Figures
Label = Scalar | list[int | float | str] | Figures

# An integer is accepted as its decimal string of at most 256 characters, the sign included.
_INTEGER_ID_MIN, _INTEGER_ID_BOUND = -(10**255) + 1, 10**256


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request failed.

    Attributes
    ----------
    type
        The kind of error, by which errors are counted; absent counts as `other`.
    message
        For humans; kept in the prediction log only.
    """

    type: str | None = None
    message: str | None = None


class PredictionEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request answered by a model (``ml.predictions``).

    Attributes
    ----------
    model_name
        Which model answered.
    model_version
        Which version of it; an integer is accepted as its decimal string; absent is `unknown`.
    request_id
        Joins labels; an integer is accepted as its decimal string; absent is
        `topic/partition/offset`, with `/index` appended inside a batch.
    timestamp
        Event time: RFC 3339 with a zone, or epoch milliseconds; absent is the Kafka record's.
    features
        Name to number, string, boolean, null, array of numbers (embedding) or array of strings
        (set).
    prediction
        Number, string or boolean; array of numbers; for ranking an array of item ids. Required
        unless `error` is there.
    probability
        Of the positive class, in [0, 1]; or an object from class to number.
    latency_ms
        How long the request took, in milliseconds.
    error
        The request failed: a string, or an object with `type` and `message`.
    metrics
        Business or custom figures of this request.
    label
        Ground truth, when already known; as in a label event.
    tags
        For instance `environment`; usable as segments.
    schema_version
        Always 1.
    """

    model_name: Name
    model_version: NameOrInteger | None = None
    request_id: RequestId | None = None
    timestamp: Timestamp | None = None
    features: dict[str, Any] | None = None
    prediction: Prediction | None = None
    probability: Probability | None = None
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    error: str | ErrorDetail | None = None
    metrics: Figures | None = None
    label: Label | None = None
    tags: dict[str, str | None] | None = None
    schema_version: Literal[1] | None = None

    def __post_init__(self) -> None:
        _check_id(self.request_id)
        if self.prediction is None and self.error is None:
            raise ValueError("Object missing required field `prediction`")


class LabelEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ground truth of a request, or a delayed figure of it (``ml.labels``).

    Attributes
    ----------
    request_id
        Which request; an integer is accepted as its decimal string.
    label
        Number, string or boolean; for ranking an array of the relevant item ids, or an object
        from item to relevance. At least one of `label` and `metrics` is there.
    metrics
        Delayed figures, such as a rating.
    model_name
        Only this model's request; absent is every model that answered it.
    model_version
        Only this version's; absent is every version.
    timestamp
        When the label was known: RFC 3339 with a zone, or epoch milliseconds. The latest wins.
    """

    request_id: RequestId
    label: Label | None = None
    metrics: Figures | None = None
    model_name: Name | None = None
    model_version: NameOrInteger | None = None
    timestamp: Timestamp | None = None

    def __post_init__(self) -> None:
        _check_id(self.request_id)
        if self.label is None and not self.metrics:
            raise ValueError("Object missing required field `label` or `metrics`")


class MeasurementEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of a host, a GPU, a dependency or the business (``ml.measurements``).

    Attributes
    ----------
    source
        Who measured, for instance a host name.
    metrics
        Name to number.
    timestamp
        When: RFC 3339 with a zone, or epoch milliseconds; absent is the Kafka record's.
    model_name
        The model it concerns, if one.
    model_version
        The version it concerns, if one.
    tags
        Name to string.
    """

    source: Annotated[str, Meta(min_length=1, max_length=256)]
    metrics: Figures
    timestamp: Timestamp | None = None
    model_name: Name | None = None
    model_version: NameOrInteger | None = None
    tags: dict[str, str | None] | None = None


Event = TypeVar("Event", PredictionEvent, LabelEvent, MeasurementEvent)
"""Any of the three."""


def encode_event(event: PredictionEvent | LabelEvent | MeasurementEvent) -> bytes:
    """Write an event as the JSON that goes on a topic, absent fields left out."""
    return msgspec.json.encode(event)


def error_type(error: str | ErrorDetail) -> str:
    """Return the type under which an error is counted.

    Examples
    --------
    >>> error_type("timeout"), error_type(ErrorDetail(message="no answer"))
    ('timeout', 'other')
    """
    kind = error if isinstance(error, str) else error.type
    return (kind or "other")[:ERROR_TYPE_CHARACTERS]


def _check_id(request_id: str | int | float | None) -> None:
    if isinstance(request_id, int) and not _INTEGER_ID_MIN <= request_id < _INTEGER_ID_BOUND:
        raise ValueError("Expected `int` of at most 256 digits - at `$.request_id`")
