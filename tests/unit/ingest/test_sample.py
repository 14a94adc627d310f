"""Which values of an event a provisional baseline may be learned from."""

from typing import Any

import msgspec
import numpy as np
import pytest

from stream.ingest.decode import Decoder
from stream.ingest.sample import SampledEvent, sample_rows


def sampled(value: Any) -> dict[str, Any]:
    """What the sample holds of an event with this feature, beside a good one."""
    decoder = Decoder({}, event_bytes_max=1_000_000, features_max=10, models_max=10)
    event: Any = {"model_name": "m", "prediction": 1, "features": {"odd": value, "age": 41}}
    decoded: Any = decoder.decode([msgspec.json.encode(event)])
    ((_, row),) = sample_rows(decoded, np.array([0]), ["r1"], None, None)
    return msgspec.json.decode(row, type=SampledEvent).features


def nested(depth: int) -> list[Any]:
    value: list[Any] = [1]
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [nested(1), nested(400), [True], [{"a": 1}], {"a": 1}, {"a": nested(400)}],
    ids=["array of arrays", "deep", "booleans", "objects", "object", "deep object"],
)
def test_what_no_baseline_can_hold_is_left_out(value: Any) -> None:
    assert sampled(value) == {"age": 41}


@pytest.mark.parametrize("value", [None, 1.5, "x", True, [], [1, 2.5, None], ["a", "b"]], ids=repr)
def test_what_a_baseline_can_hold_stays(value: Any) -> None:
    assert sampled(value) == {"age": 41, "odd": value}
