"""Accepted events and labels as bytes for the join: what an entry holds, read back byte by byte."""

import hashlib
import math
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from schemas.models import AbsentMeans, LabelsConfig, Task
from stream.ingest.decode import DecodedEvent
from stream.ingest.joining import (
    PREDICTIONS_BIT,
    Labels,
    Requests,
    add_own_labels,
    add_requests,
    in_sample,
    request_keys,
)
from stream.state.keys import VersionId
from stream.window.label_terms import Groups, LabelPlan, LabelTerms, Mode, terms_of
from stream.window.label_text import name_hash
from stream.window.panes import HOUR_MS
from stream.window.segments import compile_segments

VERSION = VersionId("credit", "3")
NOW_MS = 1_790_035_200_123


def terms(mode: Mode | None = None, **plan: Any) -> LabelTerms:
    return terms_of(VERSION, LabelPlan(mode=mode, **plan), LabelsConfig(), HOUR_MS)


def requests(events: list[DecodedEvent], **more: Any) -> Requests:
    n = len(events)
    given: dict[str, Any] = {
        "keys": request_keys(f"r{i}" for i in range(n)),
        "times_ms": np.arange(n) + NOW_MS,
        "append_ms": np.arange(n) + NOW_MS + 5_000,
        "partitions": np.full(n, 2),
        "offsets": np.arange(n),
        "indexes": np.full(n, -1),
    }
    return Requests(events, **(given | more))


def packed(events: list[DecodedEvent], of: LabelTerms, **more: Any) -> Groups:
    groups: Groups = {}
    add_requests(groups, requests(events, **more), of, None)
    return groups


def answered(prediction: Any, probability: Any = None, **more: Any) -> DecodedEvent:
    return DecodedEvent(prediction=prediction, probability=probability, **more)


def test_a_request_is_known_by_a_hash_of_its_id() -> None:
    ids = ["a", "", "ж" * 300, "\ud800"]
    keys = request_keys(ids)
    assert keys.shape == (4, 8)
    assert keys[2].tobytes() == hashlib.blake2b(ids[2].encode(), digest_size=8).digest()
    assert (request_keys(["a"]) == keys[0]).all()


def test_samples_of_a_smaller_rate_are_among_those_of_a_larger_one() -> None:
    keys = request_keys(str(i) for i in range(20_000))
    held = {rate: in_sample(keys, rate) for rate in (0.001, 0.1, 0.5, 1.0)}
    assert held[1.0].all()
    assert not (held[0.1] & ~held[0.5]).any()
    assert held[0.1].mean() == pytest.approx(0.1, abs=0.01)
    assert held[0.001].sum() < held[0.1].sum()


DICT = {"cat": 0.5, "dog": 0.3, "bird": 0.2}
MANY = {f"c{i}": 1 / 17 for i in range(17)}


@pytest.mark.parametrize(
    ("decided", "prediction", "probability", "form"),
    [
        (None, 1, 0.3, (Mode.CLASS, ("1",), True)),
        (None, 1, None, (Mode.AUTO, (), False)),
        (None, 1.5, None, (Mode.AUTO, (), False)),
        (None, True, None, (Mode.CLASS, (), False)),
        (None, "cat", None, (Mode.CLASS, (), False)),
        (None, "cat", DICT, (Mode.CLASS, ("bird", "cat", "dog"), False)),
        (None, "1", {"1": 0.3, "0": 0.7}, (Mode.CLASS, ("1",), True)),
        (None, "1", {"1": 0.3, "0": None, "2": None}, (Mode.CLASS, ("1",), True)),
        (None, "1", {"0": 0.3}, (Mode.CLASS, ("0",), False)),
        (None, "1", {}, (Mode.CLASS, (), False)),
        (None, "1", {"0": None}, (Mode.CLASS, (), False)),
        (None, "c1", MANY, (Mode.CLASS, (), False)),
        (None, "c1", {"c1": 0.1, "c2": 0.2, "x" * 65: 0.7}, (Mode.CLASS, (), False)),
        (None, "c1", {"c1": 0.1, "c2": 0.2, "ж" * 40: 0.7}, (Mode.CLASS, (), False)),
        (None, "c1", {"c1": 0.1, "c2": 0.2, "a\x1fb": 0.7}, (Mode.CLASS, (), False)),
        (None, ["a", "b"], None, (Mode.RANKING, (), False)),
        (None, [1, 2.0], None, (Mode.RANKING, (), False)),
        (None, [], None, (Mode.RANKING, (), False)),
        (None, [0.25, 1.0], None, None),
        (None, 10**400, None, (Mode.CLASS, (), False)),
        (Mode.CLASS, 1, None, (Mode.CLASS, (), False)),
        (Mode.CLASS, ["a"], None, None),
        (Mode.NUMBER, 2.5, 0.3, (Mode.NUMBER, (), False)),
        (Mode.NUMBER, "2.5", None, None),
        (Mode.NUMBER, True, None, None),
        (Mode.NUMBER, 10**400, None, None),
        (Mode.NUMBER, ["a"], None, None),
        (Mode.RANKING, ["a"], None, (Mode.RANKING, (), False)),
        (Mode.RANKING, "a", None, None),
        (Mode.RANKING, [0.5], None, None),
        (Mode.CLASS, None, None, None),
    ],
)
def test_the_form_of_an_entry_follows_from_the_plan_and_the_answer(
    decided: Mode | None, prediction: Any, probability: Any, form: Any
) -> None:
    groups = packed([answered(prediction, probability)], terms(decided))
    found = [(made.mode, made.classes, made.binary) for made, _ in groups]
    assert found == ([] if form is None else [form])


