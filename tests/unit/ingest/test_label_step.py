"""A poll of labels: what is booked where, what is refused and why, and what goes to the join."""

import json
from typing import Any

import pytest

from schemas.errors import Reason
from stream.ingest.accepted import Limits
from stream.ingest.joining import Labels, in_sample, request_keys
from stream.ingest.label_step import LabelJudge, LabelRate, add_labels
from stream.ingest.progress import Progress, Refused
from stream.state.keys import PartitionId
from stream.window.label_text import name_hash

NOW_MS = 1_790_035_200_000
LIMITS = Limits(event_bytes_max=2_000, future_skew_ms_max=300_000)
Header = tuple[str, bytes]


class Message:
    """As much of a Kafka message as a step looks at."""

    def __init__(
        self,
        value: bytes | None,
        offset: int = 0,
        partition: int = 0,
        headers: list[Header] | None = None,
    ) -> None:
        self._value, self._offset, self._partition = value, offset, partition
        self._headers = headers

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[Header] | None:
        return self._headers

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 2, NOW_MS + self._offset

    def key(self) -> bytes | None:
        return None


class Step:
    """One step, and what came of it."""

    def __init__(self, *polls: list[Message], rate: LabelRate | None = None) -> None:
        self.labels = Labels()
        self.refused: list[Refused] = []
        partitions = {m.partition() for poll in polls for m in poll}
        self.progress = {
            n: Progress("ml.labels", PartitionId("id", n), 0, 0, 0, {}) for n in partitions
        }
        judge = LabelJudge(LIMITS, rate or (lambda model, version: 1.0))
        for poll in polls:
            add_labels(self.labels, self.refused, poll, self.progress, judge)  # type: ignore[arg-type]

    @property
    def keys(self) -> list[bytes]:
        return self.labels.parts[::2]

    @property
    def bodies(self) -> list[bytes]:
        return self.labels.parts[1::2]

    @property
    def books(self) -> dict[str, int]:
        return {
            name: sum(at.books[name] for at in self.progress.values())
            for name in ("consumed", "accepted", "rejected", "empty")
        }


def label(request_id: Any = "a", **more: Any) -> dict[str, Any]:
    return {"request_id": request_id, "label": 1} | more


def sent(*labels: Any, offset: int = 0, partition: int = 0, **more: Any) -> Message:
    value = labels[0] if len(labels) == 1 else list(labels)
    return Message(json.dumps(value).encode(), offset, partition, **more)


def test_a_label_without_a_time_was_known_when_its_record_was_appended() -> None:
    step = Step([sent(label(), offset=5), sent(label(timestamp=NOW_MS - 9), offset=6)])
    times = [int.from_bytes(body[:6], "little") for body in step.bodies]
    assert times == [NOW_MS + 5, NOW_MS - 9]
    assert step.keys == [request_keys(["a"]).tobytes()] * 2
    assert step.books == {"consumed": 2, "accepted": 2, "rejected": 0, "empty": 0}
    assert (step.progress[0].next, step.progress[0].clock_ms) == (7, NOW_MS + 6)


def test_an_integer_id_is_its_decimal_string() -> None:
    ids: list[Any] = [7, 7.0, "7", 2**70, str(2**70)]
    step = Step([sent(label(one), offset=i) for i, one in enumerate(ids)])
    assert len(set(step.keys[:3])) == len(set(step.keys[3:])) == 1
    assert step.keys[0] != step.keys[3]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"{", Reason.MALFORMED_JSON),
        (b"7", Reason.NOT_AN_EVENT),
        (b'{"label": 1}', Reason.MISSING_FIELD),
        (b'{"request_id": "a"}', Reason.MISSING_FIELD),
        (b'{"request_id": "a", "label": null, "metrics": {}}', Reason.MISSING_FIELD),
        (b'{"request_id": "a", "label": NaN}', Reason.MISSING_FIELD),
        (b'{"request_id": "", "label": 1}', Reason.BAD_VALUE),
        (b'{"request_id": "a", "label": [[1]]}', Reason.BAD_TYPE),
        (b'{"request_id": "a", "label": {"a": "b"}}', Reason.BAD_TYPE),
        (b'{"request_id": "a", "label": 1, "model_name": "a b"}', Reason.BAD_NAME),
        (b'{"request_id": "a", "label": 1, "timestamp": 1790035200}', Reason.TIMESTAMP_IN_SECONDS),
        (
            b'{"request_id": "a", "label": 1, "timestamp": 1790035600000}',
            Reason.TIMESTAMP_IN_FUTURE,
        ),
        (b'{"request_id": "a", "label": 1, "timestamp": "yesterday"}', Reason.BAD_TIMESTAMP),
        (b'{"request_id": "a", "label": "\\ud800"}', Reason.MALFORMED_JSON),
        (b'{"request_id": "a", "label": "\xff"}', Reason.MALFORMED_JSON),
        (json.dumps(label("x" * 3_000)).encode(), Reason.TOO_LARGE),
        (b"[" * 100_000, Reason.TOO_LARGE),
        (b'{"request_id":"a","label":' * 50, Reason.BAD_TYPE),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason_and_costs_no_other(
    given: bytes, reason: Reason
) -> None:
    step = Step([sent(label(), offset=0), Message(given, 1), sent(label("b"), offset=2)])
    assert [one.rejected.reason for one in step.refused] == [reason]
    assert step.refused[0].value == given
    assert len(step.keys) == 2
    assert step.books == {"consumed": 3, "accepted": 2, "rejected": 1, "empty": 0}
    assert step.progress[0].next == 3


