"""Profiles: what is written is read, sums do not depend on order, damage is one sentence."""

import hashlib
import zlib
from functools import cache
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.baselines import Baseline
from schemas.features import FeatureConfig
from schemas.models import ModelConfig
from stream.baseline.build import build_baseline
from stream.profile.content import Part, Profile
from stream.profile.errors import ProfileError
from stream.profile.file import MAGIC, content_id, decode, encode
from stream.profile.merge import counts_of, merged
from stream.profile.rows import encode_rows
from stream.profile.window import reports_of
from stream.rollup.merge import GridCounts, PaneCounts, merge_panes
from stream.sketches import cardinality
from stream.sketches.bottom_k import bottom_k
from stream.state.codec import bound_names
from stream.window import delta
from stream.window.layout import GridLayout, compile_layout

HOUR_MS = 3_600_000
NAMES = st.dictionaries(st.text(max_size=3), st.integers(1, 2**40), max_size=6)
CHEAP = settings(deadline=None, max_examples=25)


@cache
def baseline() -> Baseline:
    rng = np.random.default_rng(0)
    data = {
        "age": rng.normal(41, 13, 400),
        "city": rng.choice(["Oslo", "Rome"], 400),
        "income": rng.normal(0, 1, 400),
        "prediction": rng.integers(0, 2, 400),
    }
    return build_baseline(data, model_name="credit", model_version="3")


@cache
def layout() -> GridLayout:
    return compile_layout(baseline())


def grid_counts(rng: Any, cells: GridLayout, names: Any) -> GridCounts:
    events = int(rng.integers(0, 1_000))
    columns = len(cells.numeric)
    grid = GridCounts(events=events)
    for row, width in enumerate(cells.row_cells):
        grid.rows[row] = np.bincount(rng.integers(0, width, events), minlength=width)
    grid.sums = [int(rng.integers(-(2**62), 2**62)) << 20 for _ in range(columns)] * (
        cells.per_column_sums
    )
    grid.maxima = rng.normal(size=2 * columns)
    if cells.moments is not None:
        grid.moments = rng.integers(-(2**40), 2**40, cells.moments.cells).astype(np.float64)
        grid.moments[0] = events
    grid.unseen = {0: bound_names(names, 4)}
    grid.registers = {1: rng.integers(0, 50, cardinality.REGISTERS).astype(np.uint8)}
    return grid


@st.composite
def counts(draw: Any, segments: bool = True) -> PaneCounts:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = layout() if segments else layout().coarse
    out = PaneCounts()
    out.core = np.sort(rng.integers(0, 10_000, delta.CORE_CELLS))[::-1].astype(np.int64)
    out.latencies[rng.integers(0, len(out.latencies), 5)] = rng.integers(1, 2**40)
    out.latency_ns = int(rng.integers(0, 2**62))
    out.latency_max_ms = float(rng.exponential())
    out.errors = bound_names(draw(NAMES), delta.ERROR_TYPES_MAX)
    out.gained = bound_names(draw(NAMES), delta.GAINED_MAX)
    out.violations = {"abc": bound_names(draw(NAMES), delta.KINDS_MAX)}
    out.tags = {"env": bound_names(draw(NAMES), delta.TAG_VALUES_MAX)}
    out.ids = bottom_k([rng.integers(0, 2_000, 500).astype(np.uint32)], delta.IDS_MAX)
    out.grids = {layout().id: grid_counts(rng, cells, draw(NAMES))}
    if segments:
        out.segments = {"tags.env=a|b": draw(counts(segments=False))}
    return out


@st.composite
def profiles(draw: Any, start_hours: Any = st.integers(0, 100)) -> Profile:
    found = draw(counts())
    start_ms = draw(start_hours) * HOUR_MS
    part = Part(
        start_ms=start_ms,
        end_ms=start_ms + HOUR_MS,
        id="",
        events=found.count,
        seen_until_ms=start_ms + HOUR_MS,
        complete=draw(st.booleans()),
    )
    made = Profile(
        model_name="credit",
        model_version="3",
        parts=(part,),
        named=True,
        grid=layout().id,
        baseline=baseline(),
        config=ModelConfig(
            model_name="credit", features={"age": FeatureConfig(max=draw(st.integers(1, 9)))}
        ),
        rows=encode_rows(found),
    )
    return msgspec.structs.replace(
        made, parts=(msgspec.structs.replace(part, id=content_id(made)),)
    )


@CHEAP
@given(profiles())
def test_what_is_written_is_read(profile: Profile) -> None:
    data = encode(profile)
    assert decode(data, "x.sgp") == profile
    assert encode(decode(data, "x.sgp")) == data
    assert encode_rows(counts_of(profile)) == profile.rows


@CHEAP
@given(st.lists(profiles(), min_size=3, max_size=3, unique_by=lambda p: p.parts[0].id))
def test_the_sum_is_the_same_bytes_in_any_order(three: list[Profile]) -> None:
    sums = {encode(merged(merged(a, b), c)) for a, b, c in permutations(three)}
    sums |= {encode(merged(a, merged(b, c))) for a, b, c in permutations(three)}
    assert len(sums) == 1
    total = decode(sums.pop(), "x.sgp")
    assert total.rows == encode_rows(merge_panes(map(counts_of, three)))
    assert sum(part.events for part in total.parts) == counts_of(total).count


@CHEAP
@given(profiles(), st.data())
def test_damage_is_told(profile: Profile, data: st.DataObject) -> None:
    file = bytearray(encode(profile))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(file) - 1))
    for broken in (bytes(file), encode(profile)[:cut]):
        with pytest.raises(ProfileError, match=r"^x\.sgp is ") as caught:
            decode(broken, "x.sgp")
        assert "\n" not in str(caught.value)


def forged(content: Any) -> bytes:
    """A file whose checksum is right, whatever it holds."""
    body = zlib.compress(content if isinstance(content, bytes) else msgspec.msgpack.encode(content))
    return MAGIC + hashlib.sha256(body).digest() + body


@CHEAP
@given(profiles(), st.data())
def test_hostile_content_is_refused_or_harmless(profile: Profile, data: st.DataObject) -> None:
    """With a right checksum: one byte of the content, or one row, is another one."""
    content = bytearray(msgspec.msgpack.encode(profile))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    name = data.draw(st.sampled_from(sorted(profile.rows)))
    row = profile.rows[name]
    at = data.draw(st.integers(0, len(row) - 1))
    other = row[:at] + data.draw(st.binary(max_size=8)) + row[at + 4 :]
    replaced = msgspec.structs.replace(profile, rows={**profile.rows, name: other})
    for file in (forged(bytes(content)), forged(replaced)):
        try:
            reports = reports_of(decode(file, "x.sgp"), "x.sgp")
        except ProfileError as error:
            assert str(error).startswith("x.sgp is ")
        else:
            assert reports[0].model_version


@given(st.binary(max_size=200))
@CHEAP
def test_what_is_no_profile_is_refused(data: bytes) -> None:
    for file in (data, MAGIC + data, forged(data)):
        with pytest.raises(ProfileError):
            decode(file, "x.sgp")
