import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decoding import decode_event
from schemas.errors import REMEDIES, Reason, Rejected
from schemas.events import ErrorDetail, LabelEvent, PredictionEvent, error_type


@given(st.binary())
def test_any_bytes_are_an_event_or_a_reason(data: bytes) -> None:
    assert isinstance(decode_event(data, PredictionEvent), PredictionEvent | Rejected)


@pytest.mark.parametrize("number", [b"1e400", b"1" * 5000, b"-" + b"9" * 5000])
def test_numbers_beyond_any_bound_are_a_value(number: bytes) -> None:
    for field in (b"request_id", b"label"):
        data = b'{"request_id": "r", "label": 1, "%b": %b}' % (field, number)
        outcome = decode_event(data, LabelEvent)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.BAD_VALUE


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b'{"model_name": "credit"}', "missing `prediction`"),
        (b'{"prediction": 1}', "missing `model_name`"),
        (
            b'{"model_name": "credit", "prediction": 1, "latency_ms": -1}',
            "latency_ms: Expected `float` >= 0.0",
        ),
        (
            b'{"model_name": "credit", "prediction": 1, "tags": 7}',
            "tags: Expected `object | null`, got `int`",
        ),
    ],
)
def test_detail_names_the_field(data: bytes, detail: str) -> None:
    rejected = decode_event(data, PredictionEvent)
    assert isinstance(rejected, Rejected)
    assert rejected.detail == detail


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_what_to_do(reason: Reason) -> None:
    assert REMEDIES[reason].endswith(".")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("timeout", "timeout"),
        ("x" * 100, "x" * 64),
        ("", "other"),
        (ErrorDetail(type="oom", message="m"), "oom"),
        (ErrorDetail(message="m"), "other"),
    ],
)
def test_error_types(error: str | ErrorDetail, kind: str) -> None:
    assert error_type(error) == kind
