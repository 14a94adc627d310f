"""What goes to the join: the same however events are cut into polls, in texts that are bounded."""

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.models import LabelsConfig
from schemas.names import canonical_class
from stream.ingest.decode import DecodedEvent
from stream.ingest.joining import Labels, Requests, add_requests, in_sample, request_keys
from stream.state.keys import VersionId
from stream.window.label_terms import Groups, LabelPlan, LabelTerms, Mode, terms_of
from stream.window.label_text import CLASS_CHARACTERS_MAX, class_text, scalar_text
from stream.window.panes import HOUR_MS
from stream.window.segments import compile_segments

NAMES = st.text(max_size=80)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
SCALARS = st.booleans() | NUMBERS | NAMES
RANKINGS = st.lists(NUMBERS | NAMES, max_size=20)
SHARES = st.floats(0, 1)
EVENTS = st.builds(
    DecodedEvent,
    prediction=st.none() | SCALARS | RANKINGS,
    probability=st.none() | SHARES | st.dictionaries(NAMES, st.none() | SHARES, max_size=20),
    tags=st.none() | st.dictionaries(st.just("country"), st.sampled_from(["FR", "DE", "IT"])),
)
PLACED = st.lists(st.tuples(EVENTS, st.integers(-1, 70_000)), min_size=1, max_size=12)
PLANS = st.builds(
    LabelPlan,
    mode=st.none() | st.sampled_from([Mode.CLASS, Mode.NUMBER, Mode.RANKING]),
    positive=st.just("1") | NAMES,
    segments=st.just(compile_segments({"tags.country": ("FR", "DE")})),
)


def packed(
    placed: list[tuple[DecodedEvent, int]], plan: LabelPlan, cuts: list[int]
) -> dict[tuple[Any, int], list[bytes]]:
    """Records by the form of their terms and their length, of events cut into polls."""
    groups: Groups = {}
    terms = terms_of(VersionId("m", "1"), plan, LabelsConfig(), HOUR_MS)
    edges = sorted({0, len(placed), *(cut for cut in cuts if cut < len(placed))})
    for first, last in pairwise(edges):
        part = placed[first:last]
        at = np.arange(first, last)
        requests = Requests(
            [event for event, _ in part],
            request_keys(str(i) for i in at),
            at + 1_790_000_000_000,
            at + 1_790_000_000_000,
            at % 4,
            at,
            np.array([index for _, index in part]),
        )
        add_requests(groups, requests, terms, None)
    out: dict[tuple[Any, int], list[bytes]] = {}
    for (made, width), blobs in groups.items():
        whole = b"".join(blobs)
        form = (made.mode, made.classes, made.binary)
        records = [whole[at : at + width] for at in range(0, len(whole), width)]
        out[form, width] = sorted(records)
    return out


@given(PLACED, PLANS, st.lists(st.integers(1, 12)))
def test_polls_make_no_difference(
    placed: list[tuple[DecodedEvent, int]], plan: LabelPlan, cuts: list[int]
) -> None:
    whole = packed(placed, plan, [])
    assert packed(placed, plan, cuts) == whole
    assert sum(map(len, whole.values())) <= len(placed)


@given(PLACED, PLANS)
def test_a_record_is_as_long_as_its_parts(
    placed: list[tuple[DecodedEvent, int]], plan: LabelPlan
) -> None:
    for ((mode, classes, binary), width), records in packed(placed, plan, []).items():
        assert binary == (classes == (plan.positive,) and mode is Mode.CLASS) or not binary
        for record in records:
            place_at = 8 + 14 + len(plan.segments) + 8 * len(classes)
            place = struct.unpack_from("<H", record, place_at)[0]
            rest = record[place_at + (8 if place >= 32768 else 6) :]
            assert len(record) == width
            if mode in (Mode.NUMBER, Mode.AUTO):
                assert len(rest) == 8
            elif mode is Mode.RANKING:
                assert len(rest) % 4 == 0
            else:
                assert len(rest.decode()) <= CLASS_CHARACTERS_MAX
            assert LabelTerms.payload(
                terms_of(VersionId("m", "1"), plan, LabelsConfig(), HOUR_MS).of(
                    mode, classes, binary=binary
                )
            )


@given(NAMES)
def test_the_text_of_a_class_is_stable_and_bounded(name: str) -> None:
    text = class_text(name)
    assert len(text.encode()) <= CLASS_CHARACTERS_MAX
    assert class_text(text) == text
    assert "\x1f" not in text


@given(NUMBERS)
def test_a_number_stays_the_number_it_is(value: float) -> None:
    assert float(scalar_text(value)) == float(value)
    if len(canonical_class(value)) <= CLASS_CHARACTERS_MAX:
        assert scalar_text(value) == canonical_class(value)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20), SHARES, SHARES)
def test_predictions_and_their_labels_are_in_the_same_samples(
    ids: list[str], a: float, b: float
) -> None:
    keys = request_keys(ids)
    assert not (in_sample(keys, min(a, b)) & ~in_sample(keys, max(a, b))).any()
    one_by_one = [in_sample(request_keys([i]), a)[0] for i in ids]
    assert in_sample(keys, a).tolist() == one_by_one


@given(
    SCALARS | RANKINGS | st.dictionaries(NAMES, st.none() | NUMBERS.map(float)),
    st.none() | st.dictionaries(NAMES, st.none() | st.floats(), max_size=20),
    st.integers(-1, 2**40),
    st.integers(0, 2**62),
)
def test_any_label_can_be_packed(label: Any, metrics: Any, index: int, offset: int) -> None:
    labels = Labels()
    for _ in range(2):
        labels.add(
            b"8 bytes.",
            time_ms=10**14,
            place=(3, offset, index),
            append_ms=offset,
            label=label,
            metrics=metrics,
            model=b"mmmm",
            version=None,
        )
    assert labels.parts[:2] == labels.parts[2:]
    assert len(labels.parts[1]) < 2**16