def test_an_entry_holds_what_its_label_will_need() -> None:
    segments = compile_segments({"tags.a": ("x", "y"), "tags.b": ("z",)})
    event = answered("spam", {"1": 0.25, "0": 0.75}, tags={"a": "y", "b": "?"})
    groups = packed(
        [event],
        terms(Mode.CLASS, segments=segments),
        partitions=np.array([7]),
        offsets=np.array([2**32 + 9]),
        indexes=np.array([70_000]),
    )
    [((made, width), [blob])] = groups.items()
    assert (made.classes, made.binary, width) == (("1",), True, len(blob))
    assert blob[:8] == request_keys(["r0"]).tobytes()
    code, append_s, time = struct.unpack_from("<4sI6s", blob, 8)
    assert (code, append_s) == (bytes(4), (NOW_MS + 5_000) // 1000)
    assert int.from_bytes(time, "little") == NOW_MS
    assert blob[22:24] == bytes([1, 1])
    place = struct.unpack_from("<dHIH", blob, 24)
    assert place == (0.25, 7 + PREDICTIONS_BIT + 32768, 9, 70_000 % 2**16)
    assert blob[40:] == b"spam"


@pytest.mark.parametrize(
    ("mode", "value", "body"),
    [
        (Mode.NUMBER, 2, struct.pack("<d", 2.0)),
        (Mode.CLASS, 1.0, b"1"),
        (Mode.CLASS, "", b""),
        (Mode.CLASS, "ж", "ж".encode()),
        (Mode.CLASS, 10**100, b"1e+100"),
        (Mode.RANKING, ["a", 1, 1.0], struct.pack("<3I", *map(zlib.crc32, (b"a", b"1", b"1")))),
        (Mode.RANKING, [str(i) for i in range(5000)], None),
    ],
)
def test_what_was_predicted_ends_the_entry(mode: Mode, value: Any, body: bytes | None) -> None:
    [((_, width), [blob])] = packed([answered(value)], terms(mode)).items()
    if body is None:
        assert width == 8 + 14 + 6 + 4 * 1000
    else:
        assert blob[8 + 14 + 6 :] == body


def test_a_single_probability_may_be_missing_in_an_object() -> None:
    events = [answered("1", {"1": 0.5, "0": 0.5}), answered("1", {"1": 0.2})]
    [((made, width), [blob])] = packed(events, terms(Mode.CLASS)).items()
    scores = [struct.unpack_from("<d", blob, 22 + width * i)[0] for i in range(2)]
    assert (made.binary, scores) == (True, [0.5, 0.2])


def test_events_of_all_kinds_are_each_packed_once() -> None:
    values: list[Any] = [1, 1.5, "a", "bb", True, ["a"], ["a", "b"], None, [0.5], 10**20]
    events = [answered(value, 0.5 if i % 3 == 0 else None) for i, value in enumerate(values * 5)]
    indexes = np.array([-1, 0, 3])[np.arange(len(events)) % 3]
    groups = packed(events, terms(), indexes=indexes)
    keys = [
        blob[at : at + 8]
        for (_, width), blobs in groups.items()
        for blob in blobs
        for at in range(0, len(blob), width)
    ]
    comparable = [i for i, event in enumerate(events) if event.prediction not in (None, [0.5])]
    all_keys = request_keys(f"r{i}" for i in range(len(events)))
    assert sorted(keys) == sorted(all_keys[i].tobytes() for i in comparable)


def test_an_append_time_from_nowhere_is_cut() -> None:
    far = np.array([2**62])
    [((_, _), [blob])] = packed([answered(1)], terms(Mode.CLASS), append_ms=far).items()
    assert struct.unpack_from("<I", blob, 12)[0] == 2**32 - 1
    labels = Labels()
    add(labels, append_ms=2**62)
    assert read(labels)["append_s"] == 2**32 - 1


# -- labels ----------------------------------------------------------------------------------------

HEAD = struct.Struct("<6sHI")


def add(labels: Labels, **more: Any) -> None:
    given: dict[str, Any] = {
        "time_ms": NOW_MS,
        "place": (3, 5, -1),
        "append_ms": NOW_MS + 1_000,
        "label": 1,
        "metrics": None,
        "model": None,
        "version": None,
    }
    labels.add(b"8 bytes.", **(given | more))


def read(labels: Labels) -> dict[str, Any]:
    """Take a label apart by the layout that entries.lua documents."""
    key, body = labels.parts
    time, place, offset = HEAD.unpack_from(body)
    at = HEAD.size
    out: dict[str, Any] = {"key": key, "time_ms": int.from_bytes(time, "little")}
    if place >= 32768:
        out["index"] = struct.unpack_from("<H", body, at)[0]
        at += 2
    out |= {"place": place % 32768, "offset": offset}
    out["append_s"], flags = struct.unpack_from("<IB", body, at)
    at += 5
    for bit, name in ((1, "model"), (2, "version")):
        if flags & bit:
            out[name] = body[at : at + 4]
            at += 4
    if flags & 16:
        n = struct.unpack_from("<H", body, at)[0]
        items = struct.iter_unpack("<Id", body[at + 2 : at + 2 + n])
        out["ranking"] = list(items)
        at += 2 + n
    elif flags & 4:
        n = body[at]
        out |= {"value": body[at + 1 : at + 1 + n].decode(), "number": bool(flags & 8)}
        at += 1 + n
    if flags & 32:
        out["metrics"] = {}
        while at < len(body):
            n = body[at]
            name = body[at + 1 : at + 1 + n].decode()
            out["metrics"][name] = struct.unpack_from("<d", body, at + 1 + n)[0]
            at += 9 + n
    assert at == len(body)
    return out


def test_a_label_says_where_it_lies_when_it_was_known_and_whom_it_is_about() -> None:
    labels = Labels()
    add(labels, place=(3, 2**40 + 5, 65_537), model=b"mmmm", version=b"vvvv")
    assert read(labels) == {
        "key": b"8 bytes.",
        "time_ms": NOW_MS,
        "place": 3,
        "offset": 5,
        "index": 1,
        "append_s": (NOW_MS + 1_000) // 1000,
        "model": b"mmmm",
        "version": b"vvvv",
        "value": "1",
        "number": True,
    }


@pytest.mark.parametrize(
    ("label", "text", "number"),
    [
        (1, "1", True),
        (1.0, "1", True),
        ("1", "1", False),
        (True, "1", False),
        (False, "0", False),
        (-0.0, "0", True),
        (0.1, "0.1", True),
        (1e308, "1e+308", True),
        (10**299, "1e+299", True),
        ("", "", False),
        ("a\x1fb", "a b", False),
        ("\ud800", "?", False),
    ],
)
def test_values_are_written_as_classes_that_know_whether_they_were_numbers(
    label: Any, text: str, number: bool
) -> None:
    labels = Labels()
    add(labels, label=label)
    found = read(labels)
    assert (found["value"], found["number"]) == (text, number)


def test_names_of_classes_fit_into_a_byte_and_stay_apart() -> None:
    texts = set()
    for label in ("ж" * 300, "ж" * 301, "x" * 300, "x" * 64 + "y"):
        labels = Labels()
        add(labels, label=label)
        texts.add(read(labels)["value"])
    assert len(texts) == 4


@pytest.mark.parametrize("label", [[], {}, {"a": None}, {"a": 0.0}, {"a": -1.0}])
def test_nothing_relevant_is_a_label_too(label: Any) -> None:
    labels = Labels()
    add(labels, label=label)
    assert read(labels)["ranking"] == []


def test_the_most_relevant_items_of_too_many_are_kept() -> None:
    labels = Labels()
    add(labels, label={str(i): float(i) for i in range(10_000)})
    found = read(labels)["ranking"]
    assert [relevance for _, relevance in found] == [float(i) for i in range(9_999, 8_999, -1)]
    assert found[0][0] == zlib.crc32(b"9999")


def test_figures_are_bounded_and_finite() -> None:
    odd = {"": 1.0, "none": None, "nan": math.nan, "inf": math.inf, "ж" * 65: 1.0, "\ud800": 2.0}
    labels = Labels()
    add(labels, label=None, metrics=odd | {f"m{i}": float(i) for i in range(40)})
    found = read(labels)
    assert "value" not in found
    assert found["metrics"] == {"?": 2.0} | {f"m{i}": float(i) for i in range(15)}


def test_labels_that_come_along_are_about_the_model_that_was_asked() -> None:
    labels = Labels()
    events = [answered(1), answered(1, label="cat")]
    add_own_labels(labels, requests(events, offsets=np.array([7, 2**32 + 8])), "credit")
    found = read(labels)
    assert found["key"] == request_keys(["r1"]).tobytes()
    assert (found["model"], "version" in found) == (name_hash("credit"), False)
    assert (found["place"], found["offset"], found["value"]) == (2 + PREDICTIONS_BIT, 8, "cat")
    assert found["time_ms"] == NOW_MS + 1


def test_absence_is_written_as_a_label_is() -> None:
    config = LabelsConfig(absent_means=AbsentMeans(value=False, after="90d"))
    absent = terms_of(VERSION, LabelPlan(task=Task.BINARY), config, HOUR_MS).absent
    assert absent is not None
    labels = Labels()
    add(labels, label=False)
    found = read(labels)
    assert (absent.value, absent.number) == (found["value"], found["number"])
    assert absent.after_s == 7 * 86_400, "it waits no longer than labels do"
