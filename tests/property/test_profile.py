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
from stream.window.custom import CustomCounts
from stream.window.layout import GridLayout, compile_layout

HOUR_MS = 3_600_000
SEEDS = st.integers(0, 2**32)
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


def some_names(rng: Any, bound: int) -> Any:
    letters = rng.choice(list("abc|:é "), (int(rng.integers(0, 7)), 3))
    return bound_names({"".join(word): int(rng.integers(1, 2**40)) for word in letters}, bound)


def grid_counts(rng: Any, cells: GridLayout) -> GridCounts:
    events = int(rng.integers(0, 1_000))
    columns = len(cells.numeric)
    grid = GridCounts(events=events)
    for row, width in enumerate(cells.row_cells):
        grid.rows[row] = np.bincount(rng.integers(0, width, events), minlength=width)
    # In the order of values, squares, and what lies beyond; squares as large as values need them.
    sums = rng.integers(-(2**40), 2**40, (cells.per_column_sums, columns)).tolist()
    sums[delta.SQUARES] = [2**82] * columns
    grid.sums = [value for part in sums for value in part]
    grid.maxima = rng.normal(size=2 * columns)
    if cells.moments is not None:
        grid.moments = rng.integers(-(2**40), 2**40, cells.moments.cells).astype(np.float64)
        grid.moments[0] = events
    grid.unseen = {0: some_names(rng, 4)}
    grid.registers = {1: rng.integers(0, 50, cardinality.REGISTERS).astype(np.uint8)}
    return grid


def counts(rng: Any, cells: GridLayout) -> PaneCounts:
    out = PaneCounts()
    out.core = np.sort(rng.integers(0, 10_000, delta.CORE_CELLS))[::-1].astype(np.int64)
    out.latencies[rng.integers(0, len(out.latencies), 5)] = rng.integers(1, 2**40)
    out.latency_ns = int(rng.integers(0, 2**62))
    out.latency_max_ms = float(rng.exponential())
    out.errors = some_names(rng, delta.ERROR_TYPES_MAX)
    out.gained = some_names(rng, delta.GAINED_MAX)
    out.violations = {"abc": some_names(rng, delta.KINDS_MAX)}
    out.tags = {"env": some_names(rng, delta.TAG_VALUES_MAX)}
    out.ids = bottom_k([rng.integers(0, 2_000, 500).astype(np.uint32)], delta.IDS_MAX)
    out.grids = {layout().id: grid_counts(rng, cells)}
    return out


def profile(seed: int) -> Profile:
    rng = np.random.default_rng(seed)
    found = counts(rng, layout())
    found.segments = {"tags.env=a|b": counts(rng, layout().coarse)}
    found.custom = {  # of all traffic only
        name: CustomCounts.of(10.0 ** rng.uniform(-9, 9, int(rng.integers(1, 9))) - 1)
        for name in some_names(rng, 4).names
        if name
    }
    start_ms = int(rng.integers(0, 100)) * HOUR_MS
    part = Part(
        start_ms=start_ms,
        end_ms=start_ms + HOUR_MS,
        id="",
        events=found.count,
        seen_until_ms=start_ms + HOUR_MS,
        complete=bool(rng.integers(0, 2)),
    )
    limit = FeatureConfig(max=float(rng.integers(1, 9)))
    made = Profile(
        model_name="credit",
        model_version="3",
        parts=(part,),
        named=True,
        grid=layout().id,
        baseline=baseline(),
        config=ModelConfig(model_name="credit", features={"age": limit}),
        rows=encode_rows(found),
    )
    return msgspec.structs.replace(
        made, parts=(msgspec.structs.replace(part, id=content_id(made)),)
    )


@CHEAP
@given(SEEDS)
def test_what_is_written_is_read(seed: int) -> None:
    made = profile(seed)
    data = encode(made)
    assert decode(data, "x.sgp") == made
    assert encode(decode(data, "x.sgp")) == data
    assert encode_rows(counts_of(made)) == made.rows


@CHEAP
@given(st.lists(SEEDS, min_size=3, max_size=3, unique=True))
def test_the_sum_is_the_same_bytes_in_any_order(seeds: list[int]) -> None:
    three = [profile(seed) for seed in seeds]
    sums = {encode(merged(merged(a, b), c)) for a, b, c in permutations(three)}
    sums |= {encode(merged(a, merged(b, c))) for a, b, c in permutations(three)}
    assert len(sums) == 1
    total = decode(sums.pop(), "x.sgp")
    assert total.rows == encode_rows(merge_panes(map(counts_of, three)))
    assert sum(part.events for part in total.parts) == counts_of(total).count


@CHEAP
@given(SEEDS)
def test_damage_is_told(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = encode(profile(seed))
    file = bytearray(whole)
    file[rng.integers(0, len(file))] ^= int(rng.integers(1, 256))
    for broken in (bytes(file), whole[: rng.integers(0, len(file))]):
        with pytest.raises(ProfileError, match=r"^x\.sgp is ") as caught:
            decode(broken, "x.sgp")
        assert "\n" not in str(caught.value)


def forged(content: Any) -> bytes:
    """A file whose checksum is right, whatever it holds."""
    body = zlib.compress(content if isinstance(content, bytes) else msgspec.msgpack.encode(content))
    return MAGIC + hashlib.sha256(body).digest() + body


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_hostile_content_is_refused_or_harmless(seed: int) -> None:
    """With a right checksum: one byte of the content, or a few of one row, are others."""
    rng = np.random.default_rng(seed)
    made = profile(seed % 4)
    content = bytearray(msgspec.msgpack.encode(made))
    content[rng.integers(0, len(content))] ^= int(rng.integers(1, 256))
    name = sorted(made.rows)[rng.integers(0, len(made.rows))]
    row = made.rows[name]
    at = int(rng.integers(0, len(row)))
    other = row[:at] + rng.bytes(int(rng.integers(0, 9))) + row[at + 4 :]
    replaced = msgspec.structs.replace(made, rows={**made.rows, name: other})
    for file in (forged(bytes(content)), forged(replaced)):
        said = shown(file)
        assert said.startswith("x.sgp ") or said.isdigit()


def shown(file: bytes) -> str:
    """How many events the file shows, or the sentence about it."""
    try:
        return str(reports_of(decode(file, "x.sgp"), "x.sgp")[0].count)
    except ProfileError as error:
        return str(error)


@CHEAP
@given(st.binary(max_size=200))
def test_what_is_no_profile_is_refused(data: bytes) -> None:
    for file in (data, MAGIC + data, forged(data)):
        with pytest.raises(ProfileError):
            decode(file, "x.sgp")