@pytest.mark.parametrize(
    "good",
    [
        {"label": ""},
        {"label": []},
        {"label": {}},
        {"label": 10**298},
        {"label": -1e308},
        {"label": ["a", 1, 2.5]},
        {"label": {"a": 2.0, "b": None}},
        {"label": None, "metrics": {"rating": 4}},
        {"label": "ж\x00\x1f", "metrics": {"": None}},
        {"label": True, "timestamp": "2026-09-21T10:00:00+02:00"},
        {"label": 1, "unknown": {"a": [1]}, "model_name": None, "model_version": 3},
    ],
)
def test_odd_labels_are_labels(good: dict[str, Any]) -> None:
    step = Step([Message(json.dumps({"request_id": "a"} | good, ensure_ascii=False).encode())])
    assert not step.refused
    assert len(step.keys) == 1


def test_records_may_hold_many_labels_or_none() -> None:
    lines = b"\n".join(json.dumps(label(str(i))).encode() for i in range(3))
    ndjson = [("content-type", b"application/x-ndjson")]
    step = Step(
        [
            sent(label("a"), label("b"), {"no": 1}, label("d"), offset=4, partition=1),
            Message(lines, 0, 2, headers=ndjson),
            Message(None, 1, 2),
            Message(b"[]", 2, 2),
            sent(label("z"), offset=3, partition=2, headers=[("content-type", b"text/csv")]),
        ]
    )
    assert step.keys == [request_keys([i]).tobytes() for i in ("a", "b", "d", "0", "1", "2")]
    assert step.books == {"consumed": 10, "accepted": 6, "rejected": 2, "empty": 2}
    assert {n: at.next for n, at in step.progress.items()} == {1: 5, 2: 4}
    places = [int.from_bytes(body[6:8], "little") % 16384 for body in step.bodies]
    indexes = [int.from_bytes(body[12:14], "little") for body in step.bodies]
    assert places == [1, 1, 1, 2, 2, 2]
    assert indexes == [0, 1, 3, 0, 1, 2]


def test_polls_make_no_difference() -> None:
    records = [sent(label(str(i)), offset=i // 2, partition=i % 2) for i in range(20)]
    assert Step(records).labels == Step(*([one] for one in records)).labels


def test_labels_of_requests_outside_the_sample_are_left_out() -> None:
    rates = {("a", None): 0.2, ("a", "1"): 1.0, (None, "1"): 0.5, (None, None): 0.8}
    ids = [str(i) for i in range(300)]
    for (model, version), rate in rates.items():
        named = {"model_name": model, "model_version": version}
        step = Step(
            [sent(label(i, **named), offset=k) for k, i in enumerate(ids)],
            rate=lambda model, version: rates[model, version],
        )
        keys = request_keys(ids)
        assert step.keys == [key.tobytes() for key in keys[in_sample(keys, rate)]]
        assert step.books["accepted"] == 300, "they are counted all the same"


def test_a_label_may_name_whom_it_is_about() -> None:
    step = Step([sent(label(model_name="credit", model_version=3))])
    assert name_hash("credit") + name_hash("3") in step.bodies[0]
