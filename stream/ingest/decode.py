"""Payloads to events: a struct built for what each model is known to send, and a slower path.

The fast path decodes straight into a struct with one field for each feature in the model's plans;
which struct is chosen by ``model_name``, inside the decoder. What does not fit, a feature of
another type say, takes the slower path through :class:`schemas.events.PredictionEvent`, which
either explains what is wrong or counts the odd feature as a mismatch.
"""

import json
import re
from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, cast

import msgspec
import orjson
from msgspec import Meta

from schemas.decoding import decode_event
from schemas.errors import Reason, Rejected
from schemas.events import (
    ErrorDetail,
    Event,
    Figures,
    Label,
    Prediction,
    PredictionEvent,
    Probability,
)
from schemas.names import IntegralFloat
from schemas.timestamps import Timestamp
from stream.sketches.grid import MISMATCH

Features = Mapping[str, bool]
"""Features of a model in the order of its plan; True where every plan counts numbers."""

_Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_RequestId = Annotated[str, Meta(min_length=1, max_length=256)] | _Integer | None
_SMALLEST_FEATURE_BYTES = 6  # "a":1,
_LONG_INTEGER_DIGITS = 300
_no_field_name = re.compile(r'[\\"\x00-\x1f]').search
"""msgspec takes no such character in the name of a struct's field."""


class DecodedEvent(msgspec.Struct, gc=False):
    """What both paths produce. ``features`` is a struct, one field a feature, or a dict.

    Both must take the same events, or what is counted would depend on which models a process
    happens to know. So every field of :class:`schemas.events.PredictionEvent` has its type here;
    only the alphabet of versions, and that ``prediction`` or ``error`` is there, are checked later.

    ``gc=False``: events hold no cycles, and the collector need not walk thousands of them.
    """

    model_version: str | _Integer | IntegralFloat | None = None
    request_id: _RequestId = None
    timestamp: Timestamp | None = None
    features: Any = None
    prediction: Prediction | None = None
    probability: Probability | None = None
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    error: str | ErrorDetail | None = None
    metrics: Figures | None = None
    label: Label | None = None
    tags: dict[str, str | None] | None = None
    schema_version: Literal[1] | None = None


class _Names(msgspec.Struct, gc=False):
    """Of an event, the names of its features only."""

    features: dict[str, msgspec.Raw] | None = None


_names_decoder = msgspec.json.Decoder(_Names)


class _Nobody(DecodedEvent, tag_field="model_name", tag="", gc=False):
    """Takes events without a name to the slower path, which says what is wrong with them."""

    def __post_init__(self) -> None:
        raise ValueError("a model's name has at least one character")


