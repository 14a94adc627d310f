"""Payloads to events: a struct built for what each model is known to send, and a slower path.

The fast path decodes straight into a struct with one field for each feature in the model's plans;
which struct is chosen by ``model_name``, inside the decoder. What does not fit, a feature of another
type say, takes the slower path through :class:`schemas.events.PredictionEvent`, which either
explains what is wrong or counts the odd feature as a mismatch.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Union

import msgspec
import orjson
from msgspec import Meta

from schemas.decoding import decode_event
from schemas.errors import Reason, Rejected
from schemas.events import PredictionEvent
from stream.sketches.grid import MISMATCH

Features = Mapping[str, bool]
"""Features of a model in the order of its plan; True where every plan counts numbers."""

_Timestamp = int | float | Annotated[datetime, Meta(tz=True)] | None
_RequestId = Annotated[str, Meta(min_length=1, max_length=256)] | int | None
_Scalar = bool | int | float | str
_Probability = Annotated[float, Meta(ge=0, le=1)] | dict[str, float | None] | None
_SMALLEST_FEATURE_BYTES = 6  # "a":1,
_LONG_INTEGER_DIGITS = 300


class DecodedEvent(msgspec.Struct, gc=False):
    """What both paths produce. ``features`` is a struct, one field a feature, or a dict.

    ``gc=False``: events hold no cycles, and the collector need not walk thousands of them.
    """

    model_version: str | int | float | None = None
    request_id: _RequestId = None
    timestamp: _Timestamp = None
    features: Any = None
    prediction: _Scalar | list[int | float | str] | None = None
    probability: _Probability = None
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    error: str | dict[str, Any] | None = None


class Decoder:
    """Decodes prediction events of the models it was told of, and of any other.

    Parameters
    ----------
    models : features of each model that has a plan; a model not among them keeps a dict
    event_bytes_max, features_max, models_max : bounds on what is accepted
    """

    def __init__(
        self,
        models: Mapping[str, Features],
        *,
        event_bytes_max: int,
        features_max: int,
        models_max: int,
    ) -> None:
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
            rename = {f"f{i}": name for i, name in enumerate(features)}
            struct = msgspec.defstruct("Features", fields, rename=rename, gc=False)
            self._features[model] = (struct, features)
            kind = struct | None
        self._event_types[model] = msgspec.defstruct(
            "Event",
            [("features", kind, None)],
            bases=(DecodedEvent,),
            tag_field="model_name",
            tag=model,
            gc=False,
        )
        self.model_of[self._event_types[model]] = model

    def _rebuild(self) -> None:
        types = tuple(self._event_types.values())
        self._decode = msgspec.json.Decoder(Union[types]).decode if types else _unknown  # noqa: UP007

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
        event = decode_event(payload, PredictionEvent)
        if isinstance(event, Rejected) and event.reason is Reason.MALFORMED_JSON:
            lenient = _without_nan(payload)
            if lenient is not None:
                event = decode_event(lenient, PredictionEvent)
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
        error: Any = event.error
        if error is not None and not isinstance(error, str):
            error = {"type": error.type, "message": error.message}
        return self._event_types[event.model_name](
            model_version=event.model_version,
            request_id=event.request_id,  # type: ignore[arg-type]  # a float only when integral
            timestamp=event.timestamp,  # type: ignore[arg-type]  # a string is read by columns
            features=features,
            prediction=event.prediction,
            probability=event.probability,  # type: ignore[arg-type]  # Figures, invariant
            latency_ms=event.latency_ms,
            error=error,
        )


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


def _unknown(_payload: bytes) -> DecodedEvent:
    raise msgspec.ValidationError("no model is known yet")


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
