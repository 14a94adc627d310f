"""Names that no service should send, and one event of which must not stop a worker."""

import pytest

from schemas.errors import Reason, Rejected
from stream.ingest.decode import DecodedEvent, Decoder

GOOD = b'{"model_name":"credit","prediction":1,"features":{"age":41}}'


@pytest.fixture(params=["no model is known", "one model is known"])
def decoder(request: pytest.FixtureRequest) -> Decoder:
    models = {} if request.param.startswith("no") else {"credit": {"age": True}}
    return Decoder(models, event_bytes_max=1_000_000, features_max=1_000, models_max=3)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"model_name":"","prediction":1}', Reason.BAD_NAME),
        (b'{"model_name":null,"prediction":1}', Reason.BAD_TYPE),
        (b'{"model_name":"a/b","prediction":1}', Reason.BAD_NAME),
        (b'{"model_name":"credit\\n","prediction":1}', Reason.BAD_NAME),
        (b'{"prediction":1}', Reason.MISSING_FIELD),
        (b"{}", Reason.MISSING_FIELD),
    ],
)
def test_a_bad_model_name_is_refused_and_the_next_event_is_not(
    decoder: Decoder, payload: bytes, reason: Reason
) -> None:
    refused, good = decoder.decode([payload, GOOD])
    assert isinstance(refused, Rejected)
    assert refused.reason is reason
    assert isinstance(good, DecodedEvent)
    assert decoder.model_of[type(good)] == "credit"


def test_a_model_more_than_allowed_is_refused(decoder: Decoder) -> None:
    names = ["credit", "b", "c", "d"]
    decoded = decoder.decode([GOOD.replace(b"credit", name.encode()) for name in names])
    assert [isinstance(one, Rejected) for one in decoded] == [False, False, False, True]
    assert decoded[-1].reason is Reason.TOO_MANY_MODELS  # type: ignore[union-attr]