class Decoder:
    """Decodes prediction events of the models it was told of, and of any other.

    Parameters
    ----------
    models : features of each model that has a plan; a model not among them keeps a dict
    ignored : features of models that are not counted on purpose
    event_bytes_max, features_max, models_max : bounds on what is accepted
    """

    def __init__(
        self,
        models: Mapping[str, Features],
        *,
        ignored: Mapping[str, Container[str]] = MappingProxyType({}),
        event_bytes_max: int,
        features_max: int,
        models_max: int,
    ) -> None:
        self._ignored = ignored
        self.event_bytes_max = event_bytes_max
        self.features_max = features_max
        self.models_max = models_max
        self.model_of: dict[type, str] = {}
        self._event_types: dict[str, type[DecodedEvent]] = {}
        self._features: dict[str, tuple[type[msgspec.Struct], Features]] = {}
        # An object this short cannot hold too many features.
        self._short = min(event_bytes_max, _SMALLEST_FEATURE_BYTES * features_max)
        for model, features in models.items():
            self._add(model, features)
        self._rebuild()

    def _add(self, model: str, features: Features | None) -> None:
        kind: Any = dict[str, Any] | None
        if features is not None:
            fields = [
                (f"f{i}", (float | None) if numeric else Any, None)
                for i, numeric in enumerate(features.values())
            ]
            decodes = not any(map(_no_field_name, features))
            rename = {f"f{i}": name for i, name in enumerate(features)} if decodes else None
            struct = msgspec.defstruct("Features", fields, rename=rename, gc=False)
            self._features[model] = (struct, features)
            kind = struct | None if decodes else None  # then features take the slower path
        made = msgspec.defstruct(
            "Event",
            [("features", kind, None)],
            bases=(DecodedEvent,),
            tag_field="model_name",
            tag=model,
            gc=False,
        )
        event_type = cast("type[DecodedEvent]", made)
        self._event_types[model] = event_type
        self.model_of[event_type] = model

    def _rebuild(self) -> None:
        # With a single struct msgspec would take an event without model_name for that model's.
        types = (*self._event_types.values(), _Nobody)
        self._decode = msgspec.json.Decoder(Union[types]).decode  # noqa: UP007  # made at run time

    def feature_names(self, model: str) -> tuple[str, ...] | None:
        """Features in the order of the feature struct's fields; None where events keep a dict."""
        known = self._features.get(model)
        return None if known is None else tuple(known[1])

    def decode(self, payloads: Sequence[bytes]) -> list[DecodedEvent | Rejected]:
        """Decode payloads, in order."""
        out: list[DecodedEvent | Rejected] = []
        append = out.append
        decode, short = self._decode, self._short
        for payload in payloads:
            try:
                if not payload.isascii():
                    payload.decode("utf-8")  # msgspec does not look at what it skips
                if len(payload) > short:
                    append(self._decode_long(payload))
                else:
                    append(decode(payload))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                append(self.explain(payload))
                decode = self._decode
        return out

    def _decode_long(self, payload: bytes) -> DecodedEvent | Rejected:
        if len(payload) > self.event_bytes_max:
            detail = f"{len(payload)} bytes; at most {self.event_bytes_max} are accepted"
            return Rejected(Reason.TOO_LARGE, detail)
        return self.explain(payload)

    def explain(self, payload: bytes) -> DecodedEvent | Rejected:
        """Decode a payload that the fast path refused, or say what is wrong with it."""
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError as error:
            return Rejected(Reason.MALFORMED_JSON, f"not UTF-8: {error.reason} at {error.start}")
        event = decode_lenient(payload, PredictionEvent)
        if isinstance(event, Rejected):
            return event
        if event.features is not None and len(event.features) > self.features_max:
            detail = f"{len(event.features)} features; at most {self.features_max} are accepted"
            return Rejected(Reason.TOO_MANY_FEATURES, detail)
        if event.model_name not in self._event_types:
            if len(self._event_types) >= self.models_max:
                detail = f"{self.models_max} models are known; {event.model_name} is one more"
                return Rejected(Reason.TOO_MANY_MODELS, detail)
            self._add(event.model_name, None)
            self._rebuild()
        return self._typed(event)

    def names_beyond(self, model: str, payload: bytes, known: Container[str]) -> list[str]:
        """Names of features in a decoded event's payload that are neither known nor ignored."""
        try:
            names = _names_decoder.decode(payload).features
        except (msgspec.DecodeError, RecursionError):  # what took the slower path may not fit
            return []
        ignored = self._ignored.get(model, ())
        return [
            name
            for name, value in (names or {}).items()
            if name not in known and name not in ignored and bytes(value) != b"null"
        ]

    def _typed(self, event: PredictionEvent) -> DecodedEvent:
        features: Any = event.features
        known = self._features.get(event.model_name)
        if known is not None and features is not None:
            struct, names = known
            features = struct(
                *(
                    _number(features.get(name)) if numeric else features.get(name)
                    for name, numeric in names.items()
                )
            )
        return self._event_types[event.model_name](
            model_version=event.model_version,
            request_id=event.request_id,  # type: ignore[arg-type]  # a float only when integral
            timestamp=event.timestamp,
            features=features,
            prediction=event.prediction,
            probability=event.probability,
            latency_ms=event.latency_ms,
            error=event.error,
            metrics=event.metrics,
            label=event.label,
            tags=event.tags,
            schema_version=event.schema_version,
        )


def decode_lenient(payload: bytes, kind: type[Event]) -> Event | Rejected:
    """Decode an event in which a lenient writer may have left NaN: they count as missing."""
    event = decode_event(payload, kind)
    if isinstance(event, Rejected) and _may_be_a_number(event):
        lenient = _without_nan(payload)
        if lenient is not None:
            return decode_event(lenient, kind)
    return event


def _number(value: object) -> float | None:
    """Value of a numeric feature: None when missing, :data:`MISMATCH` when it is no number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISMATCH
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number not in (float("inf"), float("-inf")) else None


def _may_be_a_number(rejected: Rejected) -> bool:
    """Whether NaN, Infinity or a number too large for a float may be all that is wrong."""
    return rejected.reason is Reason.MALFORMED_JSON or "out of range" in rejected.detail


def _without_nan(payload: bytes) -> bytes | None:
    """Rewrite what a lenient writer sent (NaN, Infinity, numbers beyond 64 bits) with nulls.

    Returns None when it is not JSON even so.
    """
    try:
        value = json.loads(
            payload.decode("utf-8"),
            parse_constant=lambda _: None,
            parse_float=_finite,
            parse_int=_bounded,
        )
        return orjson.dumps(value)
    except (ValueError, RecursionError, orjson.JSONEncodeError):
        return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if abs(number) != float("inf") else None


def _bounded(text: str) -> int | float | None:
    if len(text) > _LONG_INTEGER_DIGITS:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**64 else float(number)
