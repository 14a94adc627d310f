"""The demo's traffic: in the order of time, and no label before anybody could know it."""

from typing import Any

import msgspec
import pytest

from schemas.events import LabelEvent, PredictionEvent
from schemas.topics import Topic
from stream.demo.traffic import LABEL_DELAY_MS, housing_events, housing_labels


@pytest.fixture(scope="module")
def predictions() -> Any:
    return list(housing_events())


@pytest.fixture(scope="module")
def labels() -> Any:
    return list(housing_labels())


def test_both_are_events_of_the_contract(predictions: Any, labels: Any) -> None:
    prediction = msgspec.json.decode(predictions[0].value, type=PredictionEvent)
    assert prediction.request_id == predictions[0].key
    assert prediction.features is not None
    assert len(prediction.features) == 8
    label = msgspec.json.decode(labels[0].value, type=LabelEvent)
    assert label.request_id == labels[0].key
    assert label.label in {0, 1}
    assert {record.topic for record in predictions} == {Topic.PREDICTIONS}
    assert {record.topic for record in labels} == {Topic.LABELS}


def test_both_are_in_the_order_of_time(predictions: Any, labels: Any) -> None:
    for records in (predictions, labels):
        times = [record.time_ms for record in records]
        assert times == sorted(times)


def test_a_label_comes_weeks_after_its_prediction(predictions: Any, labels: Any) -> None:
    made_at = {record.key: record.time_ms for record in predictions}
    assert all(record.time_ms - made_at[record.key] == LABEL_DELAY_MS for record in labels)


def test_labels_of_the_last_weeks_are_not_known_yet(predictions: Any, labels: Any) -> None:
    last_ms = predictions[-1].time_ms
    known = {record.key for record in labels}
    assert len(known) == len(labels)
    assert known == {r.key for r in predictions if r.time_ms + LABEL_DELAY_MS <= last_ms}
    assert len(predictions) - len(labels) == 21 * 24
